"""A body's pose is known between its poses, and its points are where they were measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.geometry.pose_trail import SECOND_NS, PoseTrail, laid_out
from equi_nodes.geometry.rotations import exp_so3, rigid, transform
from equi_nodes.samples import CloudSample

RATE, VELOCITY = np.array([0.02, -0.05, 1.2]), np.array([0.7, 0.1, 0.0])


def pose(seconds):
    return rigid(exp_so3(RATE * seconds), VELOCITY * seconds)


@pytest.fixture
def trail():
    trail = PoseTrail(seconds=2.0, ahead=0.1)
    for step in range(61):
        trail.add(step * SECOND_NS // 20, pose(step / 20))
    return trail


def test_a_steady_motion_is_met_between_and_just_after_the_poses(trail):
    for seconds in (1.0, 1.234, 2.975, 3.08):
        np.testing.assert_allclose(trail.at(round(seconds * SECOND_NS)), pose(seconds), atol=1e-12)


def test_only_the_newest_seconds_are_known(trail):
    assert trail.covers(SECOND_NS, 3 * SECOND_NS + SECOND_NS // 10)
    assert not trail.covers(SECOND_NS - 1, 2 * SECOND_NS)
    assert not trail.covers(2 * SECOND_NS, 3 * SECOND_NS + SECOND_NS // 5)
    assert not PoseTrail().covers(0, 0)


def test_a_pose_of_the_past_is_left_out(trail):
    assert not trail.add(2 * SECOND_NS, np.eye(4))
    assert len(trail) == 41


def test_the_points_of_a_sweep_stand_still_when_the_body_turns(trail):
    rng = np.random.default_rng(0)
    world = rng.uniform(-10, 10, (500, 3))
    times = rng.uniform(0, 0.1, 500)
    seen = np.stack(
        [transform(np.linalg.inv(pose(2.0 + t)), p[None])[0] for t, p in zip(times, world)]
    )
    cloud = CloudSample(2 * SECOND_NS, "lidar", seen.astype(np.float32), times.astype(np.float32))
    sweep = trail.posed(cloud, np.eye(4), "odom")
    np.testing.assert_allclose(laid_out(sweep), world, atol=1e-3)
    timeless = trail.posed(replace(cloud, times=None), np.eye(4), "odom")
    np.testing.assert_allclose(laid_out(timeless), transform(pose(2.0), cloud.points), atol=1e-9)
