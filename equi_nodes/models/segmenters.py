"""Two usual networks that label points, which APEN is compared with; nothing in them turns along.

After PointNet (Qi et al., CVPR 2017) and DGCNN (Wang et al., ACM TOG 2019), in about the size of
APEN. Letters: B clouds, N points.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equi_nodes.geometry.neighbours import closest, take

NEIGHBOURS = 16
OFF = -1e4  # of what is not there, before a maximum


class PointNet(nn.Module):
    """Each point alone, then beside the maximum over all of them."""

    def __init__(self, labels: int, width: int = 192):
        super().__init__()
        self.own = _layers(3, width // 2, width, width)
        self.joint = _layers(2 * width, width, width)
        self.label = nn.Linear(width, labels)

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        """Return logits (B, N, labels) of points (B, N, 3) metres around their middle."""
        return self.label(_with_whole(self.own(points), mask, self.joint))


class DGCNN(nn.Module):
    """Each point beside its neighbours in space, three times over, and beside the maximum."""

    def __init__(self, labels: int, width: int = 144):
        super().__init__()
        sizes = (3, width // 2, width, width)
        self.edges = nn.ModuleList(_layers(2 * a, b) for a, b in zip(sizes, sizes[1:]))
        self.mix = _layers(sum(sizes[1:]), width)
        self.joint = _layers(2 * width, width, width)
        self.label = nn.Linear(width, labels)

    def forward(self, points: Tensor, mask: Tensor) -> Tensor:
        """Return logits (B, N, labels) of points (B, N, 3) metres around their middle."""
        near = closest(points, points, mask, min(NEIGHBOURS, points.shape[1] - 1))
        features, seen = points, []
        for edge in self.edges:
            own = features[:, :, None].expand(-1, -1, near.index.shape[-1], -1)
            pairs = torch.cat([own, take(features, near.index) - own], -1)
            is_near = near.weight[..., None] > 0
            features = torch.where(is_near, edge(pairs), OFF).amax(2).clamp(min=-1.0)
            seen.append(features)
        return self.label(_with_whole(self.mix(torch.cat(seen, -1)), mask, self.joint))


def _with_whole(features: Tensor, mask: Tensor, joint: nn.Module) -> Tensor:
    largest = torch.where(mask[..., None], features, OFF).amax(1, keepdim=True)
    return joint(torch.cat([features, largest.expand_as(features)], -1))


def _layers(*sizes: int) -> nn.Sequential:
    steps = zip(sizes, sizes[1:])
    return nn.Sequential(
        *(part for a, b in steps for part in (nn.Linear(a, b), nn.LayerNorm(b), nn.SiLU()))
    )
