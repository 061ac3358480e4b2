"""APEN: a point network that stays equivariant when every part moves on its own.

After Atzmon et al., ICLR 2024 (arXiv 2402.08529), of which no code was released. A fine partition
into Voronoi cells becomes coarser layer by layer: features that are equivariant cell by cell let
each point vote for the centre of its part, and the votes are clustered. In place of frames from
principal axes, which are unstable for round parts, features are vector channels: exact and
continuous. Letters: B clouds, N points, K cells, L layers, S scalars, C vectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from equi_nodes.equivariant.invariants import length
from equi_nodes.equivariant.partition import Cells, cells_of, cluster, voronoi
from equi_nodes.equivariant.vector_channels import VectorLayer


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network; lengths are for people, rooms take 0.1 to 0.8 m."""

    labels: int = 23  # classes of points: 22 parts of a body, and none of them
    categories: int = 1  # classes of whole clouds
    cells: int = 128  # of the first partition
    sigmas: tuple[float, ...] = (0.03, 0.06, 0.12, 0.24)  # m, spread of the votes, one a layer
    reach: float = 1.0  # sigmas, the length that counts as one in a layer; four learn far slower
    steps: int = 8  # of the clustering
    scalars: int = 64
    vectors: int = 16
    moments: int = 8  # first and second moments that a cell has of each kind
    chiral: bool = False  # tell mirror images apart, as left and right limbs need: SE(3), not E(3)

    def __post_init__(self) -> None:
        """Take the lengths as they come from a file, too."""
        object.__setattr__(self, "sigmas", tuple(self.sigmas))


class Segments(NamedTuple):
    """What the network says of a cloud.

    Attributes:
        logits: (B, N, labels); nothing of them changes when parts move.
        category: (B, categories) logits of the whole.
        instance: (B, N) int64 part that a point belongs to in the last partition; -1 for padding.
        confidence: (B, N) in 0..1, how surely it does; zero for padding.
        votes: (L, B, N, 3) metres, where the point takes the centre of its part to be; they move
            with the part.
        delta: (L, B) how undecided the partitions are, the mean of 1 - confidence.
        live: (L, B) int64 parts that are left after each layer; they never become more.
    """

    logits: Tensor
    category: Tensor
    instance: Tensor
    confidence: Tensor
    votes: Tensor
    delta: Tensor
    live: Tensor


class Features(NamedTuple):
    """Features of points: scalars (B, N, S), vectors (B, N, 3, C)."""

    scalars: Tensor
    vectors: Tensor


