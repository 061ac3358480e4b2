"""The forces push as the model says, whichever way the world is turned."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.sim import social_force


def walk(positions, goals, seconds, groups=None, time_step=0.02):
    """Positions (T, A, 2) of people who walk to their goals at 1.3 m/s."""
    positions, goals = np.array(positions, float), np.array(goals, float)
    velocities, speeds = np.zeros_like(positions), np.full(len(positions), 1.3)
    path = [positions]
    for _ in range(round(seconds / time_step)):
        force = social_force.driving_force(positions, velocities, goals, speeds)
        force += social_force.interaction_force(positions, velocities)
        if groups is not None:
            force += social_force.group_force(positions, velocities, groups)
        velocities = velocities + time_step * force
        positions = positions + time_step * velocities
        path.append(positions)
    return np.array(path)


def test_a_lone_walker_reaches_the_desired_speed_and_stops_on_the_goal():
    path = walk([[0.0, 0.0]], [[10.0, 0.0]], seconds=20.0)
    speed = np.linalg.norm(np.diff(path[:, 0], axis=0), axis=-1) / 0.02
    assert speed[200] == pytest.approx(1.3, abs=0.01)
    assert np.linalg.norm(path[-1, 0] - [10.0, 0.0]) < 0.05


def test_two_who_meet_head_on_pass_each_other_on_the_right():
    path = walk([[-5.0, 0.0], [5.0, 0.0]], [[5.0, 0.0], [-5.0, 0.0]], seconds=10.0)
    gap = np.linalg.norm(path[:, 0] - path[:, 1], axis=-1)
    meeting = gap.argmin()
    assert gap[meeting] > 0.3
    assert path[meeting, 0, 1] < path[meeting, 1, 1]  # who walks to +x keeps to -y, the right
    assert np.linalg.norm(path[-1, 0] - [5.0, 0.0]) < 0.2


@pytest.mark.parametrize("angle", [0.3, 1.9, -2.5])
def test_forces_turn_with_the_world(angle):
    rng = np.random.default_rng(0)
    positions, velocities = rng.normal(size=(2, 6, 2))
    groups = np.array([0, 0, 1, 1, 1, 2])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = positions @ turn.T + [3.0, -1.0], velocities @ turn.T
    for force, extra in (
        (social_force.interaction_force, ()),
        (social_force.group_force, (groups,)),
    ):
        expected = force(positions, velocities, *extra) @ turn.T
        np.testing.assert_allclose(force(*moved, *extra), expected, atol=1e-9)


def test_nobody_is_pushed_by_oneself_or_by_people_far_away():
    positions = np.array([[0.0, 0.0], [60.0, 0.0]])
    velocities = np.array([[1.0, 0.0], [-1.0, 0.0]])
    assert np.abs(social_force.interaction_force(positions, velocities)).max() < 1e-9
    assert not social_force.interaction_force(positions[:1], velocities[:1]).any()


def test_a_wall_pushes_away_and_fades_within_its_range():
    box = np.array([[[1.0, -5.0], [2.0, 5.0]]])
    near, far = social_force.wall_force(np.array([[0.9, 0.0], [0.0, 0.0]]), box)
    expected = social_force.WALL_STRENGTH * np.exp(-0.1 / social_force.WALL_RANGE)
    np.testing.assert_allclose(near, [-expected, 0.0], atol=1e-6)
    assert np.abs(far).max() < 1e-3


def test_a_group_closes_up_and_a_pair_of_strangers_does_not():
    start, goals = [[0.0, 0.0], [0.0, 4.0]], [[30.0, 0.0], [30.0, 4.0]]
    together = walk(start, goals, 8.0, groups=np.array([7, 7]))[-1]
    apart = walk(start, goals, 8.0, groups=np.array([7, 8]))[-1]
    assert np.linalg.norm(together[0] - together[1]) < 2.0
    assert np.linalg.norm(apart[0] - apart[1]) > 3.5
