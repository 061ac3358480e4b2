"""Batches of labelled clouds that APEN learns from, and what it is told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from equi_nodes.datasets.part_batches import Labelled, PartBatch, batch, turned
from equi_nodes.models.apen import Architecture

POINTS = {"people": 1024, "rooms": 4096, "objects": 512}  # of a cloud, for some batches half
POINTS_A_BATCH, BATCHES = 4096, 200  # of all clouds of a batch, and batches of an epoch
DRAWN, KEPT = 300, 8  # clouds drawn anew for an epoch, and how many such draws it learns from
VALIDATED = {"people": 120, "rooms": 7, "objects": 60}  # clouds
AT_ONCE = 2  # batches of one step where figures are looked at alone; they take about as long
GIVEN, GIVEN_ALONE = 8, 15  # each such batch is told its true parts, the latter of looks alone
OFF = {"people": 0.3, "rooms": 0.1, "objects": 0.3}  # rad, deviation of axes that are told
LOST = 8  # each such cloud that is looked at alone is told a frame that is turned anyhow

Draw = Callable[[np.random.Generator], Labelled]


class Lesson(NamedTuple):
    """A batch, and what APEN is told of it while it learns.

    Attributes:
        clouds: the batch.
        axes: (B, N, 3, 2) where forward and up of each point's last cell point.
        partition: (B, N) int64 the true parts, if it is told them.
        taught: about the axes, zero of the clouds whose frames are to be found; None: of all.
        lost: (B,) bool, of clouds whose frame alone is to be put right; None: of none.
        looks: labels alone are to be found, by so many looks in the frames that are taught; 0: all.
    """

    clouds: PartBatch
    axes: Tensor
    partition: Tensor | None = None
    taught: Tensor | None = None
    lost: Tensor | None = None
    looks: int = 0


class Lessons:
    """Draws clouds meanwhile; each serves for some epochs, turned and thinned in another way."""

    def __init__(self, task: str, sizes: Architecture, draw: Draw, seed: int) -> None:
        """Draw nothing yet.

        Args:
            task: a key of ``POINTS``.
            sizes: of the network.
            draw: makes the clouds.
            seed: of all draws.
        """
        self._sizes, self._draw, self._seed = sizes, draw, seed
        self._points, self._off, self._validated = POINTS[task], OFF[task], VALIDATED[task]
        self._drawn = lru_cache(KEPT)(self._draw_some)

    def validation(self) -> list[PartBatch]:
        """Return clouds of which none is learned from, each a batch of its own."""
        rng, how = np.random.default_rng((self._seed, 2)), (self._points, self._sizes.seeds)
        return [batch(rng, [self._draw(rng)], *how) for _ in range(self._validated)]

    def wholly(self, epoch: int) -> Iterator[Lesson]:
        """Yield an epoch in which all is learned; figures are looked at alone half of the time."""
        looks = [number // 2 % 2 if self._sizes.figure else 0 for number in range(BATCHES)]
        return self._epoch(epoch, looks, DRAWN)

    def looks(self, epoch: int) -> Iterator[Lesson]:
        """Yield ``AT_ONCE`` batches a step; figures are looked at alone, once or twice."""
        looks = [1 + number // AT_ONCE // 2 % 2 for number in range(AT_ONCE * BATCHES)]
        return self._epoch(epoch, looks, AT_ONCE * DRAWN)

    def _epoch(self, epoch: int, looks: list[int], count: int) -> Iterator[Lesson]:
        numbers = range(epoch, epoch + KEPT)
        clouds = [cloud for number in numbers for cloud in self._drawn(number, count)]
        rng = np.random.default_rng((self._seed, 3, epoch))
        how = self._points, self._off, self._sizes
        return (lesson(rng, clouds, *how, number, own) for number, own in enumerate(looks))

    def _draw_some(self, number: int, count: int) -> list[Labelled]:
        rng = np.random.default_rng((self._seed, 1, number))
        return [self._draw(rng) for _ in range(count)]


def lesson(
    rng: np.random.Generator,
    clouds: list[Labelled],
    points: int,
    off: float,
    sizes: Architecture,
    number: int,
    looks: int = 0,
) -> Lesson:
    """Return a batch, and what is told of it: of rooms and objects every second frame.

    Where figures are looked at alone all frames are told about, by anything up to ``off``, but some
    that a look then has to put right. That needs none of what finds the frames, and so takes a
    third of the time.

    Args:
        rng: of the choice, the turns and the thinning.
        clouds: to choose from.
        points: of a cloud, or half as many.
        off: rad, deviation about each axis of what is told.
        sizes: of the network.
        number: of the batch.
        looks: at figures alone, as in ``Lesson``.
    """
    is_half = number // (AT_ONCE if looks else 1) % 2
    is_given = number % (GIVEN_ALONE if looks else GIVEN) == 0
    points //= 1 + is_half
    chosen = rng.integers(len(clouds), size=POINTS_A_BATCH // points)
    drawn = batch(rng, [clouds[row] for row in chosen], points, sizes.seeds)
    axes = drawn.axes
    if sizes.whole and not is_given:
        axes = drawn.whole[:, None].expand_as(axes)
    partition = drawn.parts + 1 if is_given else None
    if looks:
        lost = np.arange(number * len(axes), (number + 1) * len(axes)) % LOST == LOST - 1
        taught = turned(rng, axes, np.where(lost, np.pi, off * rng.uniform(size=len(axes))))
        return Lesson(drawn, axes, partition, taught, torch.from_numpy(lost), looks)
    taught = turned(rng, axes, off)
    taught[:: 1 if sizes.figure else 2] = 0
    return Lesson(drawn, axes, partition, taught)
