"""The graph is connected where the grid is, its edges cost what their paths cost."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from equi_nodes.planning.choices import choices_of
from equi_nodes.planning.frontiers import find_frontiers, much_farther, outlook
from equi_nodes.planning.grid import OCCUPIED, UNKNOWN, Inflation, clearance, step_costs
from equi_nodes.planning.roadmap import build_roadmap, frontier_cells, reachable
from equi_nodes.planning.search import a_star, field_from
from equi_nodes.planning.surroundings import DIRECTIONS, WIDTH, look_around
from equi_nodes.planning.world import cell_of, lay_out
from equi_nodes.samples import GridSample, PlanRequest
from equi_nodes.sim.floor_plans import floor_plan

NEVER = np.zeros(1, bool)
SMALL_ROBOT = Inflation(0.15, 0.0, 1.0, 0.0)


def half_seen(seed: int) -> tuple[np.ndarray, tuple[int, int]]:
    """States of a floor plan of which the half was seen, and a cell in it."""
    rng = np.random.default_rng(seed)
    states = (floor_plan(rng, kind="home") != 0).astype(np.uint8)
    states[:, states.shape[1] // 2 :] = UNKNOWN
    open_cells = np.argwhere(np.isfinite(step_costs(clearance(states, 0.1), 0.1, SMALL_ROBOT)))
    seen = open_cells[open_cells[:, 1] < states.shape[1] // 2 - 5]
    row, column = seen[rng.integers(len(seen))]
    return states, (int(row), int(column))


@pytest.mark.parametrize("seed", range(10))
def test_the_graph_covers_what_can_be_reached_and_hangs_together(seed):
    states, start = half_seen(seed)
    distance = clearance(states, 0.1)
    costs = np.where(states == UNKNOWN, np.inf, step_costs(distance, 0.1, SMALL_ROBOT))
    costs = costs.astype(np.float32)
    reached = reachable(costs, start)
    frontier = frontier_cells(reached, states == UNKNOWN)
    graph = build_roadmap(costs, distance, reached, frontier, start, 10)
    assert ((graph.field.source >= 0) == reached).all()
    ends = graph.edges.T
    count = len(graph.cells)
    whole = csr_matrix((np.ones(len(graph.edges)), ends), (count, count))
    assert connected_components(whole, directed=False)[0] == 1
    assert graph.sizes.sum() == frontier.sum()
    assert frontier[tuple(graph.cells[graph.is_frontier].T)].all()


@pytest.mark.parametrize("seed", range(5))
def test_a_way_over_the_graph_is_open_and_as_long_as_stated(seed):
    states, start = half_seen(seed)
    request = request_on(states, start, (states.shape[0] // 2, states.shape[1] - 3))
    world = lay_out(request, states, SMALL_ROBOT)
    found = find_frontiers(world, 1.0, 2048, NEVER)
    for node in found.numbers[:5]:
        path = found.roadmap.path(found.nodes_to(node))
        steps = np.hypot(*np.diff(path, axis=0).T)
        assert steps.max(initial=0) < 1.5
        assert steps.sum() * 0.1 == pytest.approx(found.known[node])
        assert (world.states[tuple(path.T)] == 0).all()
        exact = field_from(world.seen_costs, [world.start]).cost[tuple(path[-1])] * 0.1
        assert exact <= found.known[node] <= 1.5 * exact + 1.0


@pytest.mark.parametrize("seed", range(10))
def test_a_way_out_of_seen_space_leads_through_an_opening(seed):
    states, start = half_seen(seed)
    request = request_on(states, start, (states.shape[0] // 2, states.shape[1] - 3))
    world = lay_out(request, states, SMALL_ROBOT)
    found = find_frontiers(world, 1.0, 2048, NEVER)
    frontier = found.numbers
    ends = np.argwhere((world.states == UNKNOWN) & np.isfinite(world.costs))
    for end in ends[:: len(ends) // 20]:
        cells, cost = a_star(world.costs, world.start, tuple(end.tolist()))
        assert np.isinf(cost) or found.is_crossed(world, frontier, cells).any()
    seen, _ = a_star(world.seen_costs, world.start, tuple(found.roadmap.cells[frontier[0]]))
    assert not found.is_crossed(world, frontier, seen).any()


def request_on(states: np.ndarray, start, goal) -> PlanRequest:
    cells = np.array([0, 100, -1], np.int8)[states]
    ends = (np.array([cell[1] + 0.5, cell[0] + 0.5, 0]) * 0.1 for cell in (start, goal))
    return PlanRequest(GridSample(1, "map", 0.1, np.zeros(3), cells), *ends)


def test_the_optimistic_distance_is_a_lower_bound_of_what_the_network_can_say():
    states, start = half_seen(3)
    world = lay_out(request_on(states, start, (5, states.shape[1] - 3)), states, SMALL_ROBOT)
    found = find_frontiers(world, 1.0, 2048, NEVER)
    said = outlook(found.optimistic, np.zeros((len(found.known), 3)))
    at = found.numbers
    assert (said.beyond[at] > found.optimistic[at]).all()
    np.testing.assert_allclose(said.chance, 0.5)
    farther = np.log(2) * much_farther(found.optimistic[at])
    np.testing.assert_allclose((said.beyond - found.optimistic)[at], farther)


def test_of_each_opening_the_best_node_is_a_choice_and_so_is_a_goal_that_was_seen():
    states, start = half_seen(3)
    for goal, is_seen in (((5, states.shape[1] - 3), False), (start, True)):
        world = lay_out(request_on(states, start, goal), states, SMALL_ROBOT)
        found = find_frontiers(world, 1.0, 2048, NEVER)
        said = outlook(found.optimistic, np.zeros((len(found.known), 3)))
        choices = choices_of(world, found, said)
        nodes = choices.nodes[choices.nodes >= 0]
        openings = found.roadmap.openings[nodes]
        assert len(set(openings)) == len(openings) and found.roadmap.is_frontier[nodes].all()
        assert (choices.nodes[-1] == -1) == is_seen
        assert np.isfinite(choices.costs).all()
        if is_seen:
            assert choices.costs[-1] == pytest.approx(0.0)


def test_what_lies_around_shifts_with_a_turn_and_reverses_in_a_mirror():
    states, _ = half_seen(4)
    states = states[:120, :120]
    size = len(states)
    states = np.pad(states, ((0, 120 - size), (0, 120 - states.shape[1])), constant_values=OCCUPIED)
    cells = np.array([[60, 55], [30, 80], [90, 20]])
    here = look_around(states, cells, 0.1)
    turned_states = np.ascontiguousarray(np.rot90(states, -1))  # by 90 degrees, rows being y
    turned = np.stack([cells[:, 1], 119 - cells[:, 0]], -1)
    there = look_around(turned_states, turned, 0.1)
    assert here.shape == (3, DIRECTIONS, WIDTH)
    np.testing.assert_allclose(np.roll(here, DIRECTIONS // 4, 1), there, atol=1e-6)
    mirrored = look_around(np.ascontiguousarray(states[::-1]), [119, 0] + cells * [-1, 1], 0.1)
    np.testing.assert_allclose(here[:, (-np.arange(DIRECTIONS)) % DIRECTIONS], mirrored, atol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_points_come_back_from_the_turned_grid(seed):
    rng = np.random.default_rng(seed)
    states = np.zeros(rng.integers(5, 20, 2), np.uint8)
    origin = np.array([*rng.normal(size=2), rng.uniform(-3, 3)])
    grid = GridSample(1, "map", 0.1, origin, states.view(np.int8))
    shape = np.array(states.shape[::-1])
    turn = np.array(
        [[np.cos(origin[2]), -np.sin(origin[2])], [np.sin(origin[2]), np.cos(origin[2])]]
    )
    ends = [np.r_[origin[:2] + turn @ (rng.uniform(0, shape) * 0.1), 0.0] for _ in range(2)]
    world = lay_out(PlanRequest(grid, *ends), states, SMALL_ROBOT)
    points = np.stack([world.start_point, world.goal_point])
    np.testing.assert_allclose(world.layout.in_map(points), np.stack(ends)[:, :2], atol=1e-9)
    assert world.goal[1] - world.start[1] >= abs(world.goal[0] - world.start[0])
    assert cell_of(grid, world.layout.in_map(points[:1])[0]) == cell_of(grid, ends[0])