class APEN(nn.Module):
    """Segment clouds into parts that move on their own."""

    def __init__(self, architecture: Architecture = Architecture()):
        super().__init__()
        self.architecture = a = architecture
        scales = [a.reach * sigma for sigma in a.sigmas]
        self.start = nn.Parameter(0.1 * torch.randn(a.scalars))
        self.layers = nn.ModuleList(InCells(a, scale) for scale in scales)
        self.aims = nn.ModuleList(nn.Linear(a.vectors, 1, bias=False) for _ in scales)
        self.last = InCells(a, scales[-1])
        self.label = _reader(a.scalars + a.vectors, a.labels)
        self.category = _reader(2 * (a.scalars + a.vectors), a.categories)

    def forward(self, points: Tensor, mask: Tensor, partition: Tensor | None = None) -> Segments:
        """Segment clouds.

        Args:
            points: (B, N, 3) metres in any frame, seeds first (``neighbours.seeds_first``).
            mask: (B, N) bool, the points that are there.
            partition: (B, N) int64 in 0 .. cells - 1, taken for every layer in place of what the
                votes say: the answer is then exactly equivariant part by part.
        """
        middle = _mean(points, mask)[:, None]
        points = points - middle
        cells = self._first_cells(points, mask, partition)
        features, votes, belief = self._start(points), [], []
        for layer, aim, sigma in zip(self.layers, self.aims, self.architecture.sigmas):
            features, offsets = layer(features, points, cells)
            votes.append(points - offsets + sigma * aim(features.vectors).squeeze(-1))
            if partition is None:
                cells, sure = self._next_cells(votes[-1], cells, mask, sigma)
            else:
                sure = mask.to(points)
            belief.append((sure, 1 - _mean(sure[..., None], mask).squeeze(-1), cells.live()))
        scalars = _invariants(self.last(features, points, cells)[0])
        sure, delta, live = zip(*belief)
        return Segments(
            self.label(scalars), self._categorise(scalars, mask),
            torch.where(mask, cells.index, -1), sure[-1], torch.stack(votes) + middle,
            torch.stack(delta), torch.stack(live),
        )  # fmt: skip

    def example_inputs(self, clouds: int = 2, points: int = 300) -> tuple[Tensor, Tensor]:
        """Return random clouds of about a person's size, the last fifth of the points missing."""
        cloud = torch.randn(clouds, points, 3) * torch.tensor([0.2, 0.2, 0.5])
        mask = torch.arange(points) < points - points // 5
        return cloud, mask.expand(clouds, points)

    def _first_cells(self, points: Tensor, mask: Tensor, partition: Tensor | None) -> Cells:
        if partition is None:
            return voronoi(points, mask, self.architecture.cells)
        return cells_of(partition, mask, self.architecture.cells, points.dtype)

    def _start(self, points: Tensor) -> Features:
        vectors = torch.zeros_like(points)[..., None].expand(
            *points.shape, self.architecture.vectors
        )
        return Features(self.start.expand(*points.shape[:2], -1), vectors)

    def _next_cells(
        self, votes: Tensor, cells: Cells, mask: Tensor, sigma: float
    ) -> tuple[Cells, Tensor]:
        """Return the partition by the votes, and how surely (B, N) each point belongs to it."""
        belonging = cluster(votes, cells, sigma, self.architecture.steps)
        index = belonging.argmax(-1)  # the first of equals
        sure = belonging.amax(-1) * mask
        return cells_of(index, mask, self.architecture.cells, votes.dtype), sure

    def _categorise(self, scalars: Tensor, mask: Tensor) -> Tensor:
        largest = torch.where(mask[..., None], scalars, -1e4).amax(1)
        return self.category(torch.cat([_mean(scalars, mask), largest], -1))


class InCells(nn.Module):
    """Features that are equivariant cell by cell: a point sees moments of its own cell alone.

    The moments are means over the cell of scalars, of vectors, and of the offsets from the cell's
    centre and their traceless squares, weighted by learned numbers.
    """

    def __init__(self, a: Architecture, scale: float):
        super().__init__()
        self.scale, self.moments = scale, a.moments
        self.before = VectorLayer((a.scalars,) * 2, (a.vectors + 1, a.vectors), a.chiral)
        self.weigh = nn.Linear(a.scalars, 2 * a.moments)
        self.after = VectorLayer(
            (2 * a.scalars + a.moments, a.scalars),
            (2 * a.vectors + 2 * a.moments + 1, a.vectors),
            a.chiral,
        )
        self.pooled = (a.scalars, 3 * a.vectors, 3 * a.moments, 9 * a.moments)

    def forward(self, features: Features, points: Tensor, cells: Cells) -> tuple[Features, Tensor]:
        """Return new features, and the offsets (B, N, 3) of the points from their cell's mean."""
        offsets = points - cells.spread(cells.mean(points))
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
        return Features(features.scalars + new[0], features.vectors + new[1]), offsets

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


def _invariants(features: Features) -> Tensor:
    return torch.cat([features.scalars, length(features.vectors)], -1)


def _reader(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, inputs), nn.SiLU(), nn.Linear(inputs, outputs))


def _mean(values: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the points that are there, (B, N, F) to (B, F)."""
    weight = mask.to(values)[..., None]
    return (values * weight).sum(1) / weight.sum(1).clamp(min=1)
