"""Promises of a mission: the odometry decides what is next, the truth what was reached."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.sim.mission import Mission

PLACES = [(2.0, 0.0, 0.0), (2.0, 3.0, 1.0)]


def at(x: float, y: float, yaw: float = 0.0) -> np.ndarray:
    return rigid(exp_so3(np.array([0.0, 0.0, yaw])), np.array([x, y, 0.0]))


@pytest.fixture
def mission() -> Mission:
    """A mission whose odometry starts at the origin, the robot at (1, 1) heading along y."""
    made = Mission(PLACES)
    made.start(1, at(1.0, 1.0, np.pi / 2), at(0.0, 0.0))
    return made


def test_goals_are_told_in_the_frame_of_the_odometry(mission):
    np.testing.assert_allclose(mission.in_odom(mission.current), [-1.0, -1.0, -np.pi / 2])


def test_an_odometry_that_begins_anew_has_the_goals_in_its_own_frame(mission):
    mission.tie(at(2.0, 1.0, np.pi / 2), at(0.0, 0.0))
    np.testing.assert_allclose(mission.in_odom(mission.current), [-1.0, 0.0, -np.pi / 2], atol=1e-9)


def test_the_next_goal_comes_when_the_odometry_says_so(mission):
    first, second = mission.goals
    assert not mission.step(2, at(1.2, 0.8), at(-0.2, -0.2))
    assert mission.current is first
    assert mission.step(3, at(1.9, 0.1), at(-0.9, -0.9))
    assert (first.reached_ns, first.arrived_ns, second.sent_ns) == (3, 3, 3)
    assert mission.current is second and not mission.is_done


def test_a_goal_that_only_the_odometry_reached_is_not_reached(mission):
    mission.step(3, at(1.0, 1.0), at(-1.0, -1.0))
    assert mission.goals[0].arrived_ns == 3 and mission.goals[0].reached_ns is None
    mission.step(4, at(2.0, 3.0), at(2.0, -1.0))
    assert mission.is_done and not mission.is_reached
    assert mission.current is None and not mission.step(5, at(2.0, 3.0), at(2.0, -1.0))
