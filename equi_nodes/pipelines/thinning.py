"""Thinning a cloud for a network, and carrying what it says back to every point."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

GROWTH = 1.1  # least, of a grid that leaves too many points
COORDINATES = 1 << 20  # cells along an axis that a key has room for


def thin(points: np.ndarray, voxel: float, count: int) -> np.ndarray:
    """Return the rows of at most ``count`` points, at most one of each cube of a grid.

    The grid is as fine as ``voxel`` where that suffices, else as coarse as it has to be.

    Args:
        points: (N, 3) metres around their middle.
        voxel: metres.
        count: at least one.
    """
    kept = _one_a_cube(points, voxel)
    while len(kept) > count:
        voxel *= max(GROWTH, np.sqrt(len(kept) / count))  # of a surface, cubes go with the square
        kept = kept[_one_a_cube(points[kept], voxel)]
    return kept


def nearest_of(kept: np.ndarray, points: np.ndarray, threads: int) -> np.ndarray:
    """Return for each of points (N, 3) which of the kept ones (M, 3) is nearest, (N,)."""
    return cKDTree(kept).query(points, workers=threads)[1]


def _one_a_cube(points: np.ndarray, voxel: float) -> np.ndarray:
    """Return the rows, in their order, of the first point in each cube."""
    cells = np.floor(points / voxel).astype(np.int64) % COORDINATES
    keys = (cells[:, 0] * COORDINATES + cells[:, 1]) * COORDINATES + cells[:, 2]
    return np.sort(np.unique(keys, return_index=True)[1])
