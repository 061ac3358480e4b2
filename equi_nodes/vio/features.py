"""The features that are followed, as arrays of equal length."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

SHAPES = {
    "ids": ((), np.int64),
    "pixels": ((2,), np.float32),
    "points": ((2,), np.float64),
    "distance": ((), np.float64),
    "reference": ((2,), np.float32),
    "searched": ((), np.int64),
}


@dataclass(frozen=True, eq=False)
class Features:
    """Features of the newest usable left image, the oldest first.

    Attributes:
        ids: (N,) never used again.
        pixels: (N, 2) of the left image.
        points: (N, 2) the same, normalised.
        distance: (N,) metres from the left camera by stereo, infinite if far, NaN if unknown.
        reference: (N, 2) pixels when the body last moved, NaN if first seen since then.
        searched: (N,) number of the frame in which it was last looked for in the right image;
            -1 if it was found in the newest.
    """

    ids: np.ndarray
    pixels: np.ndarray
    points: np.ndarray
    distance: np.ndarray
    reference: np.ndarray
    searched: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def keep(self, rows: np.ndarray) -> Features:
        """Return some of the features."""
        return Features(*(getattr(self, part.name)[rows] for part in fields(self)))

    def and_new(self, ids: np.ndarray, pixels: np.ndarray, points: np.ndarray) -> Features:
        """Return these features and new ones behind them."""
        added = replace(_unknown(len(ids)), ids=ids, pixels=pixels, points=points)
        parts = (
            np.concatenate([getattr(self, p.name), getattr(added, p.name)]) for p in fields(self)
        )
        return Features(*parts)


def no_features() -> Features:
    """Return an empty list."""
    return _unknown(0)


def _unknown(count: int) -> Features:
    """Return features of which nothing is known."""
    return Features(
        **{
            name: np.full((count, *shape), np.nan if dtype is not np.int64 else -1, dtype)
            for name, (shape, dtype) in SHAPES.items()
        }
    )
