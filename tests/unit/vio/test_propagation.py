"""Propagation against the simulator's truth, and its transition against differences."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.cli.odometry_consistency import rig_of
from equi_nodes.geometry.rotations import exp_so3, log_so3
from equi_nodes.sim.vio_world import WorldConfig, simulate
from equi_nodes.vio.imu_buffer import ImuBuffer
from equi_nodes.vio.propagation import integrate, transition

PERFECT = WorldConfig(
    duration=3.0,
    gyro_noise=0.0,
    accel_noise=0.0,
    gyro_walk=0.0,
    accel_walk=0.0,
    gyro_bias=0.0,
    accel_bias=0.0,
)


@pytest.fixture
def buffer():
    truth = simulate(rig_of(PERFECT).cameras, PERFECT, 1)
    buffer = ImuBuffer()
    for stamp, gyro, accel in zip(truth.imu_stamps_ns, truth.gyro, truth.accel):
        buffer.add(int(stamp), gyro, accel)
    return truth, buffer


def test_a_perfect_imu_leads_to_the_true_pose(buffer):
    truth, samples = buffer
    stamps = [t.stamp_ns for t in truth.tracks]
    span = samples.between(stamps[0], stamps[40])
    T = truth.T_w_b[0]
    R, v, p = integrate(
        np.ascontiguousarray(T[:3, :3]),
        truth.velocities[0],
        T[:3, 3].copy(),
        span.gyro,
        span.accel,
        span.durations,
        9.80665,
    )
    assert np.linalg.norm(log_so3(R @ truth.T_w_b[40, :3, :3].T)) < 1e-4
    assert np.linalg.norm(p - truth.T_w_b[40, :3, 3]) < 1e-3
    assert np.linalg.norm(v - truth.velocities[40]) < 1e-3


def test_transition_is_the_derivative_of_the_invariant_error():
    rng = np.random.default_rng(0)
    R, v, p = exp_so3(rng.normal(size=3)), rng.normal(size=3), rng.normal(size=3)
    gyro, accel = rng.normal(size=(10, 3)), rng.normal(size=(10, 3)) + [0, 0, 9.8]
    durations, white = np.full(10, 0.005), np.zeros((10, 2))
    F, _ = transition(R, v, p, gyro, accel, accel, durations, white, np.zeros(2), 0.0, 9.80665)
    end = integrate(R, v, p, gyro, accel, durations, 9.80665)
    for column in range(18):
        error = np.zeros(18)
        error[column] = 1e-6
        turn = exp_so3(error[:3])
        forces = accel * (1 + error[15:18]) - error[12:15]
        moved = integrate(
            turn @ R,
            turn @ v + error[6:9],
            turn @ p + error[3:6],
            gyro - error[9:12],
            forces,
            durations,
            9.80665,
        )
        turned = moved[0] @ end[0].T
        found = [log_so3(turned), moved[2] - turned @ end[2], moved[1] - turned @ end[1]]
        np.testing.assert_allclose(np.concatenate(found) / 1e-6, F[:9, column], atol=2e-4)


def test_unusable_samples_are_counted_and_time_that_went_back_empties(buffer):
    samples = buffer[1]
    count, newest = len(samples), int(samples.stamps_ns[-1])
    assert not samples.add(newest, np.zeros(3), np.zeros(3))
    assert not samples.add(newest + 1, np.full(3, np.nan), np.zeros(3))
    assert (len(samples), samples.refused) == (count, 2)
    assert samples.add(newest - 3_000_000_000, np.zeros(3), np.zeros(3))
    assert (len(samples), samples.restarts) == (1, 1)


def test_a_gap_is_seen_and_ends_are_held(buffer):
    samples = buffer[1]
    newest = int(samples.stamps_ns[-1])
    span = samples.between(newest - 10_000_000, newest + 100_000_000)
    assert span.durations.sum() == pytest.approx(0.11)
    assert span.gaps[-1] == pytest.approx(0.1)
    assert span.gaps[0] == 0
