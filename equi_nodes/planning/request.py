"""What of a request cannot be planned for, said with Nav2's code and one sentence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from equi_nodes.planning.grid import OCCUPIED
from equi_nodes.planning.world import Cell, World, cell_of
from equi_nodes.samples import GridSample, PlanCode, PlanRequest

Refusal = tuple[PlanCode, str]
BEYOND = 2.0  # m of unknown space around a goal outside the map, to come to it from any side


def refusal(request: PlanRequest) -> Refusal | None:
    """Return why a request is malformed, None if it is not; nothing of it is trusted."""
    sample = request.grid
    if sample.cells.dtype != np.int8:
        return PlanCode.UNKNOWN, f"the map's cells are {sample.cells.dtype}: give int8"
    if sample.cells.ndim != 2 or 0 in sample.cells.shape:
        return PlanCode.UNKNOWN, f"the map has {sample.cells.shape} cells: give rows and columns"
    if not (np.isfinite(sample.resolution) and sample.resolution > 0):
        return PlanCode.UNKNOWN, f"the map's resolution is {sample.resolution}: give metres a cell"
    if not np.isfinite(sample.origin).all():
        return PlanCode.UNKNOWN, "the map's origin is not a number: send the map again"
    if not np.isfinite(request.start).all():
        return PlanCode.TF_ERROR, "the robot's pose is not a number: check its localisation"
    if not np.isfinite(request.goal).all():
        return PlanCode.UNKNOWN, "the goal is not a number: send another one"
    return None


def misplaced(request: PlanRequest, states: np.ndarray) -> Refusal | None:
    """Return why the start or the goal of a sound request is nowhere to be, None if both are."""
    sample = request.grid
    start, goal = cell_of(sample, request.start), cell_of(sample, request.goal)
    if not _is_inside(sample, start):
        return PlanCode.START_OUTSIDE_MAP, f"the robot is outside the map, {_at(request.start)}"
    if not _is_inside(sample, goal):
        return PlanCode.GOAL_OUTSIDE_MAP, f"the goal is outside the map, {_at(request.goal)}"
    if states[start] == OCCUPIED:
        return PlanCode.START_OCCUPIED, f"the robot stands in an obstacle, {_at(request.start)}"
    return None


def widened(request: PlanRequest, reach: float) -> PlanRequest:
    """Return a sound request whose map was widened by unknown cells to hold the goal.

    Args:
        request: the map and both ends.
        reach: metres; a goal that is farther outside stays there.
    """
    sample = request.grid
    goal, size = np.array(cell_of(sample, request.goal)), np.array(sample.cells.shape)
    outside = np.maximum(0, np.maximum(-goal, goal - size + 1))
    if not 0 < outside.max() <= reach / sample.resolution:
        return request
    margin = round(BEYOND / sample.resolution)
    before = np.maximum(0, margin - goal) * (goal < 0)
    after = np.maximum(0, goal - size + 1 + margin) * (goal >= size)
    cells = np.pad(sample.cells, np.stack([before, after], 1), constant_values=-1)
    x, y, yaw = sample.origin
    up, right = before * sample.resolution
    c, s = np.cos(yaw), np.sin(yaw)
    origin = np.array([x - c * right + s * up, y - s * right - c * up, yaw])
    return replace(request, grid=replace(sample, origin=origin, cells=cells))


def nearest_open(world: World, reached: np.ndarray, tolerance: float) -> Cell | None:
    """Return the cell nearest to the goal where a path may end; of equally near, the cheapest.

    Args:
        world: the grid and the goal.
        reached: (H, W) bool, cells that can be reached.
        tolerance: metres from the goal at which the path may end.
    """
    reach = min(np.nan_to_num(max(0.0, tolerance) / world.resolution), sum(reached.shape))
    top, left = (max(0, int(i - reach)) for i in world.goal)
    bottom, right = (int(i + reach) + 1 for i in world.goal)
    cells = np.argwhere(reached[top:bottom, left:right]) + (top, left)
    away = np.hypot(*(cells - world.goal).T)
    cells, away = cells[away <= reach], away[away <= reach]
    if not len(cells):
        return None
    row, column = cells[np.lexsort((world.costs[tuple(cells.T)], away))[0]].tolist()
    return row, column


def _is_inside(sample: GridSample, cell: Cell) -> bool:
    return all(0 <= i < size for i, size in zip(cell, sample.cells.shape))


def _at(point: np.ndarray) -> str:
    return f"at ({point[0]:.2f}, {point[1]:.2f}) m"
