"""ArtEq as published (Feng et al., ICCV 2023), on the backbone of Chen et al. (CVPR 2021).

Made from the papers, to time what it costs: 24 kernel points without a symmetry, turned by each of
the 60 rotations; four blocks of a convolution over points and one over the group; parts, poses and
shape from them. Letters: B people, N points, M kept points, K neighbours, C channels.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from equi_nodes.equivariant.icosahedral import SIZE, GroupConvolution, to_matrices
from equi_nodes.geometry.icosahedral import icosahedral
from equi_nodes.geometry.neighbours import closest, seeds_first, take

KERNEL = 24
PARTS, BETAS = 22, 10
# inputs, outputs, stride, radius (m), spread (m^2), neighbours of the blocks
BLOCKS = (
    (1, 32, 2, 0.08, 0.0032, 64),
    (32, 32, 1, 0.1131, 0.0064, 32),
    (32, 64, 2, 0.16, 0.0128, 64),
    (64, 64, 1, 0.16, 0.0128, 32),
)


class PublishedArtEq(nn.Module):
    """The released network up to the mean rotations, before they are projected."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(*sizes) for sizes in BLOCKS)
        self.parts = PartHead(BLOCKS[-1][1])
        self.parents = torch.zeros(PARTS, dtype=torch.int64)  # which ones costs the same
        width = 2 * BLOCKS[-1][1]
        self.attend = nn.ModuleList(
            nn.MultiheadAttention(width, 8, batch_first=True) for _ in range(2)
        )
        self.votes = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.Linear(width, 1)
        )
        self.relate = nn.MultiheadAttention(width, 8, batch_first=True)
        self.shape = nn.Sequential(
            nn.Linear(width, 6), nn.Flatten(), nn.Linear(6 * PARTS, BETAS), nn.ReLU(),
            nn.Linear(BETAS, BETAS),
        )  # fmt: skip

    def forward(self, points: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return part logits (B, N, 22), mean rotations (B, 22, 3, 3) and shapes (B, 10).

        Every second point is kept, far from each other; the logits come in the order of these. The
        mask is not used: every point is there.
        """
        everyone = torch.ones(points.shape[:2], dtype=torch.bool)
        points = take(points, seeds_first(points, everyone, points.shape[1] // 2)[:, None])[:, 0]
        kept, features = points, points.new_ones(*points.shape[:2], SIZE, 1)
        for block in self.blocks:
            kept, features = block(kept, features)
        near = closest(points, kept, everyone[:, : kept.shape[1]], 3)
        weight = 1 / (near.offsets.square().sum(-1) + 1e-8)
        weight = (weight / weight.sum(-1, keepdim=True))[..., None]
        fine = (take(features.flatten(2), near.index) * weight).sum(2).unflatten(-1, (SIZE, -1))
        parts = self.parts(fine.mean(2))
        share = parts.softmax(-1)
        share = share / share.sum(1, keepdim=True)
        pooled = torch.einsum("bnp,bnac->bpac", share, fine)
        pooled = torch.cat([pooled, pooled[:, self.parents]], -1)
        return parts, to_matrices(self._votes(pooled)), self._shape(pooled.mean(2))

    def _votes(self, pooled: Tensor) -> Tensor:
        tokens = pooled.flatten(0, 1)
        first, second = self.attend
        tokens = tokens + first(tokens, tokens, tokens, need_weights=False)[0]
        tokens = second(tokens, tokens, tokens, need_weights=False)[0]
        return self.votes(tokens)[..., 0].unflatten(0, pooled.shape[:2])

    def _shape(self, tokens: Tensor) -> Tensor:
        return self.shape(tokens + self.relate(tokens, tokens, tokens, need_weights=False)[0])


class Block(nn.Module):
    """Convolutions over points and over the group, with a skip."""

    def __init__(
        self, inputs: int, outputs: int, stride: int, radius: float, spread: float, neighbours: int
    ):
        super().__init__()
        self.stride, self.radius, self.spread, self.neighbours = stride, radius, spread, neighbours
        turned = torch.from_numpy(icosahedral().matrices).float() @ _kernel(0.7 * radius).T
        self.register_buffer("taps", turned.permute(1, 0, 2).flatten(1), False)  # (3, 60 * 24)
        self.over_points = nn.Linear(KERNEL * inputs, outputs)
        self.over_group = GroupConvolution(outputs, outputs)
        self.skip = nn.Linear(inputs, outputs)

    def forward(self, points: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the kept points, a prefix, and their features (B, M, 60, outputs)."""
        kept = points[:, : math.ceil(points.shape[1] / self.stride)]
        index, weight, offsets = self._ball(kept, points)
        apart = offsets.square().sum(-1, keepdim=True) - 2 * offsets @ self.taps
        apart = apart + self.taps.square().sum(0)
        near = (1 - apart / self.spread).clamp(min=0) * weight[..., None]
        near = near.unflatten(-1, (SIZE, KERNEL))
        around = take(features.flatten(2), index).unflatten(-1, (SIZE, -1))
        mixed = torch.einsum("bmjak,bmjac->bmakc", near, around).flatten(-2)
        new = _normed(self.over_group(_normed(self.over_points(mixed))))
        return kept, new + _normed(self.skip(features[:, : kept.shape[1]]))

    def _ball(self, kept: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the first neighbours in the list that lie in the ball."""
        number = torch.arange(points.shape[1]).expand(kept.shape[0], kept.shape[1], -1)
        number = number.masked_fill(torch.cdist(kept, points) >= self.radius, points.shape[1])
        most = min(self.neighbours, points.shape[1])
        index = number.topk(most, largest=False).values
        is_found = index < points.shape[1]
        index = index.clamp(max=points.shape[1] - 1)
        return index, is_found.to(points), take(points, index) - kept[:, :, None]


class PartHead(nn.Module):
    """A point network of residual units on invariant features."""

    def __init__(self, inputs: int, width: int = 128):
        super().__init__()
        self.first = nn.Linear(inputs, 2 * width)
        self.short = nn.ModuleList(nn.Linear(2 * width, width, bias=False) for _ in range(4))
        self.long = nn.ModuleList(
            nn.Sequential(nn.ReLU(), nn.Linear(2 * width, width), nn.ReLU(),
                          nn.Linear(width, width))
            for _ in range(4)
        )  # fmt: skip
        self.last = nn.Linear(width, PARTS)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, N, inputs) to logits (B, N, 22)."""
        features = self.first(features)
        for number, (short, long) in enumerate(zip(self.short, self.long)):
            features = short(features) + long(features)
            if number < 3:
                largest = features.amax(1, keepdim=True).expand_as(features)
                features = torch.cat([features, largest], -1)
        return self.last(relu(features))


def _kernel(radius: float) -> Tensor:
    """Return the origin and 23 points spread over a sphere, (24, 3)."""
    along = torch.arange(KERNEL - 1) + 0.5
    height = 1 - 2 * along / (KERNEL - 1)
    angle = math.pi * (3 - 5**0.5) * along
    ring = (1 - height.square()).sqrt()
    sphere = torch.stack([ring * angle.cos(), ring * angle.sin(), height], -1)
    return radius * torch.cat([torch.zeros(1, 3), sphere])


def _normed(features: Tensor) -> Tensor:
    """Return features of variance one over all points and elements of a cloud, rectified."""
    variance, mean = torch.var_mean(features, (1, 2), keepdim=True, correction=0)
    return leaky_relu((features - mean) * (variance + 1e-5).rsqrt(), 0.01)
