"""Promises of the status: it doubts what is unlikely by chance, and names it."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.config.vio import FilterConfig
from equi_nodes.samples import Status
from equi_nodes.vio.status import SETTLING, Evidence, Health

GOOD = Evidence(
    time=0.0, tracks=80, attempted=20, accepted=19, nis=1.0, freedom=40.0, stands=False,
    disputes=False, imu_gap=0.0, image_gap=0.05, velocity_spread=0.01, time_offset=0.0,
)  # fmt: skip


def judged(frames=60, **changes):
    """Return what is said after frames like the last one, the first ones being good."""
    health = Health(FilterConfig())
    settled = int(SETTLING / 0.05) + 2
    for index in range(settled):
        health.judge(GOOD._replace(time=0.05 * index))
    for index in range(settled, settled + frames):
        said = health.judge(GOOD._replace(time=0.05 * index, **changes))
    return said


def test_good_frames_are_tracking():
    assert judged() == (Status.TRACKING, "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nis": 1.6}, "worse than their covariance"),
        ({"accepted": 3}, "only"),
        ({"accepted": 1}, "contradict"),
        ({"time_offset": 0.016}, "16 ms apart"),
        ({"imu_gap": 0.1}, "no IMU for 0.10 s"),
        ({"image_gap": 0.5}, "no image for 0.5 s"),
        ({"velocity_spread": 0.5}, "velocity uncertain by 0.50"),
        ({"wheels_agreed": 1, "wheels_refused": 1}, "the wheels contradict the motion"),
        ({"attempted": 0, "accepted": 0, "wheels_agreed": 1}, "s, wheels and IMU alone"),
    ],
)
def test_what_is_wrong_is_named(changes, words):
    status, reason = judged(**changes)
    assert status is Status.DEGRADED
    assert words in reason


def test_tracks_are_called_bad_only_if_chance_cannot_explain_it():
    assert judged(nis=1.2)[0] is Status.TRACKING
    assert judged(nis=1.6, freedom=1.0)[0] is Status.TRACKING  # few numbers spread more
    rng = np.random.default_rng(0)
    health = Health(FilterConfig())
    bad = 0
    for index in range(4000):
        nis = float(rng.chisquare(40.0)) / 40.0
        status, _ = health.judge(GOOD._replace(time=0.05 * index, nis=nis))
        bad += status is not Status.TRACKING and 0.05 * index > SETTLING
    assert bad == 0


def test_a_stand_ends_the_doubt_of_motion_before_it():
    assert judged(accepted=3)[0] is Status.DEGRADED
    health = Health(FilterConfig())
    for index in range(60):
        health.judge(GOOD._replace(time=0.05 * index, accepted=3))
    standing = GOOD._replace(time=3.0, attempted=0, accepted=0, freedom=0.0, stands=True)
    assert health.judge(standing) == (Status.TRACKING, "")


def test_images_and_wheels_that_both_contradict_it_are_a_robot_that_was_moved():
    health = Health(FilterConfig())
    against = GOOD._replace(accepted=0, wheels_refused=2)
    for index in range(100):
        health.judge(GOOD._replace(time=0.05 * index, wheels_agreed=2))
    for index in range(100, 112):
        health.judge(against._replace(time=0.05 * index))
        assert health.is_moved == (index > 109)
    health.judge(against._replace(time=5.6, wheels_agreed=1))
    assert not health.is_moved


def test_wheels_keep_it_from_being_lost_and_from_starting_anew():
    blind = {"tracks": 0, "attempted": 0, "accepted": 0, "freedom": 0.0}
    assert judged(200, **blind)[0] is Status.LOST
    assert judged(200, **blind, wheels_agreed=1)[0] is Status.DEGRADED
    health = Health(FilterConfig())
    for index in range(100):
        health.judge(GOOD._replace(time=0.05 * index, accepted=0, wheels_agreed=1))
    assert health.disagreed_for == 0.0
