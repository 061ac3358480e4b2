"""What lies around a node, by direction: the oriented inputs of the network.

K directions, the k-th at 2 pi k / K counter-clockwise from the x axis. A turn of the map by one
direction shifts them, a reflection reverses them: the network lifts that to its features exactly.
"""

from __future__ import annotations

import cv2
import numba
import numpy as np

from equi_nodes.planning.grid import FREE, OCCUPIED, UNKNOWN

DIRECTIONS = 16
RADII_M = (0.4, 0.8, 1.2, 1.8, 2.6, 3.6, 5.0, 7.0, 10.0)
SIGHT_M = 10.0  # how far the rays look
WIDTH = 2 * len(RADII_M) + 3  # numbers of a direction


def look_around(cell_states: np.ndarray, cells: np.ndarray, resolution: float) -> np.ndarray:
    """Return (N, K, C) float32: what is seen from each cell in each direction.

    The numbers of a direction are the shares of free and of occupied cells in squares along it,
    which grow with the distance so that together they cover the disc, then how near the first
    obstacle and the first unknown cell on the ray are (1 here, falling to 0 out of sight), and
    whether the unknown comes first.

    Args:
        cell_states: (H, W) uint8 states.
        cells: (N, 2) rows and columns.
        resolution: metres per cell.
    """
    totals = [cv2.integral((cell_states == state).view(np.uint8)) for state in (FREE, OCCUPIED)]
    radii = np.array(RADII_M) / resolution
    views = np.zeros((len(cells), DIRECTIONS, WIDTH), np.float32)
    _sample(*totals, np.asarray(cells, np.int64), radii, views)
    _cast(cell_states, np.asarray(cells, np.int64), resolution, views)
    return views


@numba.njit(cache=True, nogil=True)
def _sample(free, occupied, cells, radii, views):  # noqa: ANN001, ANN202
    height, width = free.shape[0] - 1, free.shape[1] - 1
    for node in range(len(cells)):
        for k in range(DIRECTIONS):
            angle = 2 * np.pi * k / DIRECTIONS
            for i in range(len(radii)):
                half = int(radii[i] * np.pi / DIRECTIONS)
                row = cells[node, 0] + int(np.rint(radii[i] * np.sin(angle)))
                column = cells[node, 1] + int(np.rint(radii[i] * np.cos(angle)))
                top, bottom = max(row - half, 0), min(row + half + 1, height)
                left, right = max(column - half, 0), min(column + half + 1, width)
                if top >= bottom or left >= right:
                    continue
                area = (2 * half + 1) ** 2
                views[node, k, 2 * i] = _count(free, top, bottom, left, right) / area
                views[node, k, 2 * i + 1] = _count(occupied, top, bottom, left, right) / area


@numba.njit(cache=True, inline="always")
def _count(totals, top, bottom, left, right):  # noqa: ANN001, ANN202
    return totals[bottom, right] - totals[top, right] - totals[bottom, left] + totals[top, left]


@numba.njit(cache=True, nogil=True)
def _cast(states, cells, resolution, views):  # noqa: ANN001, ANN202
    height, width = states.shape
    last = views.shape[2] - 1
    steps = int(SIGHT_M / resolution)
    for node in range(len(cells)):
        for k in range(DIRECTIONS):
            angle = 2 * np.pi * k / DIRECTIONS
            obstacle = unknown = np.inf
            for step in range(1, steps + 1):
                row = cells[node, 0] + int(np.rint(step * np.sin(angle)))
                column = cells[node, 1] + int(np.rint(step * np.cos(angle)))
                if not (0 <= row < height and 0 <= column < width):
                    break
                if states[row, column] == OCCUPIED:
                    obstacle = step * resolution
                    break
                if states[row, column] == UNKNOWN:
                    unknown = min(unknown, step * resolution)
            views[node, k, last - 2] = np.exp(-obstacle / 3.0)
            views[node, k, last - 1] = np.exp(-unknown / 3.0)
            views[node, k, last] = unknown < obstacle
