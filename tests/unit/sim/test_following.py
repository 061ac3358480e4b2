"""When a follower is asked, and when the robot stands still instead."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.samples import OdometrySample, Status, TrackSample, VelocityCommand
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
    assert recorder.asked[0][3] is sample.tracks
