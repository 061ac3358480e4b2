"""When a follower is asked, and when the robot stands still instead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.samples import (
    CloudSample,
    OdometrySample,
    Status,
    TrackSample,
    VelocityCommand,
)
from equi_nodes.sim.follower import Follower
from equi_nodes.sim.following import FollowSteps, Heard

SECOND = 1_000_000_000
NOW = 100 * SECOND
POSES = np.array([[0.0, 0.0, 0.3], [1.0, 0.5, -2.0]])


class Recorder:
    """A follower that tells what it is asked."""

    state = "driving"

    def __init__(self):
        self.asked, self.resets = [], 0

    def step(self, *arguments):
        self.asked.append(arguments)
        return VelocityCommand(0.5, 0.1)

    def reset(self):
        self.resets += 1


def odometry(seconds_old, speed=1.0, turn=0.5):
    T = rigid(exp_so3(np.array([0.0, 0.0, np.pi / 2])), np.array([1.0, 2.0, 0.0]))
    return OdometrySample(
        NOW - round(seconds_old * SECOND), Status.TRACKING, "", T, T[:3, 0] * speed,
        np.array([0.0, 0.0, turn]), np.zeros(3), np.zeros(3), np.zeros((15, 15)),
    )  # fmt: skip


def people(seconds_old):
    stamp = NOW - round(seconds_old * SECOND)
    return TrackSample.of_positions(stamp, "odom", [1], [[3.0, 3.0]])


def heard(**changes):
    known = {"odometry": odometry(0.1), "path": POSES, "path_ns": NOW - SECOND}
    return Heard(NOW, **(known | changes))


def step(sample):
    recorder = Recorder()
    return FollowSteps(recorder, PathFollowerConfig()).step(sample), recorder


def test_the_pose_is_where_the_robot_is_by_now():
    _, recorder = step(heard())
    pose, speed, *_ = recorder.asked[0]
    np.testing.assert_allclose(pose, [1.0 - 0.1 * np.sin(0.025), 2.1, np.pi / 2 + 0.05], atol=1e-3)
    assert speed == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"odometry": None}, "no odometry has come"),
        ({"odometry": odometry(0.6)}, "the odometry is 0.6 s old"),
        ({"path": np.zeros((0, 3))}, "there is no path"),
        ({"path_ns": NOW - 5 * SECOND}, "the path is 5.0 s old"),
        ({"tracks": people(2.0)}, "nobody tells of the people any more"),
    ],
)
def test_it_stands_when_something_is_missing_or_old(changes, reason):
    result, recorder = step(heard(**changes))
    assert (result.command, result.state, result.reason) == (VelocityCommand(), "standing", reason)
    assert not recorder.asked and recorder.resets == 1


def test_fresh_tracks_stand_in_for_old_predictions():
    sample = heard(tracks=people(0.2))
    _, recorder = step(replace(sample, predictions=people(2.0)))
    assert recorder.asked[0][3] == (sample.tracks,)


def cloud(seconds_old, points):
    return CloudSample(NOW - round(seconds_old * SECOND), "lidar", np.asarray(points, np.float32))


WALL = [(0.5, y, 0.3) for y in np.linspace(-0.5, 0.5, 20)]


def test_what_stands_around_is_told_in_the_axes_of_the_robot():
    _, recorder = step(heard(sweep=cloud(0.1, WALL)))
    np.testing.assert_allclose(recorder.asked[0][6], np.array(WALL)[:, :2], atol=1e-6)


def test_it_stands_when_the_sweeps_are_old_and_when_they_repeat():
    result, _ = step(heard(sweep=cloud(0.7, WALL)))
    assert result.reason == "the newest sweep is 0.7 s old"
    steps = FollowSteps(Recorder(), PathFollowerConfig())
    steps.step(heard(sweep=cloud(0.6, WALL)))
    result = steps.step(heard(sweep=cloud(0.0, WALL)))
    assert result.reason == "the newest sweep is 0.6 s old, the LiDAR repeats it"
    assert steps.step(heard(sweep=cloud(0.0, np.array(WALL) + 0.1))).reason == ""


def test_a_wall_that_only_the_lidar_knows_of_stops_the_robot():
    steps = FollowSteps(Follower(), PathFollowerConfig())
    path = np.array([[1.0, 2.0, np.pi / 2], [1.0, 6.0, np.pi / 2]])
    at_rest = {"path": path, "odometry": odometry(0.0, 0.0, 0.0)}
    assert steps.step(heard(**at_rest)).command.speed > 0.0
    near = np.array(WALL) - (0.2, 0.0, 0.0)
    result = steps.step(heard(sweep=cloud(0.0, near), **at_rest))
    assert (result.state, result.command.speed) == ("blocked", 0.0)
