"""Driving through buildings that were not seen before: how much farther than with the whole map?

A robot with a range sensor plans, drives a little along its path, looks, and plans again,
until it is at the goal. The ratio of what it drove to the shortest way on the whole map is 1 for a
robot that guesses everything right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.datasets.maps import GridMap, coarser
from equi_nodes.errors import EquiError
from equi_nodes.planning import grid
from equi_nodes.samples import GridSample, PlanCode, PlanRequest, PlanSample
from equi_nodes.sim.range_sensor import reveal

CELL_M = 0.1  # about, of all maps that are driven through
LEAST_RAYS = 360
DRIVE_CELLS = 3  # between two plans
FAR_SHARE = 8  # start and goal lie the map's diagonal over this apart, or half its open part's
MOST_PLANS = 5000  # after so many an episode has failed
LEAST_CLEARANCE_M = 0.22  # from the middle of the robot's cell to that of an obstacle's
CONFIG = E2PlannerConfig(
    robot_radius=LEAST_CLEARANCE_M - CELL_M * grid.CORNER, inflation_radius=0.0, time_limit=60.0
)
INFLATION = grid.Inflation.of(CONFIG)
_CELLS = np.array([0, 100, -1], np.int8)  # by state


@dataclass(frozen=True)
class Building:
    """A whole map to explore.

    Attributes:
        name: of the map.
        states: (H, W) uint8, free or occupied: what is not known of the map counts as occupied.
        resolution: metres per cell.
    """

    name: str
    states: np.ndarray
    resolution: float

    @classmethod
    def of_cells(cls, name: str, cells: np.ndarray, resolution: float) -> Building:
        """Return the building of a map's cells (H, W) int8, metres each; 0 is free."""
        return cls(name, np.where(cells == 0, grid.FREE, grid.OCCUPIED), resolution)

    @classmethod
    def of_map(cls, chosen: GridMap) -> Building:
        """Return a map at the resolution of trips.

        Maps without a scale are taken as if a cell had the size that trips need; of dungeons,
        whose corridors are wide, four times four pixels are a cell.
        """
        has_scale = chosen.family in ("ros", "houseexpo")
        factor = max(1, round(CELL_M / chosen.resolution)) if has_scale else 1
        coarse = coarser(chosen, 4 if chosen.family == "dungeon" else factor)
        return cls.of_cells(chosen.name, coarse.cells, coarse.resolution if has_scale else CELL_M)

    def costs(self) -> np.ndarray:
        """Return the costs (H, W) of the whole map for the robot."""
        distance = grid.clearance(self.states, self.resolution)
        return grid.step_costs(distance, self.resolution, INFLATION)


@dataclass(frozen=True)
class Episode:
    """One trip.

    Attributes:
        travelled: metres.
        shortest: metres of the path that the same planner finds on the whole map.
        arrived: at the goal.
        plans: how often was planned.
        planners: how often each of ``PlanSample.planner`` answered.
        track: (P, 2) row and column of the robot.
    """

    travelled: float
    shortest: float
    arrived: bool
    plans: int
    planners: dict[str, int]
    track: np.ndarray

    @property
    def ratio(self) -> float:
        """Return travelled over shortest."""
        return self.travelled / self.shortest


class Plans(Protocol):
    """What a trip needs of a planner."""

    def reset(self) -> None:
        """Forget the trip before."""

    def step(self, request: PlanRequest) -> PlanSample:
        """Return a path, or why there is none."""


Watcher = Callable[[PlanRequest, PlanSample], None]


def trips(building: Building, count: int, rng: np.random.Generator) -> Iterator[tuple]:
    """Yield pairs of cells in the largest connected part, some way apart.

    Args:
        building: the map.
        count: how many pairs.
        rng: draws them.

    Raises:
        EquiError: the map has no free space.
    """
    is_open = np.isfinite(building.costs()).view(np.uint8)
    _, part, statistics, _ = cv2.connectedComponentsWithStats(is_open, connectivity=4)
    if len(statistics) < 2 or statistics[1:, cv2.CC_STAT_AREA].max() < 2:
        raise EquiError(f"The map {building.name} has no free space to drive in; give another one.")
    cells = np.argwhere(part == 1 + np.argmax(statistics[1:, cv2.CC_STAT_AREA]))
    least = min(np.hypot(*is_open.shape) / FAR_SHARE, np.hypot(*np.ptp(cells, axis=0)) / 2)
    while count:
        start, goal = cells[rng.integers(len(cells), size=2)]
        if np.hypot(*(start - goal)) > least:
            count -= 1
            yield tuple(start.tolist()), tuple(goal.tolist())


def explore(
    building: Building,
    planner: Plans,
    start: tuple[int, int],
    goal: tuple[int, int],
    reach_m: float,
    watch: Watcher = lambda request, plan: None,
    drive_cells: int = DRIVE_CELLS,
) -> Episode:
    """Drive from start to goal through a building of which nothing is known at first.

    Args:
        building: the whole map, which only the sensor sees.
        planner: what plans; its past is forgotten first.
        start, goal: row and column.
        reach_m: range of the sensor, metres.
        watch: is shown each request and its plan.
        drive_cells: how far it drives between two plans.
    """
    end = np.array(goal) + 0.5
    planner.reset()
    whole = planner.step(_request(building, building.states, np.array(start) + 0.5, end))
    planner.reset()
    known = np.full(building.states.shape, grid.UNKNOWN)
    reach = reach_m / building.resolution
    track, planners, plans = [np.array(start) + 0.5], {}, 0
    while _apart(track[-1], end) and plans < MOST_PLANS:
        reveal(building.states, known, *_cell(track[-1]), reach, _rays(reach))
        request = _request(building, known, track[-1], end)
        plan = planner.step(request)
        plans += 1
        planners[plan.planner] = planners.get(plan.planner, 0) + 1
        watch(request, plan)
        moved = _driven(building, plan.poses[1 : 1 + drive_cells], known, reach)
        if plan.code is not PlanCode.NONE or not moved:
            break
        track += moved
    driven = np.array(track)
    travelled = np.hypot(*np.diff(driven, axis=0).T).sum() * building.resolution
    arrived = not _apart(driven[-1], end)
    return Episode(float(travelled), whole.length, arrived, plans, planners, driven)


def _driven(
    building: Building, poses: np.ndarray, known: np.ndarray, reach: float
) -> list[np.ndarray]:
    """Return the next points of a path, up to a wall that was not seen before; look at each."""
    driven = []
    for x, y, _ in poses:
        point = np.array([y, x]) / building.resolution
        if building.states[_cell(point)] == grid.OCCUPIED:
            break
        driven.append(point)
        reveal(building.states, known, *_cell(point), reach, _rays(reach))
    return driven


def _request(building: Building, known: np.ndarray, at: np.ndarray, end: np.ndarray) -> PlanRequest:
    sample = GridSample(1, "map", building.resolution, np.zeros(3), _CELLS[known])
    pose, goal = (np.r_[point[::-1] * building.resolution, 0.0] for point in (at, end))
    return PlanRequest(sample, pose, goal, tolerance=0.0)


def _rays(reach: float) -> int:
    """Return how many rays leave no gap of a cell at their ends."""
    return max(LEAST_RAYS, int(2 * np.pi * reach) + 1)


def _apart(a: np.ndarray, b: np.ndarray) -> bool:
    return bool(np.abs(a - b).max() > 1e-6)


def _cell(point: np.ndarray) -> tuple[int, int]:
    return int(point[0]), int(point[1])
