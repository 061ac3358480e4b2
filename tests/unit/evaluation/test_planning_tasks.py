"""Policies on graphs are followed to the end, and circles are failures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.datasets.planning_tasks.mazes import mazes
from equi_nodes.datasets.planning_tasks.problems import Problems, solve
from equi_nodes.datasets.planning_tasks.scattered import scattered
from equi_nodes.evaluation.planning_tasks import expert, explore, greedy, optimistic, scores

LIMIT = 100


def chain(nodes: int = 5) -> Problems:
    """Return one straight road with the goal at its end; slot 0 goes back, slot 1 goes on."""
    along = np.arange(nodes)
    neighbours = np.stack([along - 1, along + 1], -1).clip(0, nodes - 1)[None]
    mask = neighbours != along[:, None]
    goal = (along == nodes - 1)[None]
    nothing = np.zeros(goal.shape, bool)
    positions = np.stack([along, 0 * along], -1).astype(np.float32)[None]
    return solve(
        Problems(
            positions, neighbours, mask, mask, goal, np.zeros(goal.shape),
            goal[..., None].astype(np.float32), nothing, nothing,
        )
    )  # fmt: skip


def test_going_on_succeeds_and_turning_back_fails():
    road = chain()
    onward = np.ones((1, 5), int)
    assert scores(road, onward) == {"success": 1.0, "spl": 1.0}
    onward[0, 2] = 0
    assert scores(road, onward) == {"success": 0.25, "spl": 0.25}


def test_a_detour_lowers_spl_alone():
    corner = chain(3)
    positions = np.array([[[0, 0], [0, 3], [4, 0]]], np.float32)
    neighbours = np.array([[[1, 2], [0, 2], [1, 0]]])
    every = np.ones_like(neighbours, bool)
    corner = replace(corner, positions=positions, neighbours=neighbours, mask=every, passable=every)
    corner = solve(corner)
    found = scores(corner, np.array([[0, 1, 0]]))  # the first node goes by way of the second
    assert found["success"] == 1.0
    assert found["spl"] == pytest.approx((4 / 8 + 1) / 2)


def test_an_impassable_edge_leads_nowhere():
    road = chain()
    blocked = road.passable.copy()
    blocked[0, 3, 1] = False
    road = replace(road, passable=blocked)
    assert scores(road, np.ones((1, 5), int))["success"] == 0.0


@pytest.mark.parametrize("make", [mazes, scattered])
def test_the_expert_is_the_bound(make):
    problems = make(5, 0)
    assert scores(problems, expert(problems)) == {"success": 1.0, "spl": pytest.approx(1.0)}
    assert scores(problems, greedy(problems))["spl"] < 0.99


def test_unknown_mazes_cost_detours_but_are_solved():
    problems = mazes(20, 0)
    starts = np.array([np.flatnonzero(asked)[-1] for asked in problems.asked])
    found, trails = explore(problems, starts, optimistic, LIMIT)
    assert found["success"] == 1.0
    assert found["spl"] < 1.0
    assert trails.shape == (20, LIMIT + 1)
    best, _ = explore(problems, starts, expert, LIMIT)
    assert best == {"success": 1.0, "spl": pytest.approx(1.0)}


def test_walking_in_circles_in_an_unknown_maze_ends():
    problems = mazes(5, 0)
    starts = np.array([np.flatnonzero(asked)[-1] for asked in problems.asked])

    def back_and_forth(seen: Problems) -> np.ndarray:
        open_edges = seen.passable & seen.mask
        return np.where(seen.positions[..., 0] % 2 == 0, open_edges.argmax(-1), 2)

    found, trails = explore(problems, starts, back_and_forth, LIMIT)
    assert found["success"] < 1.0
    assert (trails[:, -1] == trails[:, -2]).all()
