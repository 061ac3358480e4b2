"""Cells that collect what sweeps say for and against an obstacle, as log-odds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numba
import numpy as np

from equi_nodes.mapping.view import Rays, View

GROWTH = 64  # cells that a map grows by at least, so that it seldom does
SLACK = 0.1  # m that a ray may pass above what was seen in a cell and still say that it has gone
SURE = 1.0  # log-odds from which a cell counts as known, for or against
AMID = 0.3  # m of free space around a cell amid it: so far odometry drifts and is not wrong
PER_CELL = 2  # looks a ray takes at each cell's length


class Weights(NamedTuple):
    """How much one sweep says, in log-odds.

    Attributes:
        hit: for an obstacle, where a ray ended in one.
        miss: against it (negative), where rays passed.
        low, high: between these the evidence stays, so that a change is believed soon.
    """

    hit: float
    miss: float
    low: float
    high: float

    @classmethod
    def of_probabilities(cls, hit: float, miss: float, low: float, high: float) -> Weights:
        """Return the weights of probabilities, each in 0..1."""
        return cls(*(float(np.log(p / (1 - p))) for p in (hit, miss, low, high)))


@dataclass(frozen=True)
class Agreement:
    """How a sweep fits what was known before it.

    Attributes:
        confirmed: cells with an obstacle that lie beside one that was known.
        contradicted: cells with an obstacle amid known free space.
    """

    confirmed: int
    contradicted: int


class EvidenceGrid:
    """A grid along the axes of its frame, whose lines lie on multiples of the resolution.

    Attributes:
        resolution: metres per cell.
        corner: (2,) int, column and row of its first cell, counted from the frame's origin.
        evidence: (H, W) float32 log-odds; exactly 0 where nothing is known.
        is_full: a sweep saw what lies beyond the largest size, and is not kept.
    """

    def __init__(self, resolution: float, weights: Weights, window: float, largest: float) -> None:
        """Begin without a cell.

        Args:
            resolution: metres per cell.
            weights: what a sweep says.
            window: side in metres of a map that moves along with the robot; 0: all is kept.
            largest: side in metres that a map which keeps all does not outgrow.
        """
        self.resolution, self._weights = resolution, weights
        self._window, self._largest = int(window / resolution), int(largest / resolution)
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.corner, self.is_full = np.zeros(2, np.int64), False
        self.evidence = np.zeros((0, 0), np.float32)
        self._tops = np.zeros((0, 0), np.float32)  # m, how high an obstacle was seen
        self._marks = np.zeros((0, 0), np.int32)  # number of the last sweep that had a say
        self._sweeps = 0

    @property
    def cells(self) -> np.ndarray:
        """Return (H, W) int8 of 0..100 per cent, -1 where nothing is known."""
        percent = np.rint(100 / (1 + np.exp(-self.evidence)))
        return np.where(self.evidence == 0, -1, percent).astype(np.int8)

    def add(self, rays: Rays, view: View, highest: float) -> Agreement:
        """Add a sweep; ``highest`` metres above ground a ray says nothing of what is beneath."""
        self._make_room(rays, view)
        self._sweeps += 1
        origin = rays.origin.copy()
        origin[:2] -= self.corner * self.resolution
        hits = rays.ends[rays.is_hit & rays.is_lasting]
        hits[:, :2] -= self.corner * self.resolution
        layers = self.evidence, self._tops, self._marks
        counts = _mark(*layers, self._sweeps, hits, self.resolution, self._weights)
        _clear(*layers, self._sweeps, origin, *view, highest, self.resolution, self._weights)
        return Agreement(*counts)

    def free_disc(self, centre: np.ndarray, radius: float) -> None:
        """Say that a disc is free for sure, as what a robot stands on is; (2,) and metres."""
        place = centre / self.resolution - self.corner
        low = np.maximum(np.floor(place - radius / self.resolution).astype(int), 0)
        high = np.maximum(np.ceil(place + radius / self.resolution).astype(int), 0)
        around = self.evidence[low[1] : high[1], low[0] : high[0]]
        row, column = np.indices(around.shape)
        away = np.hypot(column + low[0] + 0.5 - place[0], row + low[1] + 0.5 - place[1])
        around[away * self.resolution <= radius] = self._weights.low

    def _make_room(self, rays: Rays, view: View) -> None:
        """Have cells for all that is seen; a map that moves along has always as many."""
        if self._window:
            centre = np.floor(rays.origin[:2] / self.resolution).astype(np.int64)
            is_off = np.abs(self.corner + self._window // 2 - centre).max() > self._window // 8
            if not self.evidence.size or is_off:
                self._lay(centre - self._window // 2, np.array([self._window] * 2))
            return
        ends = rays.origin[:2] + view.directions * view.reaches[:, None]
        seen = np.concatenate([ends, rays.ends[rays.is_hit & rays.is_lasting, :2]])
        low = np.floor(seen.min(0) / self.resolution).astype(np.int64)
        high = np.floor(seen.max(0) / self.resolution).astype(np.int64) + 1
        if self.evidence.size:
            low, high = self._grown(low, high)
        if (low != self.corner).any() or (high - low != self.evidence.shape[::-1]).any():
            self._lay(low, high - low)

    def _grown(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first and last cell of a map that holds low .. high too, if it may."""
        first, last = self.corner, self.corner + self.evidence.shape[::-1]
        low = np.where(low < first, np.minimum(low, first - GROWTH), first)
        high = np.where(high > last, np.maximum(high, last + GROWTH), last)
        is_too_large = high - low > self._largest
        self.is_full = bool(is_too_large.any())
        return np.where(is_too_large, first, low), np.where(is_too_large, last, high)

    def _lay(self, corner: np.ndarray, size: np.ndarray) -> None:
        """Take another corner and (2,) columns and rows; what lies in both stays."""
        shape = tuple(size[::-1])
        low = np.maximum(corner, self.corner)
        high = np.minimum(corner + size, self.corner + self.evidence.shape[::-1])
        for name in ("evidence", "_tops", "_marks"):
            old = getattr(self, name)
            new = np.zeros(shape, old.dtype)
            if (high > low).all():
                new[_part(low, high, corner)] = old[_part(low, high, self.corner)]
            setattr(self, name, new)
        self.corner = corner


