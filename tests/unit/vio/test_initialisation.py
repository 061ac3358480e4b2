"""Starting with one camera: what is found, how sure it is, and what is said while waiting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import yaw_of
from equi_nodes.sim.vio_world import WorldConfig, simulate
from equi_nodes.vio.imu_buffer import ImuBuffer
from equi_nodes.vio.initialisation.initialiser import Initialiser
from equi_nodes.vio.initialisation.rotation_offset import rotation_offset, visual_rates
from equi_nodes.vio.state import InitialState, Waiting
from equi_nodes.vio.types import Rig

FORWARD = np.array([[0, 0, 1, 0.1], [-1, 0, 0, 0.0], [0, -1, 0, 0.05], [0, 0, 0, 1.0]])
CAMERA = Camera("pinhole", 752, 480, (458.0, 457.0, 376.0, 240.0), (), FORWARD)
RIG = Rig((CAMERA,))
WORLD = WorldConfig(duration=8.0, gyro_bias=0.08)


def buffer_of(recording):
    buffer = ImuBuffer()
    for stamp, gyro, accel in zip(recording.imu_stamps_ns, recording.gyro, recording.accel):
        buffer.add(int(stamp), gyro, accel)
    return buffer


def start(recording, tracks=None, buffer=None):
    """Feed frames until there is a state; return all answers."""
    buffer = buffer_of(recording) if buffer is None else buffer
    initialiser, answers = Initialiser(RIG), []
    for frame in recording.tracks if tracks is None else tracks:
        answers.append(initialiser.feed(frame, buffer))
        if isinstance(answers[-1], InitialState):
            break
    return answers


def error_of(recording, answers):
    """Return tilt, velocity and bias errors (11,) of a start, and the rows of its covariance."""
    found, frame = answers[-1], len(answers) - 1
    between = found.T_w_b[:3, :3] @ recording.T_w_b[frame, :3, :3].T
    yaw = yaw_of(between)
    c, s = np.cos(yaw), np.sin(yaw)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    tilt = between @ turn.T
    error = np.concatenate(
        [
            [tilt[2, 1], tilt[0, 2]],
            found.velocity - turn @ recording.velocities[frame],
            found.gyro_bias - recording.gyro_biases[frame],
            found.accel_bias - recording.accel_biases[frame],
        ]
    )
    return error, np.r_[0, 1, 6:15]


@pytest.fixture(scope="module")
def flight():
    recording = simulate((CAMERA,), WORLD, 3)
    return recording, start(recording)


def test_it_starts_in_motion_after_a_few_seconds(flight):
    _, answers = flight
    assert isinstance(answers[-1], InitialState)
    assert 40 <= len(answers) <= 80
    assert "collecting images" in answers[0].reason


def test_velocity_gravity_and_gyro_bias_are_found(flight):
    error, _ = error_of(*flight)
    speed = np.linalg.norm(flight[1][-1].velocity)
    assert np.abs(error[:2]).max() < np.radians(1.5)
    assert np.linalg.norm(error[2:5]) < 0.03 * max(speed, 1.0)
    assert np.abs(error[5:8]).max() < 2e-3


def test_its_covariance_holds_over_many_starts():
    """The squared error in units of the covariance is no more than its 11 degrees of freedom."""
    scores = []
    for seed in range(6):
        recording = simulate((CAMERA,), WORLD, seed)
        answers = start(recording)
        if isinstance(answers[-1], InitialState):
            error, rows = error_of(recording, answers)
            covariance = answers[-1].covariance[np.ix_(rows, rows)]
            scores.append(error @ np.linalg.solve(covariance, error))
    assert len(scores) >= 5
    assert np.mean(scores) < 11


def test_equal_input_gives_the_equal_start(flight):
    recording, answers = flight
    again = start(recording)[-1]
    assert np.array_equal(again.T_w_b, answers[-1].T_w_b)
    assert np.array_equal(again.covariance, answers[-1].covariance)


def test_a_standing_body_waits_and_says_so():
    recording = simulate((CAMERA,), replace(WORLD, standing=(-2.0, 10.0)), 0)
    answers = start(recording)
    assert len(answers) == len(recording.tracks)
    assert answers[-1] == Waiting("standing still; move to find the scale")


def test_turning_on_the_spot_is_not_enough(flight):
    recording, _ = flight
    buffer = buffer_of(recording)
    T_w_c = recording.T_w_b @ CAMERA.T_b_c
    far = 1e4 * np.random.default_rng(0).normal(size=(3000, 3))
    points = np.einsum("fji,nj->fni", T_w_c[:, :3, :3], far)
    frames = []
    for tracks, seen in zip(recording.tracks, points):
        inside = (seen[:, 2] > 0) & (np.abs(seen[:, :2] / seen[:, 2:]) < 0.6).all(1)
        ids = np.flatnonzero(inside)
        covariance = np.tile(np.eye(2) * 1e-6, (len(ids), 1, 1))
        frames.append(
            replace(tracks, ids=ids, left=seen[ids, :2] / seen[ids, 2:], left_covariance=covariance)
        )
    answers = start(recording, frames, buffer)
    assert len(answers) == len(frames)
    assert answers[-1].reason.startswith("not enough motion: parallax")


def test_without_imu_it_says_so(flight):
    answers = start(flight[0], buffer=ImuBuffer())
    assert answers[-1].reason.startswith("waiting for IMU")


def test_a_gap_of_the_imu_is_named(flight):
    recording, _ = flight
    buffer = ImuBuffer()
    for k, stamp in enumerate(recording.imu_stamps_ns):
        if not 2.1 < (stamp - recording.tracks[0].stamp_ns) * 1e-9 < 2.4:
            buffer.add(int(stamp), recording.gyro[k], recording.accel[k])
    answers = start(recording, recording.tracks[10:52], buffer)
    assert answers[-1].reason.startswith("the IMU has a gap of 0.3")


def test_outliers_are_taken_out(flight):
    recording, _ = flight
    rng = np.random.default_rng(1)
    bad = rng.random(len(recording.landmark_of_id)) < 0.1
    drift = rng.normal(0, 0.004, (len(bad), 2))

    def spoil(index, tracks):
        moved = tracks.left + index * drift[tracks.ids] * bad[tracks.ids, None]
        return replace(tracks, left=moved)

    answers = start(recording, [spoil(k, tracks) for k, tracks in enumerate(recording.tracks)])
    assert isinstance(answers[-1], InitialState)
    error, _ = error_of(recording, answers)
    assert np.linalg.norm(error[2:5]) < 0.08


@pytest.mark.parametrize("offset", [-0.03, 0.0, 0.045])
def test_the_time_offset_shows_in_the_rotation(offset):
    recording = simulate((CAMERA,), replace(WORLD, time_offset=offset, rotation=0.8), 1)
    stamps, rates = visual_rates(recording.tracks, CAMERA)
    found, quality = rotation_offset(stamps, rates, recording.imu_stamps_ns, recording.gyro)
    assert abs(found - offset) < 0.008
    assert quality > 0.5


def test_no_rotation_gives_no_confidence():
    stamps = np.arange(31) * 50_000_000
    imu_stamps = np.arange(400) * 5_000_000
    noise = np.random.default_rng(0)
    rates, gyro = noise.normal(0, 0.01, (30, 3)), noise.normal(0, 0.01, (400, 3))
    assert rotation_offset(stamps, rates, imu_stamps, gyro)[1] < 0.5
    assert rotation_offset(stamps[:3], rates[:2], imu_stamps, gyro) == (0.0, 0.0)
