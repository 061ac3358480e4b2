"""Sizes of APEN, and its layers for cells of few points.

A point sees moments of its own cell alone, and no frame, so that cells may move on their own.
Letters: B clouds, N points, S scalars, C vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from equi_nodes.equivariant.partition import Cells
from equi_nodes.equivariant.vector_channels import VectorLayer


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network; lengths are for people, rooms take 0.1 to 0.4 m.

    Attributes:
        labels: classes of points: 22 parts of a body, and none of them.
        categories: classes of whole clouds.
        cells: of the first partition; their seeds are what is seen from all sides.
        tokens: of the look at the last cells, ever fewer.
        around, heard: neighbours that a token sees, and tokens that a point hears from.
        kept: the most parts that each layer leaves.
        sigmas: metres, spread of the votes, one a layer.
        reach: sigmas, the length that counts as one in a layer.
        steps: of the clustering.
        scalars, vectors: channels of points.
        moments: first and second moments that a cell has of each kind.
        sides: width of what finds the frame of a cell.
        shown: vectors of a point that are looked at from all sides, beside where it is.
        width: W of the look at the last cells in their frames.
        passes: how often is looked, each time in the frames found before; once in training.
        blocks: layers of attention of the look.
        heads: of the attention.
        figure: points tell where they lie on the figure at rest, which needs tokens of one level.
        whole: label points by a last look at the whole cloud, where what a part is depends on where
            it is, as left and right limbs do; else by their part alone.
        chiral: tell mirror images apart: SO(3), not E(3).
    """

    labels: int = 23
    categories: int = 1
    cells: int = 64
    tokens: tuple[int, ...] = (128, 32)
    around: int = 16
    heard: int = 4
    kept: tuple[int, ...] = (64, 48, 32, 16)
    sigmas: tuple[float, ...] = (0.03, 0.06, 0.12, 0.24)
    reach: float = 1.0
    steps: int = 5
    scalars: int = 40
    vectors: int = 8
    moments: int = 4
    sides: int = 48
    shown: int = 3
    width: int = 72
    passes: int = 3
    blocks: int = 2
    heads: int = 4
    figure: bool = False
    whole: bool = False
    chiral: bool = False

    def __post_init__(self) -> None:
        """Take the numbers as they come from a file, too."""
        for name in ("tokens", "kept", "sigmas"):
            object.__setattr__(self, name, tuple(getattr(self, name)))

    @property
    def seeds(self) -> int:
        """Return how many points, far from each other, have to come first."""
        return max(self.cells, *self.tokens)


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


def mean_of(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the points that are there, (B, N, F) to (B, F)."""
    weight = mask.to(values)[..., None]
    return (values * weight).sum(1) / weight.sum(1).clamp(min=1)
