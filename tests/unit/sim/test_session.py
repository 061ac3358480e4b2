"""Promises of a session: steps, mission and account of a run go together."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.geometry.rotations import rigid
from equi_nodes.samples import VelocityCommand
from equi_nodes.sim.scenario import Scenario, Sensors, make_scenario
from equi_nodes.sim.session import SETTLE_S, Session
from equi_nodes.sim.simulation import Simulation


@pytest.fixture(scope="module")
def blind() -> Scenario:
    """The office without pictures, which take their time."""
    return replace(make_scenario("office", 0), sensors=Sensors(picture=(0, 0)), time_limit=3.0)


def test_the_first_odometry_brings_the_first_goal_and_time_ends_the_run(blind):
    session = Session(Simulation(blind))
    assert session.state == "waiting" and session.record()["goal"] == 0
    step = session.step(VelocityCommand(0.2, 0.0))
    assert step.stamp_ns == step.truth.stamp_ns == step.readings.stamp_ns
    while not session.look(np.eye(4)):
        session.step(VelocityCommand())
    assert session.seconds == pytest.approx(SETTLE_S) and session.state == "driving"
    assert not session.look(np.eye(4))
    while session.state == "driving":
        session.step(VelocityCommand())
    assert session.state == "out of time" and session.seconds == pytest.approx(3.0)


def test_a_run_is_over_when_the_odometry_has_seen_all_goals(blind):
    session = Session(Simulation(blind))
    while not session.look(np.eye(4)):
        session.step(VelocityCommand())
    while goal := session.mission.current:
        session.look(rigid(np.eye(3), [*goal.place[:2], 0.0]))
    assert session.state == "arrived"
    record = json.loads(json.dumps(session.record()))
    assert [goal["reached_ns"] for goal in record["goals"]] == [None] * len(blind.goals)
    assert record["goal"] == len(blind.goals) and record["scenario"] == "office"
    assert record["nearest_person_m"] is None or record["nearest_person_m"] > 0.0
