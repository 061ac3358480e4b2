"""What is wrong with a request is said with the right code and a sentence, and never raised."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.pipelines.plan import Planner
from equi_nodes.samples import GridSample, PlanCode, PlanRequest

START, GOAL = np.array([1.0, 1.0, 0.0]), np.array([3.0, 3.0, 1.5])
HUGE = 4000  # cells a side


def room(size=40):
    """Return cells of an empty room of 0.1 m cells with walls around it."""
    cells = np.zeros((size, size), np.int8)
    cells[[0, -1]] = cells[:, [0, -1]] = 100
    return cells


def block(*rows_columns):
    """Return the room with a block of obstacles from row, column to row, column."""
    cells = room()
    top, left, bottom, right = rows_columns
    cells[top:bottom, left:right] = 100
    return cells


def request(cells=None, **changes):
    """Return a sound request with changes to the map or to itself."""
    sample = GridSample(1, "map", 0.1, np.zeros(3), room() if cells is None else cells)
    on_map = {key: changes.pop(key) for key in ("resolution", "origin") if key in changes}
    return PlanRequest(replace(sample, **on_map), **({"start": START, "goal": GOAL} | changes))


@pytest.fixture(scope="module")
def planner():
    planner = Planner(E2PlannerConfig())
    planner.warm_up()
    return planner


FAULTS = {
    "no cells": (request(np.zeros((0, 0), np.int8)), PlanCode.UNKNOWN),
    "no rows": (request(np.zeros((0, 40), np.int8)), PlanCode.UNKNOWN),
    "a list of cells": (request(np.zeros(1600, np.int8)), PlanCode.UNKNOWN),
    "resolution 0": (request(resolution=0.0), PlanCode.UNKNOWN),
    "resolution below 0": (request(resolution=-0.1), PlanCode.UNKNOWN),
    "resolution NaN": (request(resolution=np.nan), PlanCode.UNKNOWN),
    "origin NaN": (request(origin=np.array([0.0, np.nan, 0.0])), PlanCode.UNKNOWN),
    "start NaN": (request(start=np.full(3, np.nan)), PlanCode.TF_ERROR),
    "goal NaN": (request(goal=np.full(3, np.nan)), PlanCode.UNKNOWN),
    "goal infinite": (request(goal=np.array([np.inf, 1.0, 0.0])), PlanCode.UNKNOWN),
    "start outside": (request(start=np.array([-1.0, 1.0, 0.0])), PlanCode.START_OUTSIDE_MAP),
    "goal outside": (request(goal=np.array([3.0, 4.0, 0.0])), PlanCode.GOAL_OUTSIDE_MAP),
    "goal far outside": (request(goal=np.array([1e30, 0.0, 0.0])), PlanCode.GOAL_OUTSIDE_MAP),
    "start occupied": (request(block(8, 8, 13, 13)), PlanCode.START_OCCUPIED),
    "goal occupied": (request(block(20, 20, 39, 39), tolerance=0.0), PlanCode.GOAL_OCCUPIED),
    "goal walled in": (request(block(20, 0, 22, 40)), PlanCode.NO_VALID_PATH),
    "all occupied": (request(np.full((40, 40), 100, np.int8)), PlanCode.START_OCCUPIED),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_gets_its_code_and_a_sentence(planner, name):
    asked, code = FAULTS[name]
    plan = planner.step(asked)
    assert (plan.code, len(plan.poses)) == (code, 0)
    assert len(plan.reason) > 10 and plan.planner == "none"


def test_planner_lives_on_after_every_fault(planner):
    for asked, _ in FAULTS.values():
        planner.step(asked)
    assert planner.step(request()).code is PlanCode.NONE


def test_goal_in_an_obstacle_is_met_within_the_tolerance(planner):
    plan = planner.step(request(block(28, 28, 33, 33), tolerance=0.8))
    assert plan.code is PlanCode.NONE
    assert np.hypot(*(plan.poses[-1] - GOAL)[:2]) <= 0.8 + 0.1


def test_map_without_anything_seen_is_planned_as_free(planner):
    plan = planner.step(request(np.full((40, 40), -1, np.int8)))
    assert plan.code is PlanCode.NONE and plan.known_share < 0.1
    strict = Planner(E2PlannerConfig(allow_unknown=False))
    refused = strict.step(request(np.full((40, 40), -1, np.int8)))
    assert refused.code in (PlanCode.GOAL_OCCUPIED, PlanCode.NO_VALID_PATH) and refused.reason


def test_goal_at_the_start_is_one_place(planner):
    plan = planner.step(request(goal=START))
    assert plan.code is PlanCode.NONE and plan.length == pytest.approx(0.0)
    np.testing.assert_allclose(plan.poses[-1], START, atol=1e-9)


def test_path_ends_with_the_yaw_of_the_goal(planner):
    assert planner.step(request()).poses[-1, 2] == GOAL[2]


@pytest.mark.parametrize("unknown", [0.0, 0.5])
def test_huge_map_is_answered_in_time_or_given_up_with_a_reason(planner, unknown):
    rng = np.random.default_rng(0)
    cells = np.where(rng.random((HUGE // 40, HUGE // 40)) < 0.2, 100, 0).astype(np.int8)
    cells = np.kron(cells, np.ones((40, 40), np.int8))
    cells[:200, :200] = cells[-200:, -200:] = 0
    cells[:, int(HUGE * (1 - unknown)) :] = -1
    ends = np.array([5.0, 5.0, 0.0]), np.array([395.0, 395.0, 0.0])
    started = time.perf_counter()
    plan = planner.step(request(cells, start=ends[0], goal=ends[1]))
    assert time.perf_counter() - started < 10 * planner.config.time_limit
    assert plan.code in (PlanCode.NONE, PlanCode.TIMEOUT)
    assert bool(len(plan.poses)) == (plan.code is PlanCode.NONE) != bool(plan.reason)


def test_cancelled_request_ends_at_once_with_a_reason(planner):
    plan = planner.step(request(is_cancelled=lambda: True))
    assert not len(plan.poses) or plan.code is PlanCode.NONE
    maze = np.zeros((2000, 2000), np.int8)
    maze[::20, :-10], maze[10::20, 10:] = 100, 100
    asked = request(maze, start=np.array([0.5, 0.5, 0]), goal=np.array([99.5, 199.5, 0]))
    started = time.perf_counter()
    plan = planner.step(replace(asked, is_cancelled=lambda: True))
    assert time.perf_counter() - started < 5.0
    assert plan.code is PlanCode.NONE or plan.reason


@pytest.mark.parametrize("yaw", [0.0, 0.7])
@pytest.mark.parametrize("away", [(7.0, 2.0), (-3.0, 2.0), (2.0, 8.5), (2.0, -4.0), (9.0, 9.0)])
def test_goal_outside_the_map_is_planned_for_within_its_reach(away, yaw):
    planner = Planner(E2PlannerConfig(goal_reach=6.0))
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    start, goal = (np.r_[turn @ point[:2], 0.0] for point in (START, np.array(away)))
    seen, origin = np.zeros((40, 40), np.int8), np.array([0.0, 0.0, yaw])
    asked = request(seen, start=start, goal=goal, origin=origin)
    plan = planner.step(asked)
    assert plan.code is PlanCode.NONE and 0.0 < plan.known_share < 1.0
    np.testing.assert_allclose(plan.poses[[0, -1], :2], [start[:2], goal[:2]], atol=1e-6)
    far = replace(asked, goal=np.array([50.0, 2.0, 0.0]))
    assert planner.step(far).code is PlanCode.GOAL_OUTSIDE_MAP
