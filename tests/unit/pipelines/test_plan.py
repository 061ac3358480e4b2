"""The planner: optimal where the map is known, complete, the same on a turned map, steady."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.evaluation.planner_symmetry import turn_error
from equi_nodes.pipelines.plan import Planner
from equi_nodes.samples import GridSample, PlanCode, PlanRequest, PlanSample
from equi_nodes.sim.floor_plans import floor_plan

CONFIG = E2PlannerConfig(time_limit=30.0, trust=1.0)


class Doubtful:
    """A network that doubts the ways beyond frontiers by what it sees, or all of them as told."""

    name = "doubtful"

    def __init__(self, logit: float | None = None) -> None:
        self.logit = logit

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scalars, views = inputs[0], inputs[2]
        readouts = np.full((*scalars.shape[:2], 3), -1.0)
        readouts[..., 0] = views.mean((2, 3)) * 8 - 4 if self.logit is None else self.logit
        return inputs[6], readouts


def rooms(seed: int, seen: float = 0.6) -> PlanRequest:
    """A floor plan of which a part was seen, and two places in it."""
    rng = np.random.default_rng(seed)
    cells = floor_plan(rng, kind="home" if seed % 2 else "office")
    free = np.argwhere(cells == 0)
    start = free[rng.integers(len(free))]
    rows, columns = np.indices(cells.shape, sparse=True)
    away = np.hypot(rows - start[0], columns - start[1])
    cells = np.where(away < seen * away.max(), cells, -1).astype(np.int8)
    goal = free[rng.integers(len(free))]
    origin = np.array([3.0, -7.0, 0.0])
    pose, target = ((point[::-1] + 0.45) * 0.1 + origin[:2] for point in (start, goal))
    grid = GridSample(5, "map", 0.1, origin, cells)
    return PlanRequest(grid, np.r_[pose, 0.1], np.r_[target, 0.7], tolerance=1.0)


@pytest.mark.parametrize("seed", range(50))
def test_on_a_turned_map_the_plan_is_turned(seed):
    assert turn_error(Planner(CONFIG, Doubtful()), rooms(seed)) < 1e-6


def test_enough_of_these_maps_are_planned_by_each_planner():
    plans = [Planner(CONFIG, Doubtful()).step(rooms(seed)) for seed in range(50)]
    counts = {
        name: sum(plan.planner == name for plan in plans) for name in ("known_map", "network")
    }
    assert min(counts.values()) >= 10, counts


def corridor_with_rooms() -> np.ndarray:
    """A U: the goal is behind a wall, the way leads round it."""
    cells = np.full((40, 60), 100, np.int8)
    cells[5:35, 5:15] = cells[5:35, 45:55] = cells[25:35, 5:55] = 0
    return cells


def plan(cells: np.ndarray, start, goal, planner: Planner | None = None, **request) -> PlanSample:
    grid = GridSample(9, "map", 0.1, np.zeros(3), cells)
    return (planner or Planner(CONFIG)).step(
        PlanRequest(grid, np.array([*start, 0.0]), np.array([*goal, 1.0]), **request)
    )


def test_a_known_map_is_answered_by_a_star_and_the_goal_s_heading_is_kept():
    found = plan(corridor_with_rooms(), (1.0, 1.0), (5.0, 1.0), Planner(CONFIG, Doubtful()))
    assert (found.code, found.planner, found.stamp_ns) == (PlanCode.NONE, "known_map", 9)
    np.testing.assert_allclose(found.poses[[0, -1], :2], [[1.0, 1.0], [5.0, 1.0]])
    assert found.poses[-1, 2] == 1.0
    assert found.length == pytest.approx(np.hypot(*np.diff(found.poses[:, :2], axis=0).T).sum())
    assert 7.5 < found.length < 9.5


def test_unknown_space_does_not_stop_a_plan():
    cells = corridor_with_rooms()
    cells[:, 20:] = -1
    found = plan(cells, (1.0, 1.0), (5.0, 1.0), Planner(CONFIG, Doubtful()))
    assert (found.code, found.planner) == (PlanCode.NONE, "network")
    assert 0.0 < found.known_share < 1.0
    assert found.graph.is_frontier.any() and np.isfinite(found.poses).all()


def test_unknown_space_is_left_alone_where_that_is_asked():
    cells = corridor_with_rooms()
    cells[:, 20:] = -1
    found = plan(cells, (1.0, 1.0), (5.0, 1.0), Planner(replace(CONFIG, allow_unknown=False)))
    assert found.code is PlanCode.NO_VALID_PATH and "allow_unknown" in found.reason


def test_a_way_that_was_seen_is_taken_if_the_unknown_looks_bad():
    cells = corridor_with_rooms()
    cells[5:15, 15:45] = -1  # perhaps a short cut
    ends = (1.0, 1.0), (5.0, 1.0)
    hopeful = plan(cells, *ends, Planner(CONFIG, Doubtful(9.0)))
    doubtful = plan(cells, *ends, Planner(CONFIG, Doubtful(-9.0)))
    assert hopeful.known_share < 1.0 and doubtful.known_share == 1.0
    assert hopeful.length < doubtful.length


@pytest.mark.parametrize(("cost", "is_short"), [(1.0, True), (3.0, False)])
def test_the_unknown_is_crossed_only_where_that_saves_enough(cost, is_short):
    cells = corridor_with_rooms()
    cells[5:15, 15:45] = -1  # perhaps a short cut, of half the length
    planner = Planner(replace(CONFIG, unknown_cost=cost))
    assert (plan(cells, (1.0, 1.0), (5.0, 1.0), planner).known_share < 1.0) == is_short


def test_a_detour_has_to_save_a_clear_share():
    cells = corridor_with_rooms()
    cells[5:15, 15:45] = -1  # perhaps a short cut, of which the network says nothing good
    ends = (1.0, 1.0), (5.0, 1.0)
    for margin, is_short in ((0.0, False), (0.9, True)):
        planner = Planner(replace(CONFIG, detour_margin=margin), Doubtful(-9.0))
        assert (plan(cells, *ends, planner).known_share < 1.0) == is_short


@pytest.mark.parametrize("answer", [np.nan, np.inf])
def test_a_network_that_fails_is_replaced_and_that_is_said(answer):
    cells = corridor_with_rooms()
    cells[:, 20:] = -1
    found = plan(cells, (1.0, 1.0), (5.0, 1.0), Planner(CONFIG, Doubtful(answer)))
    assert (found.code, found.planner, found.is_fallback) == (PlanCode.NONE, "a_star", True)
    assert "not finite" in found.notes[0]


def test_the_path_before_is_kept_while_it_is_about_as_good():
    cells = np.zeros((40, 60), np.int8)
    cells[15:25, 25:35] = 100  # as far round the left side as round the right
    planner = Planner(CONFIG)
    first = plan(cells, (1.0, 2.01), (5.0, 2.0), planner)
    second = plan(cells, (1.02, 1.99), (5.0, 2.0), planner)
    assert (first.poses[20, 1] > 2.0) == (second.poses[20, 1] > 2.0)
    fresh = plan(cells, (1.02, 1.99), (5.0, 2.0))
    assert second.cost <= 1.01 * fresh.cost


def test_a_path_that_is_blocked_is_not_kept():
    cells = corridor_with_rooms()
    planner = Planner(CONFIG)
    plan(cells, (1.0, 1.0), (5.0, 1.0), planner)
    cells[5:15, 15:45] = 0
    cells[25:35, 30] = 100
    found = plan(cells, (1.0, 1.0), (5.0, 1.0), planner)
    assert found.code is PlanCode.NONE and found.length < 5.0


def test_a_path_near_a_blocked_goal_is_found_within_the_tolerance():
    cells = corridor_with_rooms()
    cells[8:12, 48:52] = 100
    near = plan(cells, (1.0, 1.0), (5.0, 1.0), tolerance=1.0)
    assert near.code is PlanCode.NONE
    assert 0.22 < np.hypot(*(near.poses[-1, :2] - (5.0, 1.0))) <= 1.0
    far = plan(cells, (1.0, 1.0), (5.0, 1.0), tolerance=0.1)
    assert far.code is PlanCode.GOAL_OCCUPIED and far.reason


@pytest.mark.parametrize("tolerance", [np.inf, np.nan, -1.0, 1e300])
def test_a_tolerance_that_is_no_distance_does_no_harm(tolerance):
    cells = corridor_with_rooms()
    cells[8:12, 48:52] = 100
    found = plan(cells, (1.0, 1.0), (5.0, 1.0), tolerance=tolerance)
    assert found.code is (PlanCode.NONE if tolerance > 1 else PlanCode.GOAL_OCCUPIED)


def test_no_way_is_said():
    cells = corridor_with_rooms()
    cells[25:35, 30] = 100
    found = plan(cells, (1.0, 1.0), (5.0, 1.0))
    assert found.code is PlanCode.NO_VALID_PATH and len(found.poses) == 0


def test_a_robot_beside_a_wall_gets_away():
    found = plan(corridor_with_rooms(), (0.56, 0.56), (5.0, 1.0))
    assert found.code is PlanCode.NONE


def test_at_the_goal_there_is_one_pose():
    found = plan(corridor_with_rooms(), (1.0, 1.0), (1.0, 1.0))
    np.testing.assert_allclose(found.poses, [[1.0, 1.0, 1.0]])


@pytest.mark.parametrize(
    ("start", "goal"),
    [((5.0, 3.0), (0.0, 0.0)), ((3.0, 2.0), (0.0, 2.0)), ((0.0, 1.0), (4.0, 3.0)),
     ((2.0, 2.0), (2.0, 0.1)), ((1.02, 1.03), (1.09, 1.07))],
)  # fmt: skip
def test_what_lies_on_a_border_of_cells_is_planned_for_all_the_same(start, goal):
    planner = Planner(replace(CONFIG, robot_radius=0.0))
    found = plan(np.zeros((40, 60), np.int8), start, goal, planner)
    assert found.code is PlanCode.NONE and np.isfinite(found.cost)
    np.testing.assert_allclose(found.poses[[0, -1], :2], [start, goal], atol=1e-6)


def test_a_network_that_answers_of_other_nodes_is_not_believed():
    class Short(Doubtful):
        def __call__(self, *inputs):
            return inputs[6], np.zeros((1, 1, 3))

    cells = corridor_with_rooms()
    cells[:, 20:] = -1
    found = plan(cells, (1.0, 1.0), (5.0, 1.0), Planner(CONFIG, Short()))
    assert (found.planner, found.is_fallback) == ("a_star", True)


def test_a_map_full_of_unknown_specks_is_planned_without_the_network():
    cells = np.zeros((300, 300), np.int8)
    cells[np.random.default_rng(0).random(cells.shape) < 0.1] = -1
    cells[:, 280:] = -1
    planner = Planner(replace(CONFIG, max_nodes=128), Doubtful())
    found = plan(cells, (1.0, 1.0), (29.5, 28.0), planner)
    assert (found.code, found.planner) == (PlanCode.NONE, "a_star")
    assert "too many" in found.notes[0]


def test_a_plan_that_nobody_wants_any_more_is_given_up():
    found = plan(corridor_with_rooms(), (1.0, 1.0), (5.0, 1.0), is_cancelled=lambda: True)
    assert found.code is PlanCode.UNKNOWN and "cancelled" in found.reason
