"""Promises of the odometry's wiring: order, restarts, bad samples, and the IMU's own rate."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import exp_so3, log_so3, rigid
from equi_nodes.pipelines import odometry as module
from equi_nodes.pipelines.dead_reckoning import DeadReckoning
from equi_nodes.pipelines.odometry import Odometry, make_rig
from equi_nodes.samples import Frame, OdometrySample, Status, Tracks

SECOND = 1_000_000_000
PICTURE = np.zeros((48, 64), np.uint8)
UP = np.array([0.0, 0.0, 9.80665])


def state(stamp_ns, status=Status.TRACKING, **values):
    zero = np.zeros(3)
    known = {"T_w_b": np.eye(4), "velocity": zero, "angular_velocity": zero, "gyro_bias": zero}
    known |= {"accel_bias": zero, "covariance": 1e-4 * np.eye(15)} | values
    return OdometrySample(stamp_ns, status, "", **known)


class FakeTracker:
    """Finds nothing, and remembers what it was asked."""

    def __init__(self, rig, config):
        self.predictions, self.resets = [], 0

    def track(self, frame, predict):
        self.predictions.append(predict)
        none = np.zeros((0, 2))
        return Tracks(
            frame.stamp_ns, np.zeros(0, np.int64), none, none,
            np.zeros((0, 2, 2)), np.zeros((0, 2, 2)), problems=("dark",),
        )  # fmt: skip

    def reset(self):
        self.resets += 1


class FakeEstimator:
    """Stands still, and remembers what it was given."""

    is_driven = False

    def __init__(self, rig, config, initialiser=None, wheel=None):
        self.imu, self.frames, self.reasons, self.initialiser = [], [], [], initialiser

    def add_imu(self, stamp_ns, gyro, accel):
        self.imu.append(stamp_ns)

    def step(self, tracks):
        self.frames.append((tracks.stamp_ns, len(self.imu)))
        return state(tracks.stamp_ns, landmarks=np.ones((2, 3)), landmark_ids=np.array([4, 7]))

    def predict_pose(self, stamp_ns):
        return rigid(np.eye(3), np.array([1.0, 0.0, 0.0]))

    def reset(self, reason):
        self.reasons.append(reason)


@pytest.fixture
def pipeline(monkeypatch):
    monkeypatch.setattr(module, "Tracker", FakeTracker)
    monkeypatch.setattr(module, "Estimator", FakeEstimator)
    camera = Camera("pinhole", 64, 48, (50.0, 50.0, 32.0, 24.0), (), np.eye(4))
    return Odometry(make_rig([camera, camera]))


def feed(pipeline, *stamps):
    for stamp in stamps:
        pipeline.add_imu(stamp, np.zeros(3), UP)


def test_all_samples_that_came_reach_the_filter_before_the_frame(pipeline):
    feed(pipeline, 1, 2, 3)
    sample = pipeline.step(Frame(2, PICTURE))
    assert (sample.stamp_ns, sample.status, sample.reason) == (2, Status.DEGRADED, "dark")
    assert pipeline._estimator.frames == [(2, 3)]
    assert pipeline.remarks == ("dark",)
    assert set(pipeline.timings) == {"tracking", "filter", "map"}


def test_late_doubled_and_broken_samples_are_left_out(pipeline):
    feed(pipeline, 10, 30, 30, 20, 40)
    pipeline.add_imu(50, np.array([np.nan, 0, 0]), UP)
    pipeline.add_imu(60, np.zeros(3), np.array([np.inf, 0, 0]))
    pipeline.step(Frame(40, PICTURE))
    assert pipeline._estimator.imu == [10, 30, 40]
    assert (pipeline.late, pipeline.unusable) == (2, 2)


def test_a_frame_that_is_not_newer_gives_nothing(pipeline):
    pipeline.step(Frame(100, PICTURE))
    assert pipeline.step(Frame(100, PICTURE)) is None
    assert pipeline.step(Frame(99, PICTURE)) is None
    assert pipeline._estimator.reasons == []


def test_a_recording_that_starts_again_is_started_with(pipeline):
    feed(pipeline, 10 * SECOND)
    pipeline.step(Frame(10 * SECOND, PICTURE))
    feed(pipeline, SECOND, SECOND + 1)
    assert pipeline.step(Frame(SECOND + 1, PICTURE)).stamp_ns == SECOND + 1
    assert pipeline._estimator.reasons == ["time went back"]
    assert pipeline._tracker.resets == 1
    assert pipeline._tracker.predictions == [None, None]


def test_the_tracker_learns_what_the_filter_expects(pipeline):
    pipeline.step(Frame(1, PICTURE))
    pipeline.step(Frame(2, PICTURE))
    first, second = pipeline._tracker.predictions
    assert first is None
    assert second.T_w_b_now[0, 3] == 1.0
    assert second.distance_by_id == {4: pytest.approx(3**0.5), 7: pytest.approx(3**0.5)}
    assert second.distance == pytest.approx(3**0.5)


def test_one_camera_gets_an_initialiser_and_two_start_at_once(monkeypatch, pipeline):
    monkeypatch.setattr(module, "Initialiser", lambda *parts: "initialiser")
    mono = Odometry(make_rig(pipeline.rig.cameras[:1]))
    assert mono._estimator.initialiser == "initialiser"
    assert pipeline._estimator.initialiser is None


def test_a_known_time_offset_moves_the_samples(monkeypatch, pipeline):
    shifted = Odometry(pipeline.rig, time_offset=0.02)
    feed(shifted, SECOND)
    shifted.step(Frame(SECOND, PICTURE))
    assert shifted._estimator.imu == [SECOND - 20_000_000]


# Between two estimates


def test_dead_reckoning_follows_a_known_motion():
    rate, push = np.array([0.1, -0.2, 0.5]), np.array([0.3, 0.1, -0.2])
    reckoning = DeadReckoning()
    reckoning.correct(state(0, velocity=np.array([1.0, 0.0, 0.0])))
    for number in range(1, 201):
        R = exp_so3(rate * (number - 0.5) * 0.005)
        found = reckoning.propagate(number * 5_000_000, rate, R.T @ (push + UP))
    assert np.linalg.norm(log_so3(found.T_w_b[:3, :3] @ exp_so3(rate).T)) < 1e-9
    assert np.allclose(found.velocity, np.array([1.0, 0, 0]) + push, atol=1e-3)
    assert np.allclose(found.T_w_b[:3, 3], np.array([1.0, 0, 0]) + push / 2, atol=2e-3)
    assert found.covariance[3, 3] > 1e-4


def test_a_new_estimate_replaces_the_path_since():
    reckoning = DeadReckoning()
    reckoning.correct(state(0))
    for number in range(1, 11):
        reckoning.propagate(number * 5_000_000, np.zeros(3), UP)
    moved = state(25_000_000, T_w_b=rigid(np.eye(3), np.array([7.0, 0.0, 0.0])))
    reckoning.correct(moved)
    found = reckoning.propagate(55_000_000, np.zeros(3), UP)
    assert found.stamp_ns == 55_000_000
    assert np.allclose(found.T_w_b[:3, 3], [7.0, 0.0, 0.0])


def test_nothing_is_said_before_and_long_after_an_estimate():
    reckoning = DeadReckoning()
    assert reckoning.propagate(1, np.zeros(3), UP) is None
    reckoning.correct(state(10))
    assert reckoning.propagate(10 + 2 * SECOND, np.zeros(3), UP) is None
    reckoning.clear()
    assert reckoning.propagate(20 + 2 * SECOND, np.zeros(3), UP) is None
