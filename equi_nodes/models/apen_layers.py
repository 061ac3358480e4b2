"""Layers in which a point sees its own cell alone, so that cells may move on their own.

``InCells`` knows a cell by moments, without a frame: for cells of few points. ``Sides`` finds a
frame of a cell, in which vectors are plain numbers, and ``InFrames`` looks at the cell in it, as a
usual network would. Letters: B clouds, N points, K cells, M tokens (the first points, seeds of
the first cells), S scalars, C vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from equi_nodes.equivariant.attention import NOWHERE, Block
from equi_nodes.equivariant.icosahedral import SIZE, GroupConvolution, in_frames, to_matrices
from equi_nodes.equivariant.partition import Cells
from equi_nodes.equivariant.vector_channels import VectorLayer

SOFT = 0.03  # a mean vector that is shorter gives no clear direction


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network; lengths are for people, rooms take 0.1 to 0.4 m.

    Attributes:
        labels: classes of points: 22 parts of a body, and none of them.
        categories: classes of whole clouds.
        cells: of the first partition; their seeds are the tokens.
        kept: the most parts that each layer leaves.
        sigmas: metres, spread of the votes, one a layer.
        reach: sigmas, the length that counts as one in a layer.
        steps: of the clustering.
        scalars, vectors: channels of points.
        moments: first and second moments that a cell has of each kind.
        sides: width of what finds the frame of a cell.
        looks: width of each look at the last cells in their frames.
        blocks: layers of attention of a look.
        heads: of the attention.
        whole: label points by a last look at the whole cloud, where what a part is depends on where
            it is, as left and right limbs do; else by their part alone.
        chiral: tell mirror images apart: SO(3), not E(3).
    """

    labels: int = 23
    categories: int = 1
    cells: int = 64
    kept: tuple[int, ...] = (64, 48, 32, 16)
    sigmas: tuple[float, ...] = (0.03, 0.06, 0.12, 0.24)
    reach: float = 1.0
    steps: int = 5
    scalars: int = 40
    vectors: int = 8
    moments: int = 4
    sides: int = 48
    looks: tuple[int, ...] = (64, 80)
    blocks: int = 2
    heads: int = 4
    whole: bool = False
    chiral: bool = False

    def __post_init__(self) -> None:
        """Take the numbers as they come from a file, too."""
        for name in ("kept", "sigmas", "looks"):
            object.__setattr__(self, name, tuple(getattr(self, name)))


class Features(NamedTuple):
    """Features of points: scalars (B, N, S), vectors (B, N, 3, C)."""

    scalars: Tensor
    vectors: Tensor

    def plus(self, scalars: Tensor, vectors: Tensor) -> Features:
        """Return the sums."""
        return Features(self.scalars + scalars, self.vectors + vectors)

    def first(self, count: int) -> Features:
        """Return those of the first points."""
        return Features(self.scalars[:, :count], self.vectors[:, :count])


class InCells(nn.Module):
    """Features that are equivariant cell by cell: a point sees moments of its own cell alone.

    The moments are means over the cell of scalars, of vectors, and of the offsets from the cell's
    centre and their traceless squares, weighted by learned numbers.
    """

    def __init__(self, a: Architecture, scale: float):
        super().__init__()
        self.scale, self.moments = scale, a.moments
        self.before = VectorLayer((a.scalars,) * 2, (a.vectors + 1, a.vectors))
        self.weigh = nn.Linear(a.scalars, 2 * a.moments)
        self.after = VectorLayer(
            (2 * a.scalars + a.moments, a.scalars),
            (2 * a.vectors + 2 * a.moments + 1, a.vectors),
        )
        self.pooled = (a.scalars, 3 * a.vectors, 3 * a.moments, 9 * a.moments)

    def forward(self, features: Features, offsets: Tensor, cells: Cells) -> Features:
        """Return new features of points at offsets (B, N, 3) from the middle of their cell."""
        own = (offsets / self.scale)[..., None]  # (B, N, 3, 1)
        scalars, vectors = self.before(features.scalars, torch.cat([features.vectors, own], -1))
        pooled = cells.spread(cells.mean(self._moments(scalars, vectors, own)))
        mean, flow, first, second = pooled.split(self.pooled, -1)
        second = second.unflatten(-1, (3, 3, self.moments))
        bent = (second * own[..., None, :, :]).sum(-2)
        across = second.square().sum((-3, -2)).log1p()  # of a wall these are large
        seen = torch.cat(
            [vectors, flow.unflatten(-1, (3, -1)), first.unflatten(-1, (3, -1)), bent, own], -1
        )
        new = self.after(torch.cat([scalars, mean, across], -1), seen)
        return features.plus(*new)

    def _moments(self, scalars: Tensor, vectors: Tensor, own: Tensor) -> Tensor:
        """Return what is averaged over a cell, flat: (B, N, numbers)."""
        first, second = self.weigh(scalars)[..., None, :].chunk(2, -1)  # (B, N, 1, moments)
        square = own * own.transpose(-1, -2)  # (B, N, 3, 3)
        trace = own.square().sum(-2, keepdim=True) / 3
        traceless = square - trace * torch.eye(3, dtype=own.dtype, device=own.device)
        weighted = traceless[..., None] * second[..., None, :]
        return torch.cat(
            [scalars, vectors.flatten(2), (first * own).flatten(2), weighted.flatten(2)], -1
        )


