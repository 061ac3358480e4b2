"""The simulated sensors agree with each other and with the truth."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.cli.odometry_consistency import rig_of
from equi_nodes.geometry.rotations import inverse, log_so3, transform
from equi_nodes.sim.vio_world import Path, WorldConfig, simulate


def test_rates_and_forces_are_derivatives_of_the_path():
    path = Path(WorldConfig(duration=5.0), np.random.default_rng(0))
    times, h = np.linspace(0.5, 4.5, 30), 1e-4
    before, after = path.poses(times - h), path.poses(times + h)
    turned = np.swapaxes(before[:, :3, :3], 1, 2) @ after[:, :3, :3]
    np.testing.assert_allclose(log_so3(turned) / (2 * h), path.body_rates(times), atol=1e-5)
    speeds = (path.position(times + h, 1) - path.position(times - h, 1)) / (2 * h)
    force = np.einsum("tij,tj->ti", path.poses(times)[:, :3, :3], path.specific_force(times, 9.8))
    np.testing.assert_allclose(force - [0, 0, 9.8], speeds, atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 0.02])
def test_features_are_where_their_landmarks_are(offset):
    config = WorldConfig(duration=1.0, pixel_noise=0.0, time_offset=offset)
    cameras = rig_of(config).cameras
    truth = simulate(cameras, config, 2)
    for T_w_b, tracks in zip(truth.T_w_b, truth.tracks):
        points = truth.landmarks[truth.landmark_of_id[tracks.ids]]
        seen = transform(inverse(T_w_b @ cameras[0].T_b_c), points)
        np.testing.assert_allclose(tracks.left, seen[:, :2] / seen[:, 2:], atol=1e-12)
    assert truth.tracks[0].stamp_ns == pytest.approx(100e9 - offset * 1e9)


def test_equal_seeds_give_equal_recordings_and_a_standing_body_stands():
    config = WorldConfig(duration=6.0, standing=(2.0, 4.0))
    one, other = (simulate(rig_of(config).cameras, config, 5) for _ in range(2))
    assert np.array_equal(one.gyro, other.gyro)
    assert np.array_equal(one.tracks[30].left, other.tracks[30].left)
    assert np.linalg.norm(one.velocities[42:78], axis=1).max() < 1e-9
    assert np.linalg.norm(one.velocities[5]) > 1e-3
