"""A way through the grid, from cells to poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.planning.choices import Choices
from equi_nodes.planning.frontiers import Frontiers
from equi_nodes.planning.grid import UNKNOWN
from equi_nodes.planning.smoothing import densified, path_cost, pull_taut
from equi_nodes.planning.world import World
from equi_nodes.samples import PlanGraph, PlanRequest

BESIDE = 2.0  # cells from its path at which a robot still follows it
SAME_END = 0.1  # cells between two ends that are the same


@dataclass(frozen=True)
class Route:
    """A polyline in the turned grid.

    Attributes:
        points: (P, 2) row and column, in cells; cell 0 spans 0..1.
        cost: in cells, inf if it touches a closed one.
    """

    points: np.ndarray
    cost: float

    @classmethod
    def over(cls, world: World, cells: np.ndarray) -> Route:
        """Return the way over the middles of cells (P, 2), from the exact start.

        It comes to the exact goal too, unless the robot would touch an obstacle there.
        """
        if world.start == world.goal and np.any(world.start_point != world.goal_point):
            cells = np.repeat(cells[:1], 2, 0)  # from point to point in one cell
        points = cells + 0.5
        if tuple(cells[0]) == world.start:
            points[0] = world.start_point
        if tuple(cells[-1]) == world.goal and world.roomy[world.goal]:
            points[-1] = world.goal_point
        return cls(points, path_cost(world.costs, points))

    @property
    def length(self) -> float:
        """Return its length in cells."""
        return float(np.hypot(*np.diff(self.points, axis=0).T).sum())

    def is_seen(self, world: World) -> bool:
        """Return whether all of it lies in cells that were seen."""
        cells = self.points.astype(int)
        return not (world.states[tuple(cells.T)] == UNKNOWN).any()

    def seen_share(self, world: World) -> float:
        """Return the share of it that lies in cells that were seen, 0..1."""
        points = densified(self.points, 0.5)
        lengths = np.hypot(*np.diff(points, axis=0).T)
        middles = ((points[:-1] + points[1:]) / 2).astype(int)
        seen = world.states[tuple(middles.T)] != UNKNOWN
        return float(lengths[seen].sum() / lengths.sum()) if lengths.sum() > 0 else 1.0

    def pulled(self, costs: np.ndarray, roomy: np.ndarray) -> Route:
        """Return it with straight pieces through roomy cells wherever they cost no more.

        Args:
            costs: (H, W) of a cell's length in each cell.
            roomy: (H, W) bool, as in ``World``.
        """
        points = self.points[pull_taut(costs, roomy, self.points)]
        cost = path_cost(costs, points)
        return Route(points, cost) if cost <= self.cost + 1e-6 else self

    def or_rest_of(self, world: World, before: np.ndarray | None, as_good: float) -> Route:
        """Return the rest of the path before, if it leads there through seen space, as cheaply.

        Args:
            world: the grid.
            before: (P, 2) the path before in the map's frame, metres; None if there was none.
            as_good: the rest may cost so many times this route.
        """
        if before is None:
            return self
        points = world.layout.turned_points(before)
        away = np.hypot(*(points - world.start_point).T)
        nearest = int(away.argmin())
        rest = np.concatenate([[world.start_point], points[nearest + 1 :]])
        if away[nearest] > BESIDE or np.abs(rest[-1] - self.points[-1]).max() > SAME_END:
            return self
        cost = path_cost(world.seen_costs, rest)
        return Route(rest, cost) if cost <= as_good * self.cost else self

    def then(self, rest: Route) -> Route:
        """Return it continued over another one, which begins where it ends."""
        return Route(np.concatenate([self.points, rest.points[1:]]), self.cost + rest.cost)


def poses(world: World, route: Route, request: PlanRequest) -> np.ndarray:
    """Return poses (P, 3) along a route in the map's frame, about one a cell.

    Each looks along the path, the last one as the goal asks.
    """
    points = world.layout.in_map(densified(route.points, 1.0))
    ahead = np.diff(points, axis=0)
    yaw = np.r_[np.arctan2(ahead[:, 1], ahead[:, 0]), request.goal[2]]
    return np.column_stack([points, yaw])


def plan_graph(world: World, frontiers: Frontiers, choices: Choices) -> PlanGraph:
    """Return what was searched, in the map's frame, for markers and diagnostics."""
    roadmap = frontiers.roadmap
    values = np.full(len(roadmap.cells), np.nan)
    at = choices.nodes >= 0
    values[choices.nodes[at]] = choices.costs[at] - frontiers.known[choices.nodes[at]]
    return PlanGraph(
        world.layout.in_map(roadmap.cells + 0.5),
        roadmap.edges,
        roadmap.lengths * world.resolution,
        roadmap.is_frontier,
        values,
    )
