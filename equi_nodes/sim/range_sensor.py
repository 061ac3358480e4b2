"""A planar range sensor on a grid: what a robot sees of a building from one cell."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def reveal(
    truth: np.ndarray, known: np.ndarray, row: int, column: int, reach: float, rays: int
) -> int:
    """Copy what is in view from ``truth`` to ``known`` and return how many cells are new.

    Args:
        truth: (H, W) uint8 states of all cells: 0 free, 1 occupied.
        known: (H, W) uint8 states as far as they were seen, 2 unknown; it is changed.
        row, column: where the sensor is.
        reach: its range in cells.
        rays: how many it casts, evenly around; each ends in the first occupied cell.
    """
    height, width = truth.shape
    new = 0
    if known[row, column] == 2:
        known[row, column] = truth[row, column]
        new += 1
    for ray in range(rays):
        angle = 2 * np.pi * ray / rays
        down, right = 0.5 * np.sin(angle), 0.5 * np.cos(angle)
        for step in range(1, int(2 * reach) + 1):
            r, c = int(np.rint(row + step * down)), int(np.rint(column + step * right))
            if not (0 <= r < height and 0 <= c < width):
                break
            if known[r, c] == 2:
                known[r, c] = truth[r, c]
                new += 1
            if truth[r, c] == 1:
                break
    return new
