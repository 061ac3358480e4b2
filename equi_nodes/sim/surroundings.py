"""The space around a robot in an occupancy grid."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.distances import distances
from equi_nodes.samples import GridSample

FREE = 25  # per cent, of a cell that was seen to be free


class Surroundings:
    """The part of a grid that lies within reach of a place."""

    def __init__(self, grid: GridSample, place: np.ndarray, reach: float, occupied: int) -> None:
        """Cut it out.

        Args:
            grid: the map.
            place: (2,) in its frame, metres.
            reach: metres around it that will be asked for.
            occupied: per cent from which on a cell is an obstacle.
        """
        cos, sin = np.cos(grid.origin[2]), np.sin(grid.origin[2])
        self._turn, self._grid = np.array([[cos, -sin], [sin, cos]]), grid
        column, row = self._cells(place)
        margin = int(np.ceil(reach / grid.resolution)) + 1
        self._low = np.maximum((column - margin, row - margin), 0)
        window = grid.cells[
            self._low[1] : max(row + margin + 1, 0), self._low[0] : max(column + margin + 1, 0)
        ]
        self._window, self._reach = window, reach
        self._away = np.full(window.shape, reach, np.float32)
        if window.size and (window >= occupied).any():
            self._away = distances(window < occupied) * grid.resolution

    def space(self, places: np.ndarray) -> np.ndarray:
        """Return the metres (N,) from places (N, 2) to the nearest obstacle's cell, none is far."""
        return self._looked_up(self._away, places, self._reach) - 0.5 * self._grid.resolution

    def is_free(self, places: np.ndarray) -> np.ndarray:
        """Return whether places (N, 2) were seen to be free."""
        percent = self._looked_up(self._window, places, -1)
        return (percent >= 0) & (percent <= FREE)

    def _cells(self, places: np.ndarray) -> np.ndarray:
        """Return columns and rows (..., 2) of places."""
        own = (places - self._grid.origin[:2]) @ self._turn / self._grid.resolution
        return np.floor(own).astype(int)

    def _looked_up(self, values: np.ndarray, places: np.ndarray, outside: float) -> np.ndarray:
        column, row = (self._cells(places) - self._low).T
        height, width = values.shape
        is_inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        found = np.full(len(places), outside, np.float64)
        found[is_inside] = values[row[is_inside], column[is_inside]]
        return found
