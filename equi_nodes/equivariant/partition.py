"""Partitions of point clouds into cells, and their merging; fixed shapes whatever is alive.

Letters: B clouds, N points, K cells, of which any number may be empty.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from equi_nodes.geometry.neighbours import first_of, take

FAR = 1e9  # stands for no distance, and for the score of what is not there
FIRST = 5e-7  # of all points; by so much less each later cell counts where equals are chosen
FADE = 0.1  # of the mass of a part that a heavier one absorbs, each step
LEARNING_STEPS = 2  # last steps that gradients pass; close to those of the fixed point


class Cells(NamedTuple):
    """A partition.

    Attributes:
        index: (B, N) int64 cell of each point.
        member: (B, N, K) one where a point belongs to a cell, all zero for padding.
    """

    index: Tensor
    member: Tensor

    def mean(self, values: Tensor) -> Tensor:
        """Return the cells' means (B, K, F) of values (B, N, F); zero for empty cells."""
        return self.member.transpose(1, 2) @ values / self.count().clamp(min=1)[..., None]

    def offsets(self, points: Tensor) -> Tensor:
        """Return where points (B, N, 3) are from the mean of their cell."""
        return points - self.centres(points)

    def centres(self, points: Tensor) -> Tensor:
        """Return to each of the points (B, N, 3) the mean of its cell."""
        return self.spread(self.mean(points))

    def spread(self, values: Tensor) -> Tensor:
        """Return to each point what its cell has: (B, K, F) to (B, N, F)."""
        return take(values, self.index[..., None]).squeeze(2)

    def count(self) -> Tensor:
        """Return the points of each cell, (B, K)."""
        return self.member.sum(1)

    def live(self) -> Tensor:
        """Return how many cells have points, (B,) int64."""
        return (self.count() > 0).sum(-1)


def cells_of(index: Tensor, mask: Tensor, count: int, dtype: torch.dtype) -> Cells:
    """Return the partition by the ``index`` (B, N) of cells, of which there are ``count``."""
    numbers = torch.arange(count, device=index.device)
    member = (index[..., None] == numbers) & mask[..., None]
    return Cells(index, member.to(dtype))


def voronoi(points: Tensor, mask: Tensor, count: int) -> Cells:
    """Return the cells of the points that are nearest to each of the first ``count`` points.

    Args:
        points: (B, N, 3) metres, seeds first (``geometry.neighbours.seeds_first``).
        mask: (B, N) bool.
        count: K; with fewer points the other cells stay empty.
    """
    seeds, seen = first_of(points, count), first_of(mask, count)
    squared = torch.where(seen[:, None], _squared_distances(points, seeds), FAR)
    return cells_of(squared.argmin(-1), mask, count, points.dtype)


def cluster(votes: Tensor, cells: Cells, sigma: float, steps: int, kept: int) -> Tensor:
    """Return how much each point belongs to each part, (B, N, kept): a Gaussian mixture of votes.

    Expectation-maximisation from the given cells, with one isotropic deviation. Of two centres
    closer than it, the lighter one fades. What is empty stays so: parts only become fewer.

    Args:
        votes: (B, N, 3) metres, where each point thinks that the centre of its part is.
        cells: the partition before.
        sigma: metres.
        steps: of the iteration, unrolled.
        kept: K afterwards; of more cells the largest are taken, of equals the first.
    """
    valid = cells.member.sum(-1, keepdim=True)
    mass = cells.count() / valid.sum(1).clamp(min=1)
    fixed = votes.detach()
    centres = cells.mean(fixed)
    if kept < mass.shape[1]:
        later = FIRST * torch.arange(mass.shape[1], device=mass.device)
        largest = (mass - later).topk(kept).indices
        centres = take(centres, largest[..., None]).squeeze(2)
        mass = mass.gather(1, largest)
    for step in range(steps):
        seen = votes if step >= steps - LEARNING_STEPS else fixed
        share = valid * belonging(seen, centres, absorbed(centres, mass, sigma), sigma)
        total = share.sum(1)
        centres = share.transpose(1, 2) @ seen / total.clamp(min=1e-30)[..., None]
        mass = total / valid.sum(1).clamp(min=1)
    return belonging(votes, centres, absorbed(centres, mass, sigma), sigma)


def belonging(votes: Tensor, centres: Tensor, mass: Tensor, sigma: float) -> Tensor:
    """Return the responsibilities (B, N, K) of centres (B, K, 3) of some mass (B, K) for votes."""
    prior = torch.where(mass > 0, mass.clamp(min=1e-30).log(), -FAR)
    height = prior - centres.square().sum(-1) / (2 * sigma**2)
    scores = votes @ centres.transpose(1, 2) / sigma**2 + height[:, None]
    return scores.softmax(-1)  # the square of the vote is the same for all parts


def absorbed(centres: Tensor, mass: Tensor, sigma: float) -> Tensor:
    """Return the mass (B, K) after parts closer than sigma to a heavier, free one have faded."""
    numbers = torch.arange(mass.shape[1], device=mass.device)
    mine, others = mass[:, :, None], mass[:, None]
    heavier = (others > mine) | ((others == mine) & (numbers < numbers[:, None]))
    close = _squared_distances(centres, centres) < sigma**2
    rivals = heavier & close & (others > 0)
    free = ~rivals.any(-1)  # a part that is itself absorbed takes none in
    return torch.where((rivals & free[:, None]).any(-1), FADE * mass, mass)


def _squared_distances(one: Tensor, other: Tensor) -> Tensor:
    return (one[:, :, None] - other[:, None]).square().sum(-1)
