"""Rays in a grid of cells: how far they go and what they hit."""

from __future__ import annotations

import numba
import numpy as np


def cast(
    cells: np.ndarray, origins: np.ndarray, angles: np.ndarray, reach: float
) -> tuple[np.ndarray, np.ndarray]:
    """Follow rays from cell to cell until one that is not zero.

    Args:
        cells: (H, W) integers, 0 where rays pass; cell (row, column) spans column .. column + 1 in
            x and row .. row + 1 in y.
        origins: (P, 2) x and y in cells.
        angles: (P, A) rad, counter-clockwise from x.
        reach: cells, the longest ray.

    Returns:
        distances (P, A) float32 in cells, at most ``reach``; what was hit (P, A) int32, 0 for
        nothing within reach or for leaving the grid. A ray that starts in a hit has length 0.
    """
    codes = np.ascontiguousarray(cells, np.int32)
    starts = np.ascontiguousarray(origins, np.float64)
    return _cast(codes, starts, np.ascontiguousarray(angles, np.float64), float(reach))


@numba.njit(cache=True)
def _cast(cells, origins, angles, reach):  # noqa: ANN001, ANN202
    distances = np.empty(angles.shape, np.float32)
    hits = np.empty(angles.shape, np.int32)
    for p in range(angles.shape[0]):
        for a in range(angles.shape[1]):
            x, y = origins[p]
            distances[p, a], hits[p, a] = _follow(cells, x, y, angles[p, a], reach)
    return distances, hits


@numba.njit(cache=True)
def _follow(cells, x, y, angle, reach):  # noqa: ANN001, ANN202
    """Return length and hit of one ray; it crosses the nearer of the next two cell borders."""
    height, width = cells.shape
    along, up = np.cos(angle), np.sin(angle)
    column, row = int(np.floor(x)), int(np.floor(y))
    step_x, step_y = (1 if along > 0 else -1), (1 if up > 0 else -1)
    per_x = 1 / abs(along) if along != 0 else np.inf
    per_y = 1 / abs(up) if up != 0 else np.inf
    next_x = ((column + 1 - x) if along > 0 else (x - column)) * per_x if along != 0 else np.inf
    next_y = ((row + 1 - y) if up > 0 else (y - row)) * per_y if up != 0 else np.inf
    gone = 0.0
    while gone <= reach:
        if not (0 <= row < height and 0 <= column < width):
            return reach, 0
        if cells[row, column] != 0:
            return gone, cells[row, column]
        if next_x < next_y:
            gone, next_x, column = next_x, next_x + per_x, column + step_x
        else:
            gone, next_y, row = next_y, next_y + per_y, row + step_y
    return reach, 0