def _part(low: np.ndarray, high: np.ndarray, corner: np.ndarray) -> tuple[slice, slice]:
    """Return the rows and columns of cells low .. high in a grid with a corner."""
    (left, bottom), (right, top) = low - corner, high - corner
    return slice(bottom, top), slice(left, right)


@numba.njit(cache=True, nogil=True)
def _around(evidence, row, column, far):  # noqa: ANN001, ANN202
    """Return the cells that are at most so many rows and columns away."""
    return evidence[max(row - far, 0) : row + far + 1, max(column - far, 0) : column + far + 1]


@numba.njit(cache=True, nogil=True)
def _mark(evidence, tops, marks, sweep, hits, resolution, weights):  # noqa: ANN001, ANN202
    """Add what speaks for obstacles; return how many the map before confirms, contradicts."""
    height, width = evidence.shape
    far = int(np.ceil(AMID / resolution))
    confirmed = contradicted = 0
    for hit in range(len(hits)):
        column = int(np.floor(hits[hit, 0] / resolution))
        row = int(np.floor(hits[hit, 1] / resolution))
        if not (0 <= row < height and 0 <= column < width):
            continue
        known = evidence[row, column]
        if marks[row, column] != sweep:
            beside = _around(evidence, row, column, 1).max()
            confirmed += beside > SURE
            if known < -SURE and beside <= 0:
                contradicted += _around(evidence, row, column, far).max() <= SURE
            marks[row, column] = sweep
            evidence[row, column] = min(known + weights.hit, weights.high)
            tops[row, column] = hits[hit, 2] if known <= 0 else tops[row, column]
        tops[row, column] = max(tops[row, column], hits[hit, 2])
    return confirmed, contradicted


@numba.njit(cache=True, nogil=True)
def _clear(  # noqa: ANN202
    evidence, tops, marks, sweep, origin, directions, reaches, slopes, step,  # noqa: ANN001
    highest, resolution, weights,  # noqa: ANN001
):  # fmt: skip
    """Add what speaks against obstacles: cells that rays passed and in which none ended."""
    height, width = evidence.shape
    stride = resolution / PER_CELL
    for turn in range(len(reaches)):
        for place in range(int(reaches[turn] / stride) + 1):
            gone = place * stride
            above = origin[2] + slopes[turn, int(gone / step)] * gone
            column = int(np.floor((origin[0] + gone * directions[turn, 0]) / resolution))
            row = int(np.floor((origin[1] + gone * directions[turn, 1]) / resolution))
            if not (0 <= row < height and 0 <= column < width) or above > highest:
                continue
            known = evidence[row, column]
            is_above = known > 0 and above > tops[row, column] + SLACK
            if abs(marks[row, column]) != sweep and not is_above:
                marks[row, column] = -sweep
                evidence[row, column] = max(known + weights.miss, weights.low)
