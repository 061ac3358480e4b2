"""The planning tasks are what they say, and the same from the same seed."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from equi_nodes.datasets.planning_tasks import mazes, scanned
from equi_nodes.datasets.planning_tasks.homes import homes
from equi_nodes.datasets.planning_tasks.problems import Problems, at_neighbours
from equi_nodes.datasets.planning_tasks.scattered import scattered
from equi_nodes.datasets.planning_tasks.seen_mazes import seen_mazes
from equi_nodes.geometry.groups import group

MAKERS = [mazes.mazes, scattered, seen_mazes, homes, scanned.scanned]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_problems_are_the_same_from_the_same_seed(make):
    one, again, other = make(2, 0), make(2, 0), make(2, 1)
    for field in fields(Problems):
        values = [getattr(problems, field.name) for problems in (one, again)]
        assert values[0] is values[1] is None or np.array_equal(*values)
    assert not np.array_equal(one.cost_to_go, other.cost_to_go)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_the_expert_takes_the_shortest_way_over_passable_edges(make):
    problems = make(3, 0)
    best, asked = problems.best, problems.asked
    assert asked.any(-1).all()
    assert np.allclose(best.sum(-1)[asked], 1)
    chosen = best > 0
    assert not (chosen & ~(problems.mask & problems.passable)).any()
    through = problems.lengths + at_neighbours(problems.cost_to_go, problems.neighbours)
    cost = np.broadcast_to(problems.cost_to_go[..., None], chosen.shape)
    assert np.allclose(through[chosen & asked[..., None]], cost[chosen & asked[..., None]])
    assert (problems.cost_to_go[problems.goal] == 0).all()
    assert not (asked & problems.blocked).any()


def test_both_ends_of_an_edge_must_be_free():
    problems = scattered(2, 0)
    ends = problems.blocked[:, :, None] | at_neighbours(problems.blocked, problems.neighbours)
    assert not (ends & problems.passable).any()
    assert (problems.passable | ends | ~problems.mask).all()


def test_what_is_seen_of_a_maze_turns_and_mirrors_with_it():
    size = mazes.SIZE
    window = mazes.neighbourhood().reshape(size, size, size, size)
    middle = window[7, 7]
    assert middle.sum() == 13
    assert np.array_equal(middle, np.rot90(middle))
    assert np.array_equal(middle, middle[::-1])


def test_unseen_cells_say_nothing():
    problems = mazes.mazes(2, 0)
    seen = np.zeros(problems.goal.shape, bool)
    seen[:, :30] = True
    found = mazes.observed(problems, seen)
    assert (found.scalars[:, 30:, 1:] == [0, 0, 1]).all()
    assert not found.known_blocked[:, 30:].any()
    assert np.array_equal(found.known_blocked[:, :30], problems.blocked[:, :30])


def test_blocked_points_of_a_seen_maze_see_nothing_but_wall():
    problems = seen_mazes(3, 0)
    brightness = problems.views.astype(float).mean((2, 3, 4))
    assert brightness[problems.blocked].min() > brightness[~problems.blocked].max()
    assert problems.scalars.shape[-1] == 1
    assert not problems.known_blocked.any()


def test_a_home_shows_what_is_wanted_where_the_goal_is():
    problems = homes(4, 0)
    red = (problems.views[..., 0] > 2.0 * problems.views[..., 1:].max(-1)).sum((2, 3))
    assert (np.where(problems.goal, red, 0).max(1) >= 3).all()
    assert not problems.scalars.any()


def test_scans_turn_with_the_frame_exactly():
    upright = scanned.scanned(2, 0)
    before = scanned.turned(upright, np.zeros(2, int))
    after = scanned.turned(upright, np.full(2, 90))
    quarter = group("C4").matrices[1]
    assert np.allclose(after.positions, before.positions @ quarter.T, atol=1e-5)
    assert np.allclose(after.views, np.roll(before.views, scanned.SECTORS // 4, 2), atol=1e-6)
    assert np.array_equal(after.passable, before.passable)


def test_scans_tell_most_walls():
    problems = scanned.turned(scanned.scanned(3, 0), np.array([0, 30, 77]))
    right = scanned.seen_free(problems) == (problems.passable & problems.mask)
    assert right[problems.mask].mean() > 0.95
