"""Does a path stay clear of obstacles? Asked of the raw cells, with nothing of the planner's own.

The path is walked in steps of a twentieth of a cell; an obstacle is the whole square of its cell.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

from equi_nodes.samples import GridSample

STEPS_A_CELL = 20
CANDIDATES = 8  # nearest centres looked at: the nearest square is that of one of them


def gaps(grid: GridSample, points: np.ndarray, occupied_from: int) -> np.ndarray:
    """Return the distance (S,) in metres from a walk along a polyline to the nearest obstacle.

    Args:
        grid: the map.
        points: (P, 2) metres in the map's frame.
        occupied_from: per cent from which a cell is an obstacle.

    Returns:
        zero inside an obstacle, inf on a map without any.
    """
    rows, columns = np.nonzero(grid.cells >= occupied_from)
    walk = _walk(in_cells(grid, points))
    if not len(rows):
        return np.full(len(walk), np.inf)
    centres = np.stack([columns, rows], -1) + 0.5
    _, nearest = KDTree(centres).query(walk, min(CANDIDATES, len(centres)))
    away = np.abs(walk[:, None] - centres[nearest.reshape(len(walk), -1)])
    outside = np.maximum(away - 0.5, 0.0)
    return np.hypot(*np.moveaxis(outside, -1, 0)).min(1) * grid.resolution


def in_cells(grid: GridSample, points: np.ndarray) -> np.ndarray:
    """Return points (P, 2) of the map's frame as column and row, cell 0 spanning 0 to 1."""
    x, y, yaw = grid.origin
    away = np.asarray(points, np.float64) - (x, y)
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    return away @ turn / grid.resolution


def _walk(points: np.ndarray) -> np.ndarray:
    along = np.r_[0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T))]
    places = np.linspace(0.0, along[-1], int(np.ceil(along[-1] * STEPS_A_CELL)) + 1)
    return np.stack([np.interp(places, along, axis) for axis in points.T], -1)
