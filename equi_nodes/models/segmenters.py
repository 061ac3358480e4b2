"""Two usual networks that label points, which APEN is compared with; nothing in them turns along.

After PointNet (Qi et al., CVPR 2017) and DGCNN (Wang et al., ACM TOG 2019), in about the size of
APEN. Letters: B clouds, N points.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from equi_nodes.geometry.neighbours import Close, closest, take

NEIGHBOURS = 10
OFF = -1e4  # of what is not there, before a maximum


class PointNet(nn.Module):
    """Each point alone, then beside the maximum over all of them."""

    def __init__(self, labels: int, width: int = 288):
        super().__init__()
        self.own = _layers(3, width // 2, width, width)
        self.joint = _layers(2 * width, width, width)
        self.label = nn.Linear(width, labels)

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        """Return logits (B, N, labels) of points (B, N, 3) metres around their middle."""
        return self.label(_with_whole(self.own(points), mask, self.joint))


class DGCNN(nn.Module):
    """Each point beside its neighbours in space, three times over, and beside the maximum."""

    def __init__(self, labels: int, width: int = 312, edges: int = 64):
        super().__init__()
        sizes = (3, edges, edges, edges)
        self.edges = nn.ModuleList(EdgeConvolution(a, b) for a, b in zip(sizes, sizes[1:]))
        self.mix = _layers(sum(sizes[1:]), width)
        self.joint = _layers(2 * width, width, width)
        self.label = nn.Linear(width, labels)

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        """Return logits (B, N, labels) of points (B, N, 3) metres around their middle."""
        near = closest(points, points, mask, NEIGHBOURS)
        features, seen = points, []
        for edge in self.edges:
            features = edge(features, near)
            seen.append(features)
        return self.label(_with_whole(self.mix(torch.cat(seen, -1)), mask, self.joint))


class EdgeConvolution(nn.Module):
    """The largest over the neighbours of ReLU(A x_i + B (x_j - x_i)), normalised.

    ReLU never falls, so the largest is taken before it, and both products are made once a point
    instead of once a pair: the same numbers in a tenth of the time.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.own = nn.Linear(inputs, outputs)
        self.apart = nn.Linear(inputs, outputs, bias=False)
        self.norm = nn.LayerNorm(outputs)

    def forward(self, features: Tensor, near: Close) -> Tensor:
        """Map features (B, N, inputs) to (B, N, outputs)."""
        apart = self.apart(features)
        around = take(apart, near.index).masked_fill(near.weight[..., None] == 0, OFF)
        return self.norm(relu(self.own(features) - apart + around.amax(2)))


def _with_whole(features: Tensor, mask: Tensor, joint: nn.Module) -> Tensor:
    largest = torch.where(mask[..., None], features, OFF).amax(1, keepdim=True)
    return joint(torch.cat([features, largest.expand_as(features)], -1))


def _layers(*sizes: int) -> nn.Sequential:
    steps = zip(sizes, sizes[1:])
    return nn.Sequential(
        *(part for a, b in steps for part in (nn.Linear(a, b), nn.LayerNorm(b), nn.SiLU()))
    )
