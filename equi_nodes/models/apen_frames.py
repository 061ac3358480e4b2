"""The frame of each cell, found by looking at it from all sides.

Cells are seen one at a time, so that they may move on their own. Letters: B clouds, N points, K
cells, M tokens (the first points, seeds of the first cells), C vectors.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equi_nodes.equivariant.attention import Block
from equi_nodes.equivariant.icosahedral import SIZE, GroupConvolution, in_frames, to_matrices
from equi_nodes.equivariant.partition import Cells
from equi_nodes.models.apen_layers import Architecture, Features

SOFT = 0.03  # a mean vector that is shorter gives no clear direction
SHARP, HIGHEST = 3.0, 18.0  # of the smooth maximum over tokens: exponents are no larger


class Sides(nn.Module):
    """How a cell is turned, by looking at it from 60 sides, whichever way it is turned itself.

    Learned weights of the points give a frame that is arbitrary but turns with the cell. From each
    of the 60 rotations of the icosahedron relative to it, one network tells how the cell looks;
    they attend to each other, and each tells its weight. That is far easier to learn than how an
    arbitrary frame is to be corrected.
    """

    def __init__(self, a: Architecture, scale: float):
        super().__init__()
        self.scale, self.tokens, self.chiral, width = scale, a.cells, a.chiral, a.sides
        self.weigh = nn.Linear(a.scalars, 2, bias=False)
        self.show = nn.Linear(a.vectors, a.shown, bias=False)
        self.of_scalars = nn.Linear(a.scalars, width)
        self.of_vectors = nn.Linear(3 * (1 + a.shown), width, bias=False)
        self.point = nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.beside = nn.Sequential(GroupConvolution(2 * width, width), nn.ReLU())
        self.attend = Block(width, a.heads)
        self.vote = nn.Sequential(nn.LayerNorm(width, bias=False), nn.Linear(width, 1, bias=False))

    def forward(self, features: Features, offsets: Tensor, cells: Cells) -> Tensor:
        """Return where forward and up of each point's cell point, about, (B, N, 3, 2)."""
        own = offsets[..., None] / self.scale
        frames = frames_of(self.weigh(features.scalars)[..., None, :] * own, cells, self.chiral)
        member = cells.member[:, : self.tokens].transpose(1, 2)
        found = self.beside(_pooled(self._looks(features, own, frames), member))
        votes = self.vote(self.attend(found.flatten(0, 1)).unflatten(0, found.shape[:2]))
        turns = to_matrices(votes.squeeze(-1))[..., ::2]
        return frames @ cells.spread(turns.flatten(2)).unflatten(-1, (3, 2))

    def _looks(self, features: Features, own: Tensor, frames: Tensor) -> Tensor:
        """Return how each token looks from 60 sides, (B, M, 60, width)."""
        first = features.first(self.tokens)
        vectors = torch.cat([own[:, : self.tokens], self.show(first.vectors)], -1)
        seen = frames[:, : self.tokens].transpose(-1, -2) @ vectors
        sides = torch.cat([in_frames(one) for one in seen.unbind(-1)], -1)
        return self.point(self.of_scalars(first.scalars)[..., None, :] + self.of_vectors(sides))


def frames_of(axes: Tensor, cells: Cells, chiral: bool) -> Tensor:
    """Return the frame of each point's cell, (B, N, 3, 3), axes in columns; zero if it has none.

    Args:
        axes: (B, N, 3, 2), whose means over a cell say where its x and z point, about.
        cells: the partition.
        chiral: with y as their cross product, else with two axes, which mirroring keeps.
    """
    x, z = cells.mean(axes.flatten(2)).unflatten(-1, (3, 2)).unbind(-1)
    z = _unit(z)
    x = _unit(x - (x * z).sum(-1, keepdim=True) * z)
    y = torch.linalg.cross(z, x) if chiral else torch.zeros_like(x)
    return cells.spread(torch.cat([x, y, z], -1)).unflatten(-1, (3, 3)).transpose(-1, -2)


def _pooled(looks: Tensor, member: Tensor) -> Tensor:
    """Return the mean and a smooth maximum over the tokens of each cell, (B, K, 60, 2 width).

    Args:
        looks: (B, M, 60, width), none negative.
        member: (B, K, M).
    """
    both = torch.cat([looks, (SHARP * looks).clamp(max=HIGHEST).exp()], -1).flatten(2)
    pooled = member @ both / member.sum(-1, keepdim=True).clamp(min=1)
    mean, height = pooled.unflatten(-1, (SIZE, -1)).chunk(2, -1)
    return torch.cat([mean, height.clamp(min=1).log() / SHARP], -1)


def _unit(vectors: Tensor) -> Tensor:
    """Return vectors (..., 3) of length one; those that are about zero stay so."""
    return vectors * torch.rsqrt(vectors.square().sum(-1, keepdim=True) + SOFT**2)