class Sides(nn.Module):
    """How a cell is turned, by looking at it from 60 sides, whichever way it is turned itself.

    Learned weights of the points give a frame that is arbitrary but turns with the cell. From each
    of the 60 rotations of the icosahedron relative to it, one network tells how the cell looks, and
    what it tells is the weight of that rotation. That is far easier to learn than how an arbitrary
    frame is to be corrected.
    """

    def __init__(self, a: Architecture, scale: float):
        super().__init__()
        self.scale, self.tokens, self.chiral, width = scale, a.cells, a.chiral, a.sides
        self.weigh = nn.Linear(a.scalars, 2)
        self.normal = nn.Linear(a.vectors, 1, bias=False)
        self.of_scalars = nn.Linear(a.scalars, width)
        self.of_place = nn.Linear(6, width, bias=False)
        self.point = nn.Sequential(nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.beside = GroupConvolution(2 * width, width)
        self.vote = nn.Sequential(
            nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)
        )

    def forward(self, features: Features, offsets: Tensor, cells: Cells) -> Tensor:
        """Return where forward and up of each point's cell point, about, (B, N, 3, 2)."""
        own = offsets[..., None] / self.scale
        frames = frames_of(self.weigh(features.scalars)[..., None, :] * own, cells, self.chiral)
        first, count = features.first(self.tokens), self.tokens
        seen = torch.cat([own[:, :count], self.normal(first.vectors)], -1)
        seen = frames[:, :count].transpose(-1, -2) @ seen
        sides = torch.cat([in_frames(one) for one in seen.unbind(-1)], -1)  # (B, M, 60, 6)
        looks = self.point(self.of_scalars(first.scalars)[..., None, :] + self.of_place(sides))
        looks = torch.cat([looks, looks.square()], -1)
        member = cells.member[:, :count].transpose(1, 2)
        pooled = member @ looks.flatten(2) / member.sum(-1, keepdim=True).clamp(min=1)
        votes = self.vote(self.beside(pooled.unflatten(-1, (SIZE, -1)))).squeeze(-1)
        turns = to_matrices(votes)[..., ::2]
        return frames @ cells.spread(turns.flatten(2)).unflatten(-1, (3, 2))


class InFrames(nn.Module):
    """Features that are equivariant cell by cell, of a look at each cell in its frame.

    Tokens attend to those of their own cell, then each point to its cell's tokens. Of the other
    cells a point knows a mean of numbers that no motion of a part changes.
    """

    def __init__(self, a: Architecture, scale: float, width: int):
        super().__init__()
        self.scale, self.tokens, self.heads = scale, a.cells, a.heads
        self.outputs = a.scalars, 3 * a.vectors
        self.enter = nn.Sequential(
            nn.Linear(sum(self.outputs) + 3, width), nn.ReLU(), nn.Linear(width, width)
        )
        self.blocks = nn.ModuleList(Block(width, a.heads) for _ in range(a.blocks))
        self.norm = nn.LayerNorm(width)
        self.ask = nn.Linear(width, width, bias=False)
        self.offer = nn.Linear(width, 2 * width)
        self.nobody = nn.Parameter(torch.zeros(2 * width))  # what a cell without tokens offers
        self.leave = nn.Sequential(
            nn.LayerNorm(3 * width),
            nn.Linear(3 * width, width),
            nn.ReLU(),
            nn.Linear(width, sum(self.outputs)),
        )
        self.aim = nn.Linear(a.vectors, 2, bias=False)

    def forward(
        self, features: Features, offsets: Tensor, frames: Tensor, cells: Cells, mask: Tensor
    ) -> tuple[Features, Tensor]:
        """Look at points at offsets (B, N, 3) from the middle of their cell in frames (B, N, 3, 3).

        Returns:
            features, and where forward and up of each cell point after all, (B, N, 3, 2).
        """
        vectors = torch.cat([features.vectors, offsets[..., None] / self.scale], -1)
        seen = (frames.transpose(-1, -2) @ vectors).flatten(2)
        points = self.enter(torch.cat([features.scalars, seen], -1))
        unseen = NOWHERE * (~self._together(cells, mask)).to(points)  # (B, N, M)
        first = points[:, : self.tokens]
        for block in self.blocks:
            first = block(first, unseen[:, None, : self.tokens])
        first = self.norm(first)
        whole = mean_of(first, mask[:, : self.tokens])[:, None]
        told = [points, self._answers(points, first, unseen), whole.expand_as(points)]
        scalars, vectors = self.leave(torch.cat(told, -1)).split(self.outputs, -1)
        features = features.plus(scalars, frames @ vectors.unflatten(-1, (3, -1)))
        return features, frames[..., ::2] + self.aim(features.vectors)

    def _answers(self, points: Tensor, first: Tensor, unseen: Tensor) -> Tensor:
        """Return what each point hears from the tokens of its cell, (B, N, width)."""
        nobody = self.nobody.expand(first.shape[0], 1, -1)
        offers = torch.cat([self.offer(first), nobody], 1).unflatten(-1, (2, self.heads, -1))
        key, value = offers.permute(2, 0, 3, 1, 4).unbind(0)
        query = self.ask(points).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        logits = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        share = (logits + pad(unseen, (0, 1))[:, None]).softmax(-1)
        return (share @ value).transpose(1, 2).flatten(2)

    def _together(self, cells: Cells, mask: Tensor) -> Tensor:
        """Return (B, N, M) whether a token is there and of a point's cell, or is the point."""
        index = cells.index
        same = (index[..., None] == index[:, None, : self.tokens]) & mask[:, None, : self.tokens]
        numbers = torch.arange(index.shape[1], device=index.device)
        return same | (numbers[:, None] == numbers[: self.tokens])


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


def mean_of(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the points that are there, (B, N, F) to (B, F)."""
    weight = mask.to(values)[..., None]
    return (values * weight).sum(1) / weight.sum(1).clamp(min=1)


def _unit(vectors: Tensor) -> Tensor:
    """Return vectors (..., 3) of length one; those that are about zero stay so."""
    return vectors * torch.rsqrt(vectors.square().sum(-1, keepdim=True) + SOFT**2)
