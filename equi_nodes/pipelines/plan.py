"""From a map, a pose and a goal to a path: A* where the map is known, the network beyond it.

In space that was seen nothing is shorter than A*, and A* answers whenever nothing unknown could be
clearly shorter. Elsewhere the network says how far the goal is beyond each frontier, and a search
on the graph finds the best way over one of them. A path that fails its check is replaced by A*.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.planning import grid
from equi_nodes.planning.choices import Choices, choices_of
from equi_nodes.planning.deadline import Deadline, deadline
from equi_nodes.planning.frontiers import (
    READOUTS,
    Frontiers,
    Outlook,
    find_frontiers,
    outlook,
)
from equi_nodes.planning.people import meeting_probability
from equi_nodes.planning.request import misplaced, nearest_open, refusal, widened
from equi_nodes.planning.roadmap import reachable
from equi_nodes.planning.route import Route, plan_graph, poses
from equi_nodes.planning.search import a_star, path_to
from equi_nodes.planning.target import Target, choose
from equi_nodes.planning.world import World, lay_out
from equi_nodes.runtime.network import open_network
from equi_nodes.samples import GridSample, PlanCode, PlanGraph, PlanRequest, PlanSample

Network = Callable[..., tuple[np.ndarray, ...]]

AS_GOOD = 1.01  # a way that costs more than this times that of A* is replaced by it
BLOCK = 0.1  # m, people are met or not in all cells of a block together
SEARCHING = 0.8  # share of the time limit after which searches end, so that the answer is in time
LARGEST = 4_000_000  # open cells of a map that a graph is built of


class Planner:
    """Plans one request at a time, and keeps to a frontier until another one is clearly better."""

    def __init__(self, config: E2PlannerConfig, network: Network | None = None) -> None:
        """Start without a past.

        Args:
            config: settings.
            network: ``E2Planner`` on some backend; None plans as if unknown space were free.
        """
        self.config, self.network = config, network
        self.backend_name = "none" if network is None else network.name
        self._inflation = grid.Inflation.of(config)
        self.reset()

    @classmethod
    def from_config(cls, config: E2PlannerConfig) -> Planner:
        """Return a planner with the network that the settings name.

        Raises:
            EquiError: weights or backend cannot be had.
        """
        network = open_network("e2_planner", config.weights, config.backend, config.threads)
        return cls(config, network)

    def reset(self) -> None:
        """Forget the path and the frontier that was headed for."""
        self._target: Target | None = None
        self._path: np.ndarray | None = None

    def warm_up(self) -> None:
        """Compile the searches and run the network once."""
        cells = np.full((40, 60), -1, np.int8)
        cells[5:15, 5:15] = 0
        sample = GridSample(0, "map", 0.1, np.zeros(3), cells)
        request = PlanRequest(sample, np.array([1.0, 1.0, 0.0]), np.array([5.0, 3.0, 0.0]))
        for _ in range(2):  # compiling may use up the time of the first
            self.step(request)
        self.reset()

    def step(self, request: PlanRequest) -> PlanSample:
        """Return a path, or the code and the sentence that say why there is none."""
        if said := refusal(request):
            return _refused(request, *said)
        request = widened(request, self.config.goal_reach)
        thresholds = self.config.free_threshold, self.config.occupied_threshold
        states = grid.states(request.grid.cells, *thresholds)
        if said := misplaced(request, states):
            return _refused(request, *said)
        limit = SEARCHING * self.config.time_limit
        with deadline(limit, request.is_cancelled) as watched:
            world = self._world(request, states)
            return self._plan(request, world, watched)

    def _world(self, request: PlanRequest, states: np.ndarray) -> World:
        """Return the grid with what a metre costs in it, people included."""
        world = lay_out(request, states, self._inflation)
        if not self.config.allow_unknown:
            world.costs[world.states == grid.UNKNOWN] = np.inf
        if request.people is not None and len(request.people.ids):
            self._avoid_people(request, world)
        return world

    def _avoid_people(self, request: PlanRequest, world: World) -> None:
        """Raise the cost of cells where the robot would meet somebody at the time it comes there.

        It comes there when it drives straight; farther than the prediction reaches nobody is met.
        """
        people, speed = request.people, self.config.speed
        horizon_s = people.paths.shape[2] * people.time_step_ns * 1e-9
        rows, columns = np.indices(world.costs.shape, sparse=True)
        away = np.hypot(rows - world.start[0], columns - world.start[1]) * world.resolution
        cells = np.argwhere((away <= horizon_s * speed) & np.isfinite(world.costs))
        middles, block = _blocks(cells - world.start, max(1, round(BLOCK / world.resolution)))
        points = world.layout.in_map(middles + world.start + 0.5)
        late_s = max(0, _stamp(request) - people.stamp_ns) * 1e-9
        times = late_s + np.hypot(*middles.T) * world.resolution / speed
        met = meeting_probability(points, times, people, self.config.meeting_distance)
        world.costs[tuple(cells.T)] *= 1 + self.config.meeting_weight * met[block]

    def _plan(self, request: PlanRequest, world: World, watched: Deadline) -> PlanSample:
        unknown = world.states == grid.UNKNOWN
        wary = world.costs * np.where(unknown, np.float32(self.config.unknown_cost), 1)
        cells, _ = a_star(wary, world.start, world.goal, watched.stop)
        if not len(cells) and not watched.is_over:
            goal = nearest_open(world, reachable(world.costs, world.start), request.tolerance)
            if goal is None:
                return _refused(request, *_unreachable(world, self.config.allow_unknown))
            world = replace(world, goal=goal, goal_point=np.array(goal) + 0.5)
            cells, _ = a_star(wary, world.start, world.goal, watched.stop)
        if not len(cells) or watched.is_cancelled:
            return self._without_path(request, watched)
        shortest = Route.over(world, cells)
        if shortest.is_seen(world):
            return self._through_seen(request, world, shortest)
        if self.network is None:
            return self._answer(request, world, shortest.pulled(world.costs, world.roomy), "a_star")
        return self._explore(request, world, cells, watched)

    def _through_seen(self, request: PlanRequest, world: World, shortest: Route) -> PlanSample:
        """Return the path, or the rest of the one before where that is about as good."""
        kept = shortest.pulled(world.seen_costs, world.roomy).or_rest_of(world, self._path, AS_GOOD)
        answer = self._answer(request, world, kept, "known_map")
        self.reset()
        self._path = answer.poses[:, :2]
        return answer

    def _without_path(self, request: PlanRequest, watched: Deadline) -> PlanSample:
        if watched.is_cancelled:
            return _refused(request, PlanCode.UNKNOWN, "planning was cancelled")
        sentence = f"no path was found within {self.config.time_limit:g} s"
        return _refused(request, PlanCode.TIMEOUT, sentence)

    def _explore(
        self, request: PlanRequest, world: World, cells: np.ndarray, watched: Deadline
    ) -> PlanSample:
        """Return the way over the opening that the network finds best, or the optimistic one.

        The latter leads over ``cells`` (P, 2).
        """
        shortest = Route.over(world, cells).pulled(world.costs, world.roomy)
        try:
            frontiers, expected = self._scored(world, watched)
        except Exception as error:  # whatever the network does, the robot gets a path
            note = f"the network gave no answer ({error}): unknown space counts as open"
            return self._answer(request, world, shortest, "a_star", notes=(note,))
        choices = choices_of(
            world, frontiers, expected, self.config.trust, self.config.unknown_cost
        )
        graph = plan_graph(world, frontiers, choices)
        route = None
        if len(choices.nodes):
            is_crossed = frontiers.is_crossed(world, choices.nodes, cells)
            best = self._best(request, world, choices, is_crossed)
            node = int(choices.nodes[best])
            route = shortest if is_crossed[best] else _route_to(world, frontiers, node)
        if route is None or np.isinf(route.cost) or watched.is_over:
            note = "the way of the network is not open: unknown space counts as open"
            return self._answer(request, world, shortest, "a_star", graph, (note,))
        return self._answer(request, world, route, "network", graph)

    def _scored(self, world: World, watched: Deadline) -> tuple[Frontiers, Outlook]:
        """Return the frontiers and what the network expects at each node."""
        if np.isfinite(world.costs).sum() > LARGEST:
            raise ValueError("the map is too large for the graph")
        frontiers = find_frontiers(
            world, self.config.node_spacing, self.config.max_nodes, watched.stop
        )
        if watched.is_over:
            raise ValueError("time was up")
        _, readouts = self.network(*frontiers.inputs)
        is_sound = readouts.shape[1:] == (len(frontiers.known), READOUTS)
        if not (is_sound and np.isfinite(readouts).all()):
            raise ValueError("its numbers are not finite, or not of each node")
        return frontiers, outlook(frontiers.optimistic, readouts[0])

    def _best(
        self, request: PlanRequest, world: World, choices: Choices, is_crossed: np.ndarray
    ) -> int:
        """Return the number of the choice to head for, and keep it as the target.

        The shortest way, all unknown space being free, leads through the choices ``is_crossed``
        (F,): what others seem to save must be clear, as both are guesses.
        """
        places = world.layout.in_map(choices.cells + 0.5)
        costs = choices.costs * np.where(is_crossed, 1 - self.config.detour_margin, 1.0)
        target = self._aim(request, world)
        best = choose(places, costs, target, self.config.switch_margin)
        target.place = places[best]
        self._target = target
        return best

    def _aim(self, request: PlanRequest, world: World) -> Target:
        """Return the target so far, brought up to date; a new goal begins a new one."""
        robot, goal = request.start[:2], request.goal[:2]
        seen = int((world.states != grid.UNKNOWN).sum())
        target = self._target
        if target is None or not np.allclose(target.goal, goal):
            return Target(goal, np.full(2, np.inf), seen, robot)
        target.drive_on(robot, seen)
        return target

    def _answer(
        self,
        request: PlanRequest,
        world: World,
        route: Route,
        planner: str,
        graph: PlanGraph | None = None,
        notes: tuple[str, ...] = (),
    ) -> PlanSample:
        """Return a route as a path, with a pose about every cell."""
        return PlanSample(
            _stamp(request),
            request.grid.frame_id,
            PlanCode.NONE,
            poses=poses(world, route, request),
            length=route.length * world.resolution,
            cost=route.cost * world.resolution,
            planner=planner,
            known_share=route.seen_share(world),
            graph=graph,
            is_fallback=bool(notes),
            notes=notes,
        )


def _route_to(world: World, frontiers: Frontiers, node: int) -> Route | None:
    """Return the way over a frontier: along the graph, by A* where that is cheaper, and beyond.

    To the goal itself, node -1, it leads through seen space alone.
    """
    if node < 0:
        seen, _ = a_star(world.seen_costs, world.start, world.goal)
        return Route.over(world, seen).pulled(world.seen_costs, world.roomy)
    cell = tuple(frontiers.roadmap.cells[node].tolist())
    beyond = path_to(frontiers.to_goal, cell)[::-1]
    direct, cost = a_star(world.seen_costs, world.start, cell)
    if not len(direct) or not len(beyond):
        return None
    along = Route.over(world, frontiers.roadmap.path(frontiers.nodes_to(node)))
    along = along.pulled(world.seen_costs, world.roomy)
    if not along.cost <= AS_GOOD * cost:
        along = Route.over(world, direct).pulled(world.seen_costs, world.roomy)
    # Each part is pulled on its own: the robot has to come to the frontier to look beyond it.
    return along.then(Route.over(world, beyond).pulled(world.costs, world.roomy))


def _blocks(cells: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the middles (B, 2) of blocks of cells (C, 2), and the block (C,) of each cell."""
    corners, block = np.unique(cells // size, axis=0, return_inverse=True)
    return corners * size + (size - 1) / 2, block.ravel()


def _unreachable(world: World, allow_unknown: bool) -> tuple[PlanCode, str]:
    if world.states[world.goal] == grid.UNKNOWN and not allow_unknown:
        return PlanCode.NO_VALID_PATH, "the goal was not seen yet, and allow_unknown is false"
    if np.isinf(world.costs[world.goal]):
        sentence = "the goal is blocked, and so is all within the tolerance that can be reached"
        return PlanCode.GOAL_OCCUPIED, sentence
    return PlanCode.NO_VALID_PATH, "no path leads from the robot to the goal"


def _refused(request: PlanRequest, code: PlanCode, reason: str) -> PlanSample:
    return PlanSample(_stamp(request), request.grid.frame_id, code, reason)


def _stamp(request: PlanRequest) -> int:
    return request.stamp_ns or request.grid.stamp_ns
