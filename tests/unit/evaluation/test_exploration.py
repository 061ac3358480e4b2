"""Trips through unseen buildings: the robot arrives, and only what it saw counts as known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.cli.exploration import figures
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.exploration import CONFIG, Building, Episode, explore, trips
from equi_nodes.evaluation.exploration_baseline import GridReplanner
from equi_nodes.pipelines.plan import Planner
from equi_nodes.planning.grid import FREE, OCCUPIED, UNKNOWN
from equi_nodes.samples import PlanCode
from equi_nodes.sim.floor_plans import floor_plan
from equi_nodes.sim.range_sensor import reveal


def dead_end() -> Building:
    """A pocket between start and goal that looks like the shortest way."""
    states = np.full((60, 100), OCCUPIED)
    states[5:55, 5:20] = states[5:55, 80:95] = FREE
    states[45:55, 5:95] = FREE  # the way round
    states[5:20, 20:70] = FREE  # the pocket
    return Building("dead end", states, 0.1)


class Warned:
    """A network that knows that straight ahead is a dead end."""

    name = "warned"

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        positions = inputs[3]
        is_low = positions[..., 1] < 1.5  # metres above the robot's start
        logit = np.where(is_low, -9.0, 9.0)
        return inputs[6], np.stack([logit, 0 * logit, 0 * logit], -1)


def test_a_robot_that_knows_better_drives_less():
    place = dead_end()
    start, goal = (12, 10), (12, 88)
    naive = explore(place, Planner(CONFIG), start, goal, 2.5)
    trusting = replace(CONFIG, trust=1.0)
    warned = explore(place, Planner(trusting, Warned()), start, goal, 2.5)
    assert naive.arrived and warned.arrived
    assert naive.shortest == warned.shortest
    assert naive.ratio > 1.3 and 0.99 < warned.ratio < 1.2
    assert naive.planners.keys() <= {"a_star", "known_map"} and "network" in warned.planners


def test_usual_replanning_drives_from_cell_to_cell_and_into_the_dead_end():
    start, goal = (12, 10), (12, 88)
    usual, ours = (
        explore(dead_end(), own, start, goal, 2.5) for own in (GridReplanner(), Planner(CONFIG))
    )
    assert usual.arrived and usual.ratio > 1.3 and usual.planners.keys() == {"grid"}
    steps = np.abs(np.diff(usual.track, axis=0))
    assert steps.max() == pytest.approx(1.0)  # to one of the eight cells around
    assert usual.shortest >= ours.shortest  # which cuts corners


def test_usual_replanning_says_when_there_is_no_way():
    states = dead_end().states
    states[45:55, 40:60] = OCCUPIED
    episode = explore(Building("walled off", states, 0.1), GridReplanner(), (12, 10), (12, 88), 2.5)
    assert not episode.arrived


def test_trips_are_the_same_every_time():
    place = dead_end()
    one, two = (explore(place, Planner(CONFIG), (12, 10), (12, 88), 2.5) for _ in range(2))
    np.testing.assert_array_equal(one.track, two.track)


def test_plans_are_asked_for_with_what_was_seen_and_no_more():
    place, shown = dead_end(), []

    def watch(request, plan):
        known = request.grid.cells != -1
        shown.append(known.sum())
        assert plan.code is PlanCode.NONE
        assert (request.grid.cells[known] > 50).tolist() == (
            place.states[known] == OCCUPIED
        ).tolist()

    explore(place, Planner(CONFIG), (12, 10), (12, 88), 2.5, watch)
    assert 50 < shown[0] < 2000 and shown == sorted(shown)


@pytest.mark.parametrize("reach", [5.0, 12.0])
def test_the_sensor_sees_to_its_range_and_not_through_walls(reach):
    truth = np.full((41, 41), FREE)
    truth[:, 24] = OCCUPIED
    known = np.full(truth.shape, UNKNOWN)
    new = reveal(truth, known, 20, 20, reach, 360)
    rows, columns = np.indices(truth.shape)
    away = np.hypot(rows - 20, columns - 20)
    assert new == (known != UNKNOWN).sum()
    assert (away[known != UNKNOWN] <= reach + 1).all()
    assert (known[(away < reach - 1) & (columns < 24)] == FREE).all()
    assert (known[:, 25:] == UNKNOWN).all()


def test_trips_are_long_and_possible():
    states = (floor_plan(np.random.default_rng(3), "office") != 0).astype(np.uint8)
    place = Building("office", states, 0.1)
    costs = place.costs()
    for start, goal in trips(place, 10, np.random.default_rng(0)):
        assert np.isfinite(costs[start]) and np.isfinite(costs[goal])
        assert np.hypot(*np.subtract(start, goal)) > np.hypot(*states.shape) / 8


def test_a_map_without_room_is_refused_and_a_small_room_in_a_large_map_is_not():
    states = np.full((400, 400), OCCUPIED)
    with pytest.raises(EquiError, match="no free space"):
        next(trips(Building("solid", states, 0.1), 1, np.random.default_rng(0)))
    states[10:30, 10:30] = FREE
    assert len(list(trips(Building("room", states, 0.1), 3, np.random.default_rng(0)))) == 3


def test_figures_count_what_never_arrived():
    episodes = [Episode(10.0, 10.0, True, 5, {}, np.zeros((1, 2))),
                Episode(30.0, 10.0, False, 5, {}, np.zeros((1, 2)))]  # fmt: skip
    found = figures(episodes)
    assert (found["mean"], found["failed"], found["spl"]) == (np.inf, 1, 0.5)
