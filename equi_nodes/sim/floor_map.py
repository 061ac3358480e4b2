"""The floor of a scenario as a perfect map in the axes of the world."""

from __future__ import annotations

import numpy as np

from equi_nodes.samples import GridSample
from equi_nodes.sim.boxes import OCCUPIED, skin
from equi_nodes.sim.scenario import Scenario
from equi_nodes.sim.scenario_floors import Floor


def world_grid(scenario: Scenario, resolution: float) -> GridSample:
    """Return a grid of a resolution in metres, whose axes are those of the world.

    A cell is occupied if anything solid is in it, -1 where it is so deep in walls that no sensor
    can see it.
    """
    states = _states(scenario)
    floor = scenario.floor
    height, width = np.array(states.shape) * floor.resolution
    cos, sin = np.cos(floor.origin[2]), np.sin(floor.origin[2])
    R = np.array([[cos, -sin], [sin, cos]])
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]]) @ R.T + floor.origin[:2]
    low = np.floor(corners.min(0) / resolution) * resolution
    columns, rows = np.ceil((corners.max(0) - low) / resolution).astype(int)
    parts = int(np.ceil(resolution / floor.resolution))  # a cell is looked at in parts^2 places
    inside = (np.arange(parts) + 0.5) / parts
    x = low[0] + (np.arange(columns)[:, None] + inside).ravel() * resolution
    y = low[1] + (np.arange(rows)[:, None] + inside).ravel() * resolution
    points = np.stack(np.meshgrid(x, y), -1) - floor.origin[:2]
    cells = _looked_up(states, points @ R / floor.resolution)
    cells = cells.reshape(rows, parts, columns, parts).max((1, 3))
    return GridSample(floor.stamp_ns, floor.frame_id, resolution, np.r_[low, 0.0], cells)


def _states(scenario: Scenario) -> np.ndarray:
    """Return (H, W) int8 of the floor with its furniture, in the floor's own axes."""
    grid = scenario.floor
    solid = grid.cells >= OCCUPIED
    blocked = Floor(solid, scenario.furniture, grid.resolution).blocked
    seen = skin(solid, grid.resolution) | (blocked & ~solid)
    return np.where(seen, 100, np.where(solid, -1, 0)).astype(np.int8)


def _looked_up(states: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return what is at places (..., 2) of columns and rows, -1 outside."""
    columns, rows = np.moveaxis(np.floor(places).astype(int), -1, 0)
    height, width = states.shape
    is_inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    found = np.full(rows.shape, -1, np.int8)
    found[is_inside] = states[rows[is_inside], columns[is_inside]]
    return found
