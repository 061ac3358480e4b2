"""Scenarios are the same for a seed, can be driven, and hold the people that they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from equi_nodes.errors import EquiError
from equi_nodes.sim.boxes import Obstacles
from equi_nodes.sim.crowd import BODY_RADIUS
from equi_nodes.sim.floor_map import world_grid
from equi_nodes.sim.scenario import SCENARIOS, KidnapEvent, LightEvent, make_scenario

CLEARANCE = 0.35  # m


def cell_of(grid, place):
    column, row = np.floor((place - grid.origin[:2]) / grid.resolution).astype(int)
    return row, column


@pytest.mark.parametrize("name", SCENARIOS)
def test_goals_are_reached_with_clearance_on_the_true_map(name):
    for seed in (0, 7):
        scenario = make_scenario(name, seed)
        grid = world_grid(scenario, 0.05)
        gaps = (ndimage.distance_transform_edt(grid.cells == 0) - 0.5) * grid.resolution
        parts, _ = ndimage.label(gaps > CLEARANCE - grid.resolution)  # what turning cells costs
        start = parts[cell_of(grid, scenario.start[:2])]
        assert start > 0
        assert all(parts[cell_of(grid, goal[:2])] == start for goal in scenario.goals)
        assert all(gaps[cell_of(grid, goal[:2])] > CLEARANCE for goal in scenario.goals)


@pytest.mark.parametrize("name", SCENARIOS)
def test_everybody_is_there_and_nobody_stands_in_a_wall_or_on_the_robot(name):
    scenario = make_scenario(name, 3)
    starts = np.array([person.start for person in scenario.people])
    assert len(starts) == SCENARIOS[name].people
    assert np.linalg.norm(starts, axis=1).min() > 2.0
    assert Obstacles.of_floor(scenario.floor).gaps(starts)[0].min() > BODY_RADIUS
    assert sum(person.stops_short for person in scenario.people) <= 1


def test_a_seed_gives_one_scenario_and_another_seed_another():
    one, again, other = (make_scenario("office", seed) for seed in (5, 5, 6))
    assert np.array_equal(one.floor.cells, again.floor.cells)
    assert np.array_equal(one.goals, again.goals)
    assert np.array_equal(one.people[0].route, again.people[0].route)
    assert not np.array_equal(one.goals, other.goals)


def test_the_robot_starts_in_the_origin_and_looks_along_x():
    assert not make_scenario("crowd", 2).start.any()


def test_dark_and_kidnap_bring_their_events():
    (light,) = make_scenario("dark", 0).events
    (kidnap,) = make_scenario("kidnap", 0).events
    assert isinstance(light, LightEvent) and light.brightness < 0.05
    assert isinstance(kidnap, KidnapEvent) and kidnap.distance == 1.5


def test_an_unknown_name_is_refused():
    with pytest.raises(EquiError, match="take one of office"):
        make_scenario("moon", 0)
