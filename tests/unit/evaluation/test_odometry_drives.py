"""Promises of judging the odometry on simulated drives: one drive, with wheels and without."""

from __future__ import annotations

import argparse

import pytest
from rich.console import Console

from equi_nodes.cli import odometry_drives
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.odometry_drives import WAYS, drive_odometry, simulated_parts
from equi_nodes.sim.scenario import make_scenario


@pytest.fixture(scope="module")
def figures():
    shares = []
    drive = drive_odometry(make_scenario("office", 0), 4.0, simulated_parts(), shares.append)
    assert shares[-1] == pytest.approx(1.0)
    return drive


def test_both_ways_are_judged_over_the_same_drive(figures):
    assert tuple(figures) == WAYS
    first, second = figures.values()
    assert first["driven_m"] == second["driven_m"] > 0.5
    assert first["frames"] == second["frames"] == 40
    assert first["hash"] != second["hash"]


@pytest.mark.parametrize("way", WAYS)
def test_the_simulated_robot_is_tracked(figures, way):
    assert figures[way]["answered"] == figures[way]["frames"]
    assert figures[way]["worst_m"] < 0.1
    assert figures[way]["resets"] == 0


def test_the_settings_are_those_of_the_simulated_robot():
    parts = simulated_parts()
    assert parts.wheel.delay > 0.0
    assert parts.mapping is None


def test_an_unknown_scenario_is_named():
    arguments = argparse.Namespace(scenarios=["moon"], seeds=1)
    with pytest.raises(EquiError, match="no scenario 'moon'"):
        odometry_drives.evaluate(arguments, Console())
