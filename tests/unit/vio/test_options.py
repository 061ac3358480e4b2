"""Settings that are off unless asked for, or that act on odd robots only, do what they promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vio_runs import fly

from equi_nodes.cli.odometry_consistency import TOLD, DrawnStart, flown, plain_errors, rig_of
from equi_nodes.geometry.rotations import exp_so3, log_so3, rigid
from equi_nodes.sim.vio_world import WorldConfig, simulate
from equi_nodes.vio.estimator import Estimator
from equi_nodes.vio.pseudo import limit_speed
from equi_nodes.vio.state import ACCEL_SCALE, BODY, CAMERA
from equi_nodes.vio.types import Rig

WORLD = WorldConfig(duration=12.0)
RIG = rig_of(WORLD)


@pytest.fixture(scope="module")
def truth():
    return simulate(RIG.cameras, WORLD, 1)


def state_after(truth, rig, config):
    """Return the filter's state after a flight, and its samples."""
    estimator = Estimator(rig, config, DrawnStart(truth, 0))
    samples = flown(truth, estimator)
    return estimator._state, samples


def is_found(errors, state, columns, prior):
    """Whether errors are as small as stated, and that is well below what was known before."""
    stated = np.sqrt(np.diag(state.covariance)[columns])
    return (np.abs(errors) < 4 * stated).all() and (stated < 0.8 * prior).all()


def of_camera(side, first, size):
    start = BODY + CAMERA * side + first
    return slice(start, start + size)


def test_rotations_of_the_cameras_are_refined(truth):
    turns = exp_so3(np.array([[0.010, -0.008, 0.012], [0.006, 0.010, -0.010]]))
    wrong = [rigid(t @ c.T_b_c[:3, :3], c.T_b_c[:3, 3]) for t, c in zip(turns, RIG.cameras)]
    cameras = tuple(replace(c, T_b_c=T) for c, T in zip(RIG.cameras, wrong))
    config = replace(TOLD, prior_extrinsic_rotation=0.01)
    state, _ = state_after(truth, Rig(cameras, RIG.imu_noise), config)
    for side, camera in enumerate(RIG.cameras):
        errors = log_so3(camera.T_b_c[:3, :3] @ state.camera_rotations[side].T)
        assert is_found(errors, state, of_camera(side, 0, 3), 0.01)


def test_positions_of_the_cameras_are_refined(truth):
    shifts = np.array([[0.02, -0.015, 0.02], [0.02, 0.015, -0.02]])
    wrong = [rigid(c.T_b_c[:3, :3], c.T_b_c[:3, 3] + d) for d, c in zip(shifts, RIG.cameras)]
    cameras = tuple(replace(c, T_b_c=T) for c, T in zip(RIG.cameras, wrong))
    config = replace(TOLD, prior_extrinsic_translation=0.02)
    state, _ = state_after(truth, Rig(cameras, RIG.imu_noise), config)
    for side, camera in enumerate(RIG.cameras):
        errors = camera.T_b_c[:3, 3] - state.camera_positions[side]
        assert is_found(errors, state, of_camera(side, 3, 3), 0.02)


def test_focal_lengths_are_refined(truth):
    scaled = [replace(t, left=1.02 * t.left, right=0.985 * t.right) for t in truth.tracks]
    state, _ = state_after(replace(truth, tracks=scaled), RIG, replace(TOLD, prior_focal=0.02))
    for side, scale in enumerate((1.02, 0.985)):
        assert is_found(scale - state.focal_scales[side], state, of_camera(side, 6, 1), 0.02)


def test_the_scale_of_the_accelerometer_is_found(truth):
    scale = np.array([1.03, 0.98, 1.02])
    scaled = replace(truth, accel=truth.accel / scale)
    state, _ = state_after(scaled, RIG, replace(TOLD, prior_accel_scale=0.03))
    assert is_found(scale - state.accel_scale, state, ACCEL_SCALE, 0.03)


def test_a_body_is_held_to_its_speed_and_may_rise_and_fall():
    state = fly(WorldConfig(duration=0.5)).estimator._state
    state.velocity = np.array([3.0, 4.0, 2.0])
    state.covariance[6:9, :] = state.covariance[:, 6:9] = 0.0
    state.covariance[6:9, 6:9] = np.eye(3)
    limit_speed(state, 6.0, False)
    assert state.velocity == pytest.approx([3.0, 4.0, 2.0])
    limit_speed(state, 1.0, False)
    assert np.hypot(*state.velocity[:2]) == pytest.approx(1.0, abs=0.1)
    assert state.velocity[2] == pytest.approx(2.0, abs=0.05)


def test_noise_of_a_vibrating_robot_is_noticed_and_stays_harmless():
    """Errors of the velocity in units of what is stated (3 is honest), with noise 20 times so."""
    told = WORLD.gyro_noise, WORLD.accel_noise
    noisy = replace(WORLD, gyro_noise=20 * told[0], accel_noise=20 * told[1])
    truth, scores = simulate(RIG.cameras, noisy, 1), []
    for adaptive in (True, False):
        _, samples = state_after(truth, RIG, replace(TOLD, adaptive_noise=adaptive))
        errors = plain_errors(truth, range(20, len(samples)), samples[20:])[:, 6:9]
        spreads = [sample.covariance[6:9, 6:9] for sample in samples[20:]]
        solved = np.linalg.solve(np.stack(spreads), errors[..., None])[..., 0]
        scores.append((errors * solved).sum(1).mean())
    assert scores[0] < 6 < 30 < scores[1]
