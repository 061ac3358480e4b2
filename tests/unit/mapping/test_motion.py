"""An odometry is trusted while it moves as the robot can, and its error stays small."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.mapping.motion import MotionCheck
from equi_nodes.samples import OdometrySample, Status

SECOND = 1_000_000_000
NOTHING = np.zeros(3)


def sample(seconds, x=0.0, yaw=0.0, sigma=0.01, status=Status.TRACKING):
    T = rigid(exp_so3(np.array([0.0, 0.0, yaw])), np.array([x, 0.0, 0.0]))
    covariance = sigma**2 / 3 * np.eye(15)
    return OdometrySample(
        round(seconds * SECOND), status, "", T, NOTHING, NOTHING, NOTHING, NOTHING, covariance
    )


@pytest.fixture
def check():
    return MotionCheck(max_speed=2.0, max_yaw_rate=3.0, max_drift=0.3)


def verdicts(check, samples):
    return [check.judge(one) for one in samples]


def test_a_robot_at_full_speed_is_trusted(check):
    drive = [sample(0.05 * n, 1.9 * 0.05 * n, 2.5 * 0.05 * n) for n in range(200)]
    assert not any(v.problem or v.jump for v in verdicts(check, drive))


@pytest.mark.parametrize("after", [{"x": 1.5}, {"yaw": 0.7}])
def test_a_jump_is_told_once_with_its_size(check, after):
    drive = [sample(0.05 * n) for n in range(20)] + [
        sample(1.0 + 0.05 * n, **after) for n in range(20)
    ]
    jumps = [v.jump for v in verdicts(check, drive) if v.jump]
    assert len(jumps) == 1
    assert "jumped" in jumps[0]


def test_a_robot_that_is_carried_away_smoothly_has_jumped_too(check):
    still = [sample(0.05 * n) for n in range(40)]
    carried = [sample(2.0 + 0.05 * n, 1.5 * n / 10) for n in range(11)]
    assert any(v.jump for v in verdicts(check, still + carried))


def test_a_lost_odometry_is_a_problem(check):
    verdict = check.judge(replace(sample(1.0, status=Status.LOST), reason="no features"))
    assert verdict.problem == "the odometry is lost: no features"


def test_an_error_that_grows_fast_is_a_problem_and_one_that_grows_slowly_is_none(check):
    slow = [sample(0.05 * n, sigma=0.02 + 0.01 * n) for n in range(60)]
    assert not any(v.problem for v in verdicts(check, slow))
    fast = [sample(3.0 + 0.05 * n, sigma=0.62 + 0.05 * n) for n in range(20)]
    assert "has grown by" in verdicts(check, fast)[-1].problem


def test_what_is_not_told_or_no_number_is_no_error_but_a_pose_must_be_one(check):
    untold = replace(sample(1.0), covariance=np.full((15, 15), np.nan))
    assert not check.judge(untold).problem
    broken = replace(sample(1.1), T_w_b=np.full((4, 4), np.nan))
    assert "not a finite number" in check.judge(broken).problem
