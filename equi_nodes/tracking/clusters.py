"""Points that belong together, seen from above: what touches is one, walls are taken out first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from equi_nodes.tracking.walls import are_walls

CELL = 0.1  # m; points in cells that touch belong together
FAR = 8.0  # m; beyond, the beams lie so far apart that a cell more is bridged
NEIGHBOURS = np.ones((3, 3), bool)


@dataclass(frozen=True)
class Cells:
    """The points seen from above.

    Attributes:
        of_point: (N,) the cell of each point.
        middles: (C, 2) mean of the points of each cell, metres.
        grid: (C, 2) row and column.
        shape: of the grid.
        is_far: (C,) whether beams are sparse there.
    """

    of_point: np.ndarray
    middles: np.ndarray
    grid: np.ndarray
    shape: tuple[int, int]
    is_far: np.ndarray


def cluster(points: np.ndarray, sensor: np.ndarray) -> np.ndarray:
    """Return the number (N,) of the cluster of each point, -1 for walls.

    Args:
        points: (N, 2 or more) metres, without the ground.
        sensor: (2 or more,) where they were seen from.
    """
    if not len(points):
        return np.zeros(0, np.int64)
    cells = _cells(points[:, :2], sensor[:2])
    return _joined(cells, ~are_walls(cells.middles))[cells.of_point]


def below(points: np.ndarray, heights: np.ndarray, limit: float) -> np.ndarray:
    """Return which points (N,) share a cell with one that is higher than a limit in metres."""
    cells = np.floor(points[:, :2] / CELL).astype(np.int64)
    keys = cells[:, 0] * (1 << 32) + cells[:, 1]
    return np.isin(keys, keys[heights > limit])


def _cells(points: np.ndarray, sensor: np.ndarray) -> Cells:
    corner = points.min(0)
    row_column = ((points - corner) / CELL).astype(np.int64)
    shape = tuple(int(n) + 1 for n in row_column.max(0))
    key = row_column[:, 0] * shape[1] + row_column[:, 1]
    kept, of_point, counts = np.unique(key, return_inverse=True, return_counts=True)
    sums = [np.bincount(of_point, weights=axis) for axis in points.T]
    middles = np.column_stack(sums) / counts[:, None]
    grid = np.column_stack(np.divmod(kept, shape[1]))
    is_far = ((middles - sensor) ** 2).sum(1) > FAR**2
    return Cells(of_point.reshape(-1), middles, grid, shape, is_far)


def _joined(cells: Cells, chosen: np.ndarray) -> np.ndarray:
    """Return the number (C,) of the component of each chosen cell, -1 for the others."""
    occupied, far = np.zeros(cells.shape, bool), np.zeros(cells.shape, bool)
    occupied[tuple(cells.grid[chosen].T)] = True
    far[tuple(cells.grid[chosen & cells.is_far].T)] = True
    if far.any():
        occupied |= ndimage.binary_dilation(far, NEIGHBOURS)
    components, _ = ndimage.label(occupied, NEIGHBOURS)
    labels = np.where(chosen, components[tuple(cells.grid.T)] - 1, -1)
    kept, dense = np.unique(labels, return_inverse=True)
    return dense.reshape(-1) - int(kept[0] < 0)
