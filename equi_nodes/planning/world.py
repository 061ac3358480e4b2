"""A request laid out on a grid, turned so that the goal lies ahead.

All that has to break ties (which node of a block, which of two equal ways) does so in this turned
grid. A map that is turned by 90 degrees is turned back to the very same grid, so that its plan is
the same plan, turned.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from equi_nodes.planning import grid
from equi_nodes.planning.grid import UNKNOWN, Inflation
from equi_nodes.samples import GridSample, PlanRequest

Cell = tuple[int, int]
RIM = 1e-9  # cells; what lies on a border stays in its own cell when the map is turned


@dataclass(frozen=True)
class Layout:
    """How the turned grid lies in the map's frame.

    Attributes:
        shape: rows and columns of the map as it came.
        turns: quarter turns clockwise that brought the goal ahead.
        resolution: metres per cell.
        origin: (3,) x, y and yaw of the map's lower left corner.
    """

    shape: tuple[int, int]
    turns: int
    resolution: float
    origin: np.ndarray

    def turned(self, cells: np.ndarray) -> np.ndarray:
        """Return an array (H, W) of the map in the turned grid."""
        return np.ascontiguousarray(np.rot90(cells, self.turns))

    def turned_cell(self, cell: Cell) -> Cell:
        """Return where a cell of the map lies in the turned grid."""
        shape = self.shape
        for _ in range(self.turns):
            cell, shape = (shape[1] - 1 - cell[1], cell[0]), shape[::-1]
        return cell

    def turned_points(self, points: np.ndarray) -> np.ndarray:
        """Return where points (..., 2) of the map's frame, metres, lie: row and column in cells."""
        rows, columns = np.moveaxis(_in_cells(points, self.origin, self.resolution), -1, 0)
        shape = self.shape
        for _ in range(self.turns):
            rows, columns, shape = shape[1] - columns, rows, shape[::-1]
        return np.stack([rows, columns], -1)

    def in_map(self, points: np.ndarray) -> np.ndarray:
        """Return points (P, 2) of row and column in the turned grid as x, y in metres."""
        shape = self.shape if self.turns % 2 == 0 else self.shape[::-1]
        rows, columns = np.asarray(points, np.float64).T
        for _ in range(self.turns):
            rows, columns, shape = columns, shape[0] - rows, shape[::-1]
        x, y = columns * self.resolution, rows * self.resolution
        cosine, sine = np.cos(self.origin[2]), np.sin(self.origin[2])
        return self.origin[:2] + np.stack([cosine * x - sine * y, sine * x + cosine * y], -1)


@dataclass(frozen=True)
class World:
    """What planning reads: the turned grid, what a metre costs in it, and the two ends.

    Attributes:
        layout: how it lies in the map's frame.
        states: (H, W) uint8 of the cells.
        distance: (H, W) float32 metres to the nearest obstacle.
        costs: (H, W) float32 of a cell's length in each cell; unknown cells count as free unless
            that is switched off, and where people will be it is raised.
        roomy: (H, W) bool, where the robot may be anywhere in the cell, not in its middle alone.
        start, goal: row and column.
        start_point, goal_point: (2,) the same to a fraction of a cell; cell 0 spans 0..1.
    """

    layout: Layout
    states: np.ndarray
    distance: np.ndarray
    costs: np.ndarray
    roomy: np.ndarray
    start: Cell
    goal: Cell
    start_point: np.ndarray
    goal_point: np.ndarray

    @cached_property
    def seen_costs(self) -> np.ndarray:
        """Return the costs with everything closed that was not seen."""
        unseen = self.states == UNKNOWN
        return np.where(unseen, np.float32(np.inf), self.costs) if unseen.any() else self.costs

    @property
    def resolution(self) -> float:
        """Return metres per cell."""
        return self.layout.resolution


def cell_of(sample: GridSample, point: np.ndarray) -> Cell:
    """Return row and column of a point (2,) in metres; they may lie outside the map."""
    limit = 2**31  # far outside any map, and still an integer
    inside = np.clip(_in_cells(point[:2], sample.origin, sample.resolution), -limit, limit)
    row, column = np.floor(inside).astype(int).tolist()
    return row, column


def lay_out(request: PlanRequest, cell_states: np.ndarray, inflation: Inflation) -> World:
    """Return the world of a request whose start and goal lie inside its map.

    Args:
        request: the map and both ends.
        cell_states: (H, W) states of the map's cells.
        inflation: how near to obstacles the robot goes.
    """
    sample = request.grid
    start, goal = (cell_of(sample, point) for point in (request.start, request.goal))
    ahead = np.arctan2(goal[0] - start[0], goal[1] - start[1])
    turns = int(np.floor(ahead / (np.pi / 2) + 0.5)) % 4
    layout = Layout(cell_states.shape, turns, sample.resolution, sample.origin)
    turned = layout.turned(cell_states)
    start, goal = layout.turned_cell(start), layout.turned_cell(goal)
    distance = grid.clearance(turned, sample.resolution)
    costs = grid.step_costs(distance, sample.resolution, inflation)
    reach = int(np.ceil(inflation.robot_radius / sample.resolution)) + 2
    grid.open_start(costs, turned, start, reach)
    ends = np.array([start, goal])
    points = layout.turned_points(np.stack([request.start[:2], request.goal[:2]]))
    points = np.clip(points, ends + RIM, ends + 1 - RIM)
    roomy = grid.is_roomy(distance, sample.resolution, inflation)
    return World(layout, turned, distance, costs, roomy, start, goal, *points)


def _in_cells(points: np.ndarray, origin: np.ndarray, resolution: float) -> np.ndarray:
    """Return row and column (..., 2) of points (..., 2) in metres, to a fraction of a cell."""
    x, y = np.moveaxis(np.asarray(points, np.float64) - origin[:2], -1, 0)
    cosine, sine = np.cos(origin[2]), np.sin(origin[2])
    return np.stack([cosine * y - sine * x, cosine * x + sine * y], -1) / resolution
