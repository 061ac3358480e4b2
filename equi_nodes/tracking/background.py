"""What stands still: places in the fixed frame that were taken for long, and not by people."""

from __future__ import annotations

import numpy as np

CELL = 0.2  # m
SWEEPS, SECONDS = 6, 0.8  # that a place must have been taken in, and for, to count
KEPT = 20.0  # s since it was last seen taken; odometry drifts
HALF = 1 << 20  # cells to each side of the origin that have numbers of their own


class Background:
    """Remembers which cells were taken, since when and how often."""

    def __init__(self) -> None:
        """Know of nothing that stands."""
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._keys = np.zeros(0, np.int64)
        self._first = self._last = np.zeros(0)
        self._sweeps = np.zeros(0, np.int64)

    def stands(self, places: np.ndarray) -> np.ndarray:
        """Return at which places (N, 2 or more) something is known to stand, (N,) bool."""
        if not len(self._keys):
            return np.zeros(len(places), bool)
        keys = _keys(places)
        row = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        lasting = (self._sweeps >= SWEEPS) & (self._last - self._first >= SECONDS)
        return (self._keys[row] == keys) & lasting[row]

    def add(self, places: np.ndarray, seconds: float) -> None:
        """Take the places (N, 2 or more) of a sweep at a time; all that is old is forgotten."""
        keys = np.unique(_keys(places))
        row = np.searchsorted(self._keys, keys)
        known = np.zeros(len(keys), bool)
        inside = row < len(self._keys)
        known[inside] = self._keys[row[inside]] == keys[inside]
        self._last[row[known]] = seconds
        self._sweeps[row[known]] += 1
        at, fresh = row[~known], keys[~known]
        now = np.full(len(fresh), seconds)
        self._first, self._last = np.insert(self._first, at, now), np.insert(self._last, at, now)
        self._sweeps = np.insert(self._sweeps, at, 1)
        self._keys = np.insert(self._keys, at, fresh)
        if (self._last < seconds - KEPT).any():
            kept = self._last >= seconds - KEPT
            self._keys, self._sweeps = self._keys[kept], self._sweeps[kept]
            self._first, self._last = self._first[kept], self._last[kept]


def _keys(places: np.ndarray) -> np.ndarray:
    """Return one number a cell; those of far away cells may meet, which does no harm."""
    cells = np.floor(places[:, :2] / CELL).astype(np.int64) + HALF
    return cells[:, 0] * (2 * HALF) + cells[:, 1]
