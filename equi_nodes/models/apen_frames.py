"""A look at each cell in a frame that is found first, in which vectors are plain numbers.

``Sides`` finds the frame and ``InFrames`` looks, as a usual network would. Both see one cell at a
time, so that cells may move on their own. Letters: B clouds, N points, K cells, M tokens (the
first points, seeds of the first cells), C vectors.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from equi_nodes.equivariant.attention import NOWHERE, Block
from equi_nodes.equivariant.icosahedral import SIZE, GroupConvolution, in_frames, to_matrices
from equi_nodes.equivariant.partition import Cells
from equi_nodes.geometry.neighbours import Close, closest, mixed, take
from equi_nodes.models.apen_layers import Architecture, Features, mean_of

SOFT = 0.03  # a mean vector that is shorter gives no clear direction
AROUND, HEARD = 16, 4  # points that a token sees around it, tokens that a point hears from
NEARBY = 4.0  # offsets to them count so many times as much as those from the middle
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


class Around(NamedTuple):
    """What lies close in the same cell: to each token points, and to each point tokens."""

    points: Close
    tokens: Close


class InFrames(nn.Module):
    """Features that are equivariant cell by cell, of a look at each cell in its frame.

    Tokens look at the points around them and attend to those of their own cell; each point hears
    from the tokens that are close. Of the other cells it knows a mean of numbers that no motion of
    a part changes.
    """

    def __init__(self, a: Architecture, scale: float):
        super().__init__()
        self.scale, self.tokens, width = scale, a.cells, a.width
        self.outputs = a.scalars, 3 * a.vectors
        self.enter = nn.Linear(sum(self.outputs) + 3, width)
        self.apart = nn.Linear(3, width, bias=False)
        self.gather = nn.Sequential(nn.ReLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(Block(width, a.heads) for _ in range(a.blocks))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Sequential(
            nn.LayerNorm(3 * width),
            nn.Linear(3 * width, width),
            nn.ReLU(),
            nn.Linear(width, sum(self.outputs)),
        )
        self.aim = nn.Linear(a.vectors, 2, bias=False)

    def forward(
        self,
        features: Features,
        offsets: Tensor,
        frames: Tensor,
        cells: Cells,
        mask: Tensor,
        around: Around,
    ) -> tuple[Features, Tensor]:
        """Look at points at offsets (B, N, 3) from the middle of their cell in frames (B, N, 3, 3).

        Returns:
            features, and where forward and up of each cell point after all, (B, N, 3, 2).
        """
        vectors = torch.cat([features.vectors, offsets[..., None] / self.scale], -1)
        seen = (frames.transpose(-1, -2) @ vectors).flatten(2)
        points = self.enter(torch.cat([features.scalars, seen], -1))
        tokens = self._tokens(points, frames, around.points)
        index, there = cells.index[:, : self.tokens], mask[:, : self.tokens]
        unseen = NOWHERE * (~_together(index, index, there)).to(points)
        for block in self.blocks:
            tokens = block(tokens, unseen[:, None])
        tokens = self.norm(tokens)
        whole = mean_of(tokens, there)[:, None].expand_as(points)
        told = torch.cat([points, mixed(tokens, around.tokens), whole], -1)
        scalars, vectors = self.leave(told).split(self.outputs, -1)
        features = features.plus(scalars, frames @ vectors.unflatten(-1, (3, -1)))
        return features, frames[..., ::2] + self.aim(features.vectors)

    def _tokens(self, points: Tensor, frames: Tensor, close: Close) -> Tensor:
        """Return what tokens see of the points (B, N, width) around them, (B, M, width)."""
        offsets = close.offsets @ frames[:, : self.tokens] * (NEARBY / self.scale)
        seen = self.gather(take(points, close.index) + self.apart(offsets))
        return seen.masked_fill(close.weight[..., None] == 0, -10.0).amax(2)


def look_around(points: Tensor, cells: Cells, mask: Tensor, tokens: int) -> Around:
    """Return what lies close in the same cell; the first ``tokens`` points are tokens."""
    first, there = points[:, :tokens], mask[:, :tokens]
    own = cells.index[:, :tokens]
    return Around(
        closest(first, points, _together(own, cells.index, mask), AROUND),
        closest(points, first, _together(cells.index, own, there), HEARD),
    )


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


def _together(one: Tensor, other: Tensor, there: Tensor) -> Tensor:
    """Return (B, A, C) which of the cells ``one`` (B, A) and ``other`` (B, C) are the same."""
    return (one[..., None] == other[:, None]) & there[:, None]


def _unit(vectors: Tensor) -> Tensor:
    """Return vectors (..., 3) of length one; those that are about zero stay so."""
    return vectors * torch.rsqrt(vectors.square().sum(-1, keepdim=True) + SOFT**2)
