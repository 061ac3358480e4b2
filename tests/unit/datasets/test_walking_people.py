"""People who walk around a LiDAR."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.body.model import load_body
from equi_nodes.datasets.bvh import Motion
from equi_nodes.datasets.walking_people import SENSOR, Gait, gait_of, sweep, walk, walk_around
from equi_nodes.geometry.rotations import exp_so3

PERIOD = 1 / 30


def gait_motion(cycle: int, frames: int) -> Motion:
    """Somebody who swings an arm once in a cycle and walks along y at 1 m/s, facing it."""
    swing = np.sin(2 * np.pi * np.arange(frames) / cycle) + np.arange(frames) * 1e-4
    rotations = np.tile(exp_so3(np.array([0, 0, np.pi / 2])), (frames, 22, 1, 1))
    rotations[:, 16] = rotations[:, 16] @ exp_so3(np.stack([0 * swing, 0 * swing, swing], 1))
    rotations[:, 17] = rotations[:, 17] @ exp_so3(
        np.stack([0 * swing, 0 * swing, np.cos(2 * np.pi * np.arange(frames) / cycle)], 1)
    )
    places = np.stack([0 * swing, np.arange(frames) * PERIOD, 0.9 + 0 * swing], 1)
    return Motion(rotations.astype(np.float32), places.astype(np.float32), PERIOD, "gait")


def test_a_gait_is_one_cycle_and_goes_forward_whatever_way_it_was_recorded():
    gait = gait_of(gait_motion(cycle=33, frames=120))
    assert len(gait.turns) == 33
    assert np.allclose(gait.steps, [[PERIOD, 0.0]], atol=1e-5)
    assert np.allclose(gait.rotations[:, 0], np.eye(3), atol=1e-5)
    assert gait.height == pytest.approx(0.9)


def test_one_walks_on_a_circle_and_looks_where_one_goes():
    body = load_body()
    gait: Gait = gait_of(gait_motion(cycle=33, frames=120))
    times = np.arange(0, 8, 0.1)
    rng = np.random.default_rng(0)
    rotations, places = walk(rng, gait, body.betas[0].numpy(), 0.0, times, body)
    radii = np.linalg.norm(places - (places.max(0) + places.min(0)) / 2, axis=1)
    assert np.ptp(radii) < 0.15 * radii.mean()
    steps = np.diff(places, axis=0)
    ahead = rotations[1:, 0, :2, 0]
    facing = (ahead * steps).sum(1) / np.linalg.norm(steps, axis=1)
    assert facing.min() > 0.95


def test_points_are_on_the_side_of_the_sensor_and_know_whose_they_are():
    body = load_body()
    people = body.template.numpy() + np.array([[[3.0, 0, 0.9]], [[0.0, -4.0, 0.9]]], np.float32)
    points, instances = sweep(np.random.default_rng(0), people, body.faces.numpy())
    assert set(instances) == {1, 2}
    for number, middle in ((1, [3.0, 0, 0.9]), (2, [0.0, -4.0, 0.9])):
        own = points[instances == number]
        assert len(own) > 100
        assert np.linalg.norm(own - middle, axis=1).max() < 1.2
        assert ((own.mean(0) - middle) @ (SENSOR - middle)) > 0


def test_who_stands_behind_another_is_not_seen():
    body = load_body()
    people = np.stack([body.template.numpy() + [2, 0, 0.9], body.template.numpy() + [2.5, 0, 0.9]])
    _, instances = sweep(np.random.default_rng(0), people, body.faces.numpy())
    counts = np.bincount(instances, minlength=3)[1:]
    assert counts[1] < 0.3 * counts[0]


def test_the_truth_stands_on_the_floor_and_the_points_are_on_it(recordings):
    recordings("mocap")
    rng = np.random.default_rng(3)
    instants = list(walk_around(rng, people=2, seconds=1.0, rate_hz=5))
    assert len(instants) == 5
    assert np.diff([instant.stamp_ns for instant in instants]).tolist() == [200_000_000] * 4
    for instant in instants:
        skin = instant.posed.vertices.numpy()
        assert np.allclose(skin[..., 2].min(1), 0, atol=1e-5)
        for person in range(2):
            own = instant.points[instant.instances == person + 1]
            gaps = np.linalg.norm(own[:, None] - skin[person][None], axis=-1).min(1)
            assert np.quantile(gaps, 0.95) < 0.08
    again = next(walk_around(np.random.default_rng(3), people=2, seconds=1.0, rate_hz=5))
    assert np.array_equal(again.points, instants[0].points)
