"""Who sees whom in a grid of cells."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from equi_nodes.geometry.raycast import cast

CANDIDATES = 32  # the nearest points that are looked at


def in_sight(cells: np.ndarray, points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return which of the ``others`` (N, M) each of (N, 2) points sees, (N, M) bool.

    Args:
        cells: (H, W), 0 where one sees through.
        points: x and y in cells.
        others: int64, M points for each.
    """
    way = points[others] - points[:, None]
    length = np.linalg.norm(way, axis=-1)
    directions = np.arctan2(way[..., 1], way[..., 0])
    free, _ = cast(cells, points, directions, float(length.max()) + 1)
    return free > length


def nearest_in_sight(cells: np.ndarray, points: np.ndarray, count: int) -> np.ndarray:
    """Join each of (N, 2) points to the nearest ``count`` that it sees, both ways, (N, N) bool."""
    near = cKDTree(points).query(points, CANDIDATES + 1)[1][:, 1:]
    seen = in_sight(cells, points, near)
    joined = np.zeros((len(points),) * 2, bool)
    np.put_along_axis(joined, near, seen & (seen.cumsum(1) <= count), 1)
    return joined | joined.T
