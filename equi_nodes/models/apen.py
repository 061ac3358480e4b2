"""APEN: a point network that stays equivariant when every part moves on its own.

After Atzmon et al., ICLR 2024 (arXiv 2402.08529), of which no code was released. A fine partition
into Voronoi cells becomes coarser layer by layer: features that are equivariant cell by cell let
each point vote for the centre of its part, and the votes are clustered. In place of frames from
principal axes, which are unstable for round parts, features are vector channels: exact and
continuous. The last cells are then looked at in frames that the network finds. Letters: B clouds, N
points, K cells, L layers, S scalars, C vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn

from equi_nodes.equivariant.attention import Block
from equi_nodes.equivariant.partition import Cells, cells_of, cluster, voronoi
from equi_nodes.models.apen_figure import Figure
from equi_nodes.models.apen_frames import Sides, frames_of
from equi_nodes.models.apen_layers import Architecture, Features, InCells, mean_of
from equi_nodes.models.apen_look import Looked, look_around
from equi_nodes.models.apen_pieces import Pieces


class Segments(NamedTuple):
    """What the network says of a cloud.

    Attributes:
        logits: (B, N, labels); nothing of them changes when parts of the partition move, but where
            the last look is at the whole (``Architecture.whole``): then when the whole moves.
        category: (B, categories) logits of the whole.
        instance: (B, N) int64 part that a point belongs to in the last partition; -1 for padding.
        confidence: (B, N) in 0..1, how surely it does; zero for padding.
        votes: (L, B, N, 3) metres, where the point takes the centre of its part to be; they move
            with the part.
        delta: (L, B) how undecided the partitions are, the mean of 1 - confidence.
        live: (L, B) int64 parts that are left after each layer; they never become more.
        axes: (A, B, N, 3, 2) where forward and up of the last cells point, better each time.
        rest: (R, B, N, 3) metres, where points lie on the figure at rest, better each time.
    """

    logits: Tensor
    category: Tensor
    instance: Tensor
    confidence: Tensor
    votes: Tensor
    delta: Tensor
    live: Tensor
    axes: Tensor
    rest: Tensor


class APEN(nn.Module):
    """Segment clouds into parts that move on their own."""

    def __init__(self, architecture: Architecture = Architecture()):
        super().__init__()
        self.architecture = a = architecture
        scales = [a.reach * sigma for sigma in a.sigmas]
        self.start = nn.Parameter(0.1 * torch.randn(a.scalars))
        self.layers = nn.ModuleList(InCells(a, scale) for scale in scales)
        self.aims = nn.ModuleList(nn.Linear(a.vectors, 1, bias=False) for _ in scales)
        self.sides = Sides(a, scales[-1])
        self.look = (Figure if a.figure else Pieces)(a, scales[-1])
        known = 2 * self.look.known
        self.category = nn.Sequential(
            nn.Linear(known, known), nn.SiLU(), nn.Linear(known, a.categories)
        )

    def forward(
        self,
        points: Tensor,
        mask: Tensor,
        partition: Tensor | None = None,
        taught: Tensor | None = None,
    ) -> Segments:
        """Segment clouds.

        Args:
            points: (B, N, 3) metres in any frame, seeds first (``neighbours.seeds_first``).
            mask: (B, N) bool, the points that are there.
            partition: (B, N) int64 in 0 .. cells - 1, taken for every layer in place of what the
                votes say: the answer is then exactly equivariant part by part.
            taught: (B, N, 3, 2) where forward and up of the last cells point, for training; zero of
                clouds whose frames are to be found.
        """
        middle = mean_of(points, mask)[:, None]
        points = points - middle
        cells = self._first_cells(points, mask, partition)
        features, votes, belief = self._start(points), [], []
        for layer, aim, sigma, kept in self._coarser():
            features = layer(features, cells.offsets(points), cells)
            votes.append(cells.centres(points) + sigma * aim(features.vectors).squeeze(-1))
            if partition is None:
                cells, sure = self._next_cells(votes[-1], cells, mask, sigma, kept)
            else:
                sure = mask.to(points)
            belief.append((sure, 1 - mean_of(sure[..., None], mask).squeeze(-1), cells.live()))
        instance = torch.where(mask, cells.index, -1)
        if self.architecture.whole and partition is None:
            cells = _the_whole(points, mask)
        looked, axes = self._last_look(features, points, cells, mask, taught)
        sure, delta, live = zip(*belief)
        return Segments(
            looked.logits, self._categorise(looked.known, mask), instance, sure[-1],
            torch.stack(votes) + middle, torch.stack(delta), torch.stack(live), axes, looked.rest,
        )  # fmt: skip

    def look_from(
        self,
        points: Tensor,
        mask: Tensor,
        axes: Tensor,
        looks: int = 1,
        partition: Tensor | None = None,
    ) -> Looked:
        """Look at figures, or at given parts of them, whose frames are told, for training.

        It takes part of the time, as cells, votes and frames are not asked for.

        Args:
            points: (B, N, 3) metres, around their middle, as for ``forward``.
            mask: (B, N) bool.
            axes: (B, N, 3, 2) where forward and up of the whole, or of the part, point.
            looks: how many; the last one learns.
            partition: (B, N) int64 as for ``forward``; None: the whole is looked at.
        """
        is_whole = partition is None
        cells = _the_whole(points, mask) if is_whole else self._first_cells(points, mask, partition)
        look = self._looks(None, cells.offsets(points), cells, mask, axes)
        with torch.no_grad():
            for _ in range(looks - 1):
                next(look)
        return next(look)

    def matrices(self) -> list[nn.Parameter]:
        """Return the matrices of attention, for optimisers that treat such as a whole."""
        blocks = [module for module in self.modules() if isinstance(module, Block)]
        return [own for block in blocks for own in block.parameters() if own.ndim == 2]

    def example_inputs(self, clouds: int = 2, points: int = 300) -> tuple[Tensor, Tensor]:
        """Return random clouds of about a person's size, the last fifth of the points missing."""
        cloud = torch.randn(clouds, points, 3) * torch.tensor([0.2, 0.2, 0.5])
        mask = torch.arange(points) < points - points // 5
        return cloud, mask.expand(clouds, points)

    def _coarser(self) -> Iterator[tuple]:
        return zip(self.layers, self.aims, self.architecture.sigmas, self.architecture.kept)

    def _last_look(
        self, features: Features, points: Tensor, cells: Cells, mask: Tensor, taught: Tensor | None
    ) -> tuple[Looked, Tensor]:
        """Return the last look at the last cells, and the axes found, (A, B, N, 3, 2)."""
        offsets = cells.offsets(points)
        axes = [self.sides(features, offsets, cells)]
        seen = axes[0].detach()
        if taught is not None:
            seen = torch.where(taught.any(-2, keepdim=True), taught, seen)
        passes = 1 if self.training else self.architecture.passes
        looks = [*islice(self._looks(features, offsets, cells, mask, seen), passes)]
        return looks[-1], torch.stack(axes + [looked.axes for looked in looks])

    def _looks(
        self, features: Features | None, offsets: Tensor, cells: Cells, mask: Tensor, axes: Tensor
    ) -> Iterator[Looked]:
        """Look again and again, each time in the frames and with the places found before."""
        a, before = self.architecture, None
        around = look_around(offsets, cells, mask, a)
        while True:
            frames = frames_of(axes, cells, a.chiral)
            looked = self.look(features, offsets, frames, mask, around, before)
            yield looked
            axes = looked.axes.detach()
            before = looked.rest[-1].detach() if a.figure else None

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
        self, votes: Tensor, cells: Cells, mask: Tensor, sigma: float, kept: int
    ) -> tuple[Cells, Tensor]:
        """Return the partition by the votes, and how surely (B, N) each point belongs to it."""
        belonging = cluster(votes, cells, sigma, self.architecture.steps, kept)
        sure = belonging.amax(-1) * mask
        index = belonging.argmax(-1)  # the first of equals
        return cells_of(index, mask, belonging.shape[-1], votes.dtype), sure

    def _categorise(self, features: Tensor, mask: Tensor) -> Tensor:
        largest = torch.where(mask[..., None], features, -1e4).amax(1)
        return self.category(torch.cat([mean_of(features, mask), largest], -1))


def _the_whole(points: Tensor, mask: Tensor) -> Cells:
    return cells_of(torch.zeros_like(mask, dtype=torch.int64), mask, 1, points.dtype)
