"""What of a request cannot be planned for, said with Nav2's code and one sentence."""

from __future__ import annotations

import numpy as np

from equi_nodes.planning.grid import OCCUPIED
from equi_nodes.planning.world import Cell, cell_of
from equi_nodes.samples import GridSample, PlanCode, PlanRequest

Refusal = tuple[PlanCode, str]


def refusal(request: PlanRequest) -> Refusal | None:
    """Return why a request is malformed, None if it is not; nothing of it is trusted."""
    sample = request.grid
    if sample.cells.ndim != 2 or 0 in sample.cells.shape or sample.cells.dtype != np.int8:
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


def nearest_open(
    costs: np.ndarray, open_cells: np.ndarray, goal: Cell, reach: float
) -> Cell | None:
    """Return the open cell nearest to the goal, and of equally near ones the cheapest.

    Args:
        costs: (H, W) of a cell's length in each cell.
        open_cells: (H, W) bool, cells where a path may end.
        goal: row and column.
        reach: cells from the goal at which it may end.
    """
    top, left = (max(0, int(i - reach)) for i in goal)
    around = slice(top, int(goal[0] + reach) + 1), slice(left, int(goal[1] + reach) + 1)
    cells = np.argwhere(open_cells[around]) + (top, left)
    away = np.hypot(*(cells - goal).T)
    cells, away = cells[away <= reach], away[away <= reach]
    if not len(cells):
        return None
    best = np.lexsort((costs[tuple(cells.T)], away))[0]
    return int(cells[best][0]), int(cells[best][1])


def _is_inside(sample: GridSample, cell: Cell) -> bool:
    return all(0 <= i < size for i, size in zip(cell, sample.cells.shape))


def _at(point: np.ndarray) -> str:
    return f"at ({point[0]:.2f}, {point[1]:.2f}) m"
