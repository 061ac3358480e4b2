"""What was seen of tracked agents, resampled to the steps that a network wants."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from equi_nodes.samples import TrackSample

SNAP = 0.02  # share of a step by which an instant may lie before a track's first sample


class Past(NamedTuple):
    """The past of A agents at T equal steps, the last one now.

    Attributes:
        positions: (A, T, 2) float64 metres, zero where unseen.
        mask: (A, T) bool.
        jumped: (A,) bool, the newest position cannot be reached from the one before.
    """

    positions: np.ndarray
    mask: np.ndarray
    jumped: np.ndarray


class TrackHistory:
    """Samples of the last few seconds.

    Args:
        duration: seconds kept.
        max_gap: seconds; a track unseen for longer starts anew.
        max_speed: m/s; a track that moved faster starts anew.
    """

    def __init__(self, duration: float, max_gap: float, max_speed: float):
        self.duration, self.max_gap, self.max_speed = duration, max_gap, max_speed
        self._samples: deque[TrackSample] = deque()

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def stamp_ns(self) -> int | None:
        """Return the newest stamp, or None."""
        return self._samples[-1].stamp_ns if self._samples else None

    def clear(self) -> None:
        """Forget everything."""
        self._samples.clear()

    def append(self, sample: TrackSample) -> None:
        """Add a sample that is not older than the newest; one of the same stamp replaces it."""
        if self._samples and self._samples[-1].stamp_ns == sample.stamp_ns:
            self._samples.pop()
        self._samples.append(sample)
        while sample.stamp_ns - self._samples[0].stamp_ns > self.duration * 1e9:
            self._samples.popleft()

    def past(self, ids: np.ndarray, steps: int, step_s: float) -> Past:
        """Return the past of the agents ``ids`` at ``steps`` instants, ``step_s`` seconds apart."""
        times = np.array([s.stamp_ns - self.stamp_ns for s in self._samples]) * 1e-9
        positions, seen = self._table(ids)
        seen, jumped = self._since_last_break(times, positions, seen)
        instants = np.arange(-steps + 1, 1) * step_s
        return Past(*_interpolate(times, positions, seen, instants, SNAP * step_s), jumped)

    def _table(self, ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return positions (S, A, 2) of the agents in all samples, and which were seen (S, A)."""
        positions = np.zeros((len(self._samples), len(ids), 2))
        seen = np.zeros(positions.shape[:2], bool)
        for row, sample in enumerate(self._samples):
            order = np.argsort(sample.ids)
            found = np.searchsorted(sample.ids, ids, sorter=order).clip(max=len(order) - 1)
            if len(order):
                seen[row] = sample.ids[order[found]] == ids
                positions[row] = sample.positions[order[found], :2]
        return positions, seen

    def _since_last_break(
        self, times: np.ndarray, positions: np.ndarray, seen: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Drop what was seen before a gap or a jump; also tell who jumps right now."""
        row = np.arange(len(times))[:, None]
        before = np.full_like(row + seen, -1)
        before[1:] = np.maximum.accumulate(np.where(seen, row, -1))[:-1]
        elapsed = np.where(before >= 0, times[:, None] - times[before], 0.0)
        moved = positions - np.take_along_axis(positions, before.clip(0)[..., None], 0)
        distance = np.linalg.norm(moved, axis=-1)
        jump = seen & (before >= 0) & (distance > self.max_speed * elapsed)
        broken = jump | (seen & (elapsed > self.max_gap))
        first = np.where(broken, row, 0).max(0)
        return seen & (row >= first), jump[-1]


def _interpolate(
    times: np.ndarray, positions: np.ndarray, seen: np.ndarray, instants: np.ndarray, snap: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return (A, T, 2) positions at the instants, linear between sightings, and their mask."""
    row = np.arange(len(times))[:, None]
    last_seen = np.maximum.accumulate(np.where(seen, row, -1))
    next_seen = np.minimum.accumulate(np.where(seen, row, len(times))[::-1])[::-1]
    before = last_seen[np.searchsorted(times, instants + 1e-9, "right").clip(1) - 1]  # (T, A)
    after = next_seen[np.searchsorted(times, instants - 1e-9).clip(max=len(times) - 1)]
    early = (before < 0) | (times[before.clip(0)] > instants[:, None] + 1e-9)
    known = after < len(times)
    after = after.clip(max=len(times) - 1)
    mask = known & (~early | (times[after] - instants[:, None] <= snap))
    before = np.where(early, after, before)
    span = times[after] - times[before]
    share = np.where(span > 0, (instants[:, None] - times[before]) / np.where(span > 0, span, 1), 0)
    start = np.take_along_axis(positions, before[..., None], 0)
    end = np.take_along_axis(positions, after[..., None], 0)
    there = np.where(mask[..., None], start + share[..., None] * (end - start), 0.0)
    return there.swapaxes(0, 1), mask.T
