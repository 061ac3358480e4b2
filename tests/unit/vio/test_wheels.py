"""Promises of the wheels: they hold the odometry in the dark, and do no harm when they lie."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vio_drives import CARRIED, T_BASE_B, WORLD, drive, without_features
from vio_runs import TOLD, errors_of

from equi_nodes.config.vio import WheelConfig
from equi_nodes.geometry.rotations import exp_so3, inverse, rigid
from equi_nodes.samples import Status, WheelSample
from equi_nodes.sim.vio_world import pinhole_cameras
from equi_nodes.vio.imu_buffer import ImuBuffer
from equi_nodes.vio.start import first_state, upright
from equi_nodes.vio.types import Rig
from equi_nodes.vio.update import retract
from equi_nodes.vio.wheels import Wheels, linearise_wheels

DARK = 80  # number of the first black frame


def in_the_dark(index, tracks):
    return without_features(tracks) if index >= DARK else tracks


def state(seed=0):
    """Return a state somewhere in motion, with wheels."""
    rng = np.random.default_rng(seed)
    buffer = ImuBuffer()
    for k in range(20):
        buffer.add(k * 5_000_000, np.zeros(3), np.array([0.0, 0.0, 9.8]))
    made = first_state(upright(95_000_000, buffer, TOLD), Rig(pinhole_cameras()), TOLD)
    made.rotation, made.velocity = exp_so3(rng.normal(size=3)), rng.normal(size=3)
    Wheels(np.eye(4), WheelConfig()).update(made, WheelSample(0, 0.0, 0.0), np.zeros(3), False)
    return made


def test_the_derivatives_are_those_of_the_prediction():
    rng = np.random.default_rng(1)
    T_b_base = rigid(exp_so3(rng.normal(size=3)), rng.normal(size=3))
    sample, gyro = WheelSample(0, 0.7, 0.4), rng.normal(size=3)
    at = state()
    H, before = linearise_wheels(at, sample, gyro - at.gyro_bias, T_b_base)
    for column, step in enumerate(1e-6 * np.eye(at.own)):
        moved = replace(at)
        retract(moved, step)
        _, after = linearise_wheels(moved, sample, gyro - moved.gyro_bias, T_b_base)
        assert np.allclose((before - after) / 1e-6, H[:, column], atol=1e-5), column


def test_a_base_that_rolls_as_its_wheels_say_agrees_with_them():
    rate, speed = 0.6, 0.8
    at = state()
    R_w_base = at.rotation @ T_BASE_B[:3, :3].T
    T_b_base = inverse(T_BASE_B)
    spin = R_w_base @ [0.0, 0.0, rate]
    at.velocity = R_w_base @ [speed, 0.0, 0.0] + np.cross(spin, R_w_base @ T_BASE_B[:3, 3])
    _, residuals = linearise_wheels(at, WheelSample(0, speed, rate), at.rotation.T @ spin, T_b_base)
    assert np.allclose(residuals, 0.0, atol=1e-12)


@pytest.fixture(scope="module")
def dark():
    return drive(spoil=in_the_dark, scale=1.02)


def test_in_the_dark_it_goes_on_and_says_what_it_has_lost(dark):
    last = dark.samples[-1]
    assert last.status is Status.DEGRADED
    assert "no features for" in last.reason
    assert "wheels and IMU alone" in last.reason
    errors, covariances = errors_of(dark)
    path = np.linalg.norm(np.diff(dark.truth.T_w_b[:, :3, 3], axis=0), axis=1).sum()
    assert np.linalg.norm(errors[-1, 3:6]) < 0.03 * path
    spread = np.sqrt(np.trace(covariances[:, 3:6, 3:6], axis1=1, axis2=2))
    assert spread[-1] > 2 * spread[DARK]
    assert np.linalg.norm(errors[-1, 3:6]) < 3 * spread[-1]


def test_without_wheels_the_dark_loses_it(dark):
    alone = drive(spoil=in_the_dark, turn_wheels=lambda *_: None)
    assert alone.samples[-1].status is Status.LOST
    assert "wheel_scale" not in alone.samples[-1].figures
    errors = [np.linalg.norm(errors_of(flight)[0][-1, 3:6]) for flight in (alone, dark)]
    assert errors[0] > 5 * errors[1]


def test_the_size_of_the_wheels_is_found_in_the_light():
    flight = drive(scale=1.03)
    assert flight.samples[-1].figures["wheel_scale"] == pytest.approx(1.03, abs=0.01)


@pytest.mark.parametrize("faked", [WheelSample(0, 0.0, 0.0), WheelSample(0, 1.5, 0.0)])
def test_wheels_that_slip_or_hang_in_the_air_are_refused(faked):
    def lift(time, sample):
        return replace(faked, stamp_ns=sample.stamp_ns) if 8.0 < time < 11.0 else sample

    flight = drive(turn_wheels=lift)
    errors, _ = errors_of(flight)
    assert np.linalg.norm(errors[:, 3:6], axis=1).max() < 0.08
    assert flight.samples[100].figures["wheels_refused"] > 0
    assert "the wheels contradict the motion" in flight.samples[100].reason
    assert flight.samples[-1].figures["wheels_refused"] == 0
    assert flight.samples[-1].status is Status.TRACKING


def test_one_camera_with_wheels_starts_at_once():
    flight = drive(replace(WORLD, duration=6.0), cameras=1)
    assert flight.samples[0].status is not Status.INITIALISING
    assert flight.samples[-1].status is Status.TRACKING
    errors, _ = errors_of(flight)
    assert np.linalg.norm(errors[:, 3:6], axis=1).max() < 0.1


def test_wheels_that_stand_make_a_stand_before_moving_pictures():
    rng = np.random.default_rng(0)

    def people(index, tracks):
        shift = 0.02 * index * rng.choice([-1, 1], size=(len(tracks.ids), 1))
        return replace(tracks, left=tracks.left + shift, right=tracks.right + shift, still=0.0)

    flight = drive(replace(WORLD, duration=0.9), spoil=people)
    assert flight.samples[-1].figures["stationary"] == 1.0
    assert np.linalg.norm(flight.samples[-1].velocity) < 0.01


def test_late_samples_are_counted():
    wheels = Wheels(np.eye(4), WheelConfig())
    at = state()
    for stamp in (100, 200_000_000):
        wheels.add(WheelSample(stamp, 0.0, 0.0))
    (first,) = wheels.due(at.time_ns, at.time_ns + 110_000_000)
    wheels.update(at, first, np.zeros(3), False)
    wheels.add(WheelSample(210_000_000, 0.0, 0.0))
    assert wheels.due(300_000_000, 400_000_000) == []
    assert wheels.late == 1


def test_wheels_that_speak_late_are_put_at_their_time():
    wheels = Wheels(np.eye(4), WheelConfig(delay=0.025))
    wheels.add(WheelSample(200_000_000, 0.5, 0.0))
    (sample,) = wheels.due(100_000_000, 200_000_000)
    assert sample.stamp_ns == 175_000_000


def test_it_begins_with_the_base_in_the_origin():
    flight = drive(replace(WORLD, duration=0.3))
    T_w_base = flight.samples[0].T_w_b @ inverse(T_BASE_B)
    assert np.allclose(T_w_base[:3, 3], 0.0, atol=1e-9)
    assert np.allclose(T_w_base[:3, :3], np.eye(3), atol=0.02)


def test_a_robot_that_somebody_moved_starts_anew_within_two_seconds():
    flight = drive(replace(WORLD, duration=10.0), carried_to=5)
    moved = [i for i, sample in enumerate(flight.samples) if "moved the robot" in sample.reason]
    first = round(10 * CARRIED) + 1
    assert first < moved[0] <= first + 10
    assert flight.samples[moved[0]].status is Status.LOST
    assert flight.samples[-1].figures["resets"] == 1
    for sample, velocity in list(zip(flight.samples, flight.truth.velocities))[moved[0] + 20 :]:
        assert sample.status is Status.TRACKING, sample.reason
        assert abs(np.linalg.norm(sample.velocity) - np.linalg.norm(velocity)) < 0.1
    assert np.sqrt(np.trace(flight.samples[-1].covariance[3:6, 3:6])) > 1.5
