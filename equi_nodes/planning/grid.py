"""From an occupancy grid to what a step costs in each of its cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.geometry.distances import distances

FREE, OCCUPIED, UNKNOWN = np.uint8(0), np.uint8(1), np.uint8(2)
CORNER = 0.71  # cells from the middle of an obstacle's cell to its corner
LEAVING = 10.0  # times its length costs a step of a robot that stands too near to an obstacle


@dataclass(frozen=True)
class Inflation:
    """How near to obstacles a robot goes, and what it pays for that.

    Attributes:
        robot_radius: metres; cells nearer to an obstacle are not entered. Distances are those of
            cells' middles, so that of its corner is added; a point (0) enters all free cells.
        radius: metres; cells nearer than this cost more.
        scaling: 1/m, how fast that cost falls with the distance.
        weight: how many times its length a step right beside an obstacle costs more.
    """

    robot_radius: float
    radius: float
    scaling: float
    weight: float

    def kept(self, corners: int, resolution: float) -> float:
        """Return the metres that cells' middles keep from each other, so many corners allowed for.

        A point (radius 0) keeps none.
        """
        return self.robot_radius and self.robot_radius + corners * CORNER * resolution

    @classmethod
    def of(cls, config: E2PlannerConfig) -> Inflation:
        """Return what the settings ask for."""
        return cls(
            config.robot_radius, config.inflation_radius, config.cost_scaling, config.cost_weight
        )


def states(cells: np.ndarray, free_threshold: int, occupied_threshold: int) -> np.ndarray:
    """Return the state of each cell, (H, W) uint8.

    Args:
        cells: (H, W) int8, -1 unknown, else 0..100 per cent of being occupied.
        free_threshold: per cent up to which a cell is free.
        occupied_threshold: per cent from which it is an obstacle; what lies between is unknown.
    """
    table = np.full(256, UNKNOWN)
    table[: free_threshold + 1] = FREE
    table[occupied_threshold:101] = OCCUPIED
    return table[cells.view(np.uint8)]


def clearance(cell_states: np.ndarray, resolution: float) -> np.ndarray:
    """Return the distance (H, W) float32 of each cell to the nearest obstacle's centre, metres."""
    apart = cell_states != OCCUPIED
    if apart.all():
        return np.full(cell_states.shape, np.float32(resolution * sum(cell_states.shape)))
    return distances(apart) * resolution


def step_costs(distance: np.ndarray, resolution: float, inflation: Inflation) -> np.ndarray:
    """Return what a metre costs in each cell, (H, W) float32: 1 far from obstacles, inf in them.

    The cost falls exponentially with the distance, as in the inflation layer of Nav2.

    Args:
        distance: (H, W) metres to the nearest obstacle.
        resolution: metres per cell.
        inflation: how near the robot goes.
    """
    radius = inflation.kept(1, resolution)
    costs = np.ones_like(distance)
    near = distance < inflation.radius
    fall = inflation.scaling * (radius - distance[near])
    costs[near] += inflation.weight * np.exp(np.minimum(fall, 0))
    costs[distance <= radius] = np.inf
    return costs


def is_roomy(distance: np.ndarray, resolution: float, inflation: Inflation) -> np.ndarray:
    """Return the cells (H, W) bool in every corner of which the robot keeps clear of obstacles.

    Args:
        distance: (H, W) metres to the nearest obstacle.
        resolution: metres per cell.
        inflation: how near the robot goes.
    """
    return distance > inflation.kept(2, resolution)


def open_start(
    costs: np.ndarray, cell_states: np.ndarray, start: tuple[int, int], reach: int
) -> None:
    """Let a robot out that stands too near to an obstacle, at a price; changes ``costs``.

    Args:
        costs: (H, W) of a metre in each cell.
        cell_states: (H, W) states.
        start: row and column of the robot.
        reach: cells around the start that are opened.
    """
    if np.isfinite(costs[start]):
        return
    around = tuple(slice(max(0, i - reach), i + reach + 1) for i in start)
    closed = np.isinf(costs[around]) & (cell_states[around] != OCCUPIED)
    costs[around][closed] = LEAVING
    costs[start] = LEAVING
