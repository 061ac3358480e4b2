"""Promises of the odometry's messages: frames, covariances and twist follow the conventions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from equi_nodes.datasets.bags import Make
from equi_nodes.geometry.rotations import exp_so3, inverse, rigid
from equi_nodes.ros.gate import is_covariance
from equi_nodes.ros.odometry import (
    base_state,
    landmark_cloud,
    odometry,
    odometry_sample,
    path,
    picture,
    transforms,
    tree,
)
from equi_nodes.ros.sensors import StaticTransforms, imu_message, imu_problem, imu_sample
from equi_nodes.samples import OdometrySample, Status

T_B_BASE = rigid(exp_so3(np.array([0.3, -0.2, 0.5])), np.array([0.4, -0.1, 0.2]))


def state(seed=0):
    rng = np.random.default_rng(seed)
    root = 0.01 * rng.normal(size=(15, 15))
    return OdometrySample(
        1_500_000_000, Status.TRACKING, "", rigid(exp_so3(rng.normal(size=3)), rng.normal(size=3)),
        rng.normal(size=3), rng.normal(size=3), np.zeros(3), np.zeros(3), root @ root.T,
        landmarks=rng.normal(size=(5, 3)), landmark_ids=np.arange(5),
    )  # fmt: skip


def disturbed(sample, error):
    """The true state if the errors of a stated one are these."""
    turned = exp_so3(error[:3]) @ sample.T_w_b[:3, :3]
    return OdometrySample(
        sample.stamp_ns, sample.status, "", rigid(turned, sample.T_w_b[:3, 3] + error[3:6]),
        sample.velocity + error[6:9], sample.angular_velocity - error[9:12], np.zeros(3),
        np.zeros(3), sample.covariance,
    )  # fmt: skip


def test_the_covariances_are_those_of_small_errors():
    sample, rng = state(), np.random.default_rng(1)
    linear, angular, pose_covariance, twist_covariance = base_state(sample, T_B_BASE)
    root = np.linalg.cholesky(sample.covariance) * 1e-3
    T = sample.T_w_b @ T_B_BASE
    poses, twists = [], []
    for _ in range(4000):
        true = disturbed(sample, root @ rng.normal(size=15))
        moved = true.T_w_b @ T_B_BASE
        turned = moved[:3, :3] @ T[:3, :3].T
        rotation = np.array([turned[2, 1] - turned[1, 2], turned[0, 2] - turned[2, 0],
                             turned[1, 0] - turned[0, 1]]) / 2  # fmt: skip
        poses.append(np.concatenate([moved[:3, 3] - T[:3, 3], rotation]))
        other = base_state(true, T_B_BASE)
        twists.append(np.concatenate([other[0] - linear, other[1] - angular]))
    for found, stated in ((poses, pose_covariance), (twists, twist_covariance)):
        wanted = np.cov(np.array(found).T) * 1e6
        assert np.abs(wanted - stated).max() < 0.1 * np.abs(stated).max()


def test_the_message_has_the_twist_in_the_child_frame():
    sample = state()
    message = odometry(sample, ("odom", "base_link"), np.eye(4), Make())
    assert (message.header.frame_id, message.child_frame_id) == ("odom", "base_link")
    linear = message.twist.twist.linear
    expected = sample.T_w_b[:3, :3].T @ sample.velocity
    assert (linear.x, linear.y, linear.z) == pytest.approx(tuple(expected))
    for covariance in (message.pose.covariance, message.twist.covariance):
        assert is_covariance(np.asarray(covariance).reshape(6, 6))
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (1, 500_000_000)


def test_the_transforms_make_one_tree():
    sample = state()
    ((parent, child, T),) = tree(sample, ("map", "odom", "base"), T_B_BASE, False)
    assert (parent, child) == ("odom", "base")
    assert np.allclose(T, sample.T_w_b @ T_B_BASE)
    ((parent, child, T_inverse),) = tree(sample, ("map", "odom", "base"), T_B_BASE, True)
    assert (parent, child) == ("base", "odom")
    assert np.allclose(T_inverse, inverse(T))


def test_static_transforms_are_found_through_the_tree():
    known = StaticTransforms()
    T_a_b, T_b_c, T_a_d = (
        rigid(exp_so3(v), v) for v in np.random.default_rng(0).normal(size=(3, 3))
    )
    known.add(transforms(0, [("a", "b", T_a_b), ("b", "c", T_b_c)], Make()))
    known.add(transforms(0, [("a", "d", T_a_d)], Make()))
    assert np.allclose(known.find("d", "c"), inverse(T_a_d) @ T_a_b @ T_b_c)
    assert np.allclose(known.find("c", "c"), np.eye(4))
    assert known.find("a", "nowhere") is None


def test_a_loop_in_the_tree_ends():
    known = StaticTransforms()
    known.add(transforms(0, [("a", "b", np.eye(4)), ("b", "a", np.eye(4))], Make()))
    assert known.find("a", "nowhere") is None


def test_landmarks_path_and_picture_are_complete():
    sample = state()
    cloud = landmark_cloud(sample, "odom", Make())
    points = np.asarray(cloud.data).view(np.float32).reshape(-1, 3)
    assert np.allclose(points, sample.landmarks, atol=1e-6)
    assert cloud.row_step == len(cloud.data) == cloud.width * cloud.point_step
    line = path([(1, sample.T_w_b), (2, sample.T_w_b)], "odom", Make())
    assert [pose.header.frame_id for pose in line.poses] == ["odom", "odom"]
    image = picture(1, "camera", np.zeros((3, 4, 3), np.uint8), Make())
    assert (image.encoding, image.step, len(image.data)) == ("bgr8", 12, 36)


def imu(gyro=(0.1, 0.2, 0.3), accel=(0.0, 0.0, 9.8), provided=0.0):
    names = ("x", "y", "z")
    stamp = SimpleNamespace(sec=1, nanosec=2)
    return SimpleNamespace(
        header=SimpleNamespace(stamp=stamp, frame_id="imu"),
        angular_velocity=SimpleNamespace(**dict(zip(names, gyro))),
        linear_acceleration=SimpleNamespace(**dict(zip(names, accel))),
        angular_velocity_covariance=[provided] + [0.0] * 8,
        linear_acceleration_covariance=[0.0] * 9,
    )


def test_an_imu_sample_is_read_and_judged():
    stamp, gyro, accel = imu_sample(imu())
    assert (stamp, gyro.tolist(), accel.tolist()) == (1_000_000_002, [0.1, 0.2, 0.3], [0, 0, 9.8])
    assert imu_problem(imu()) == ""
    assert "angular_velocity is not" in imu_problem(imu(gyro=(0, np.nan, 0)))
    assert "linear_acceleration is not" in imu_problem(imu(accel=(0, np.inf, 0)))
    assert "not provided" in imu_problem(imu(provided=-1))


def test_odometry_is_read_as_it_was_written():
    sample = state()
    read = odometry_sample(odometry(sample, ("odom", "imu"), np.eye(4), Make()))
    assert read.stamp_ns == sample.stamp_ns
    for name in ("T_w_b", "velocity", "angular_velocity"):
        assert getattr(read, name) == pytest.approx(getattr(sample, name), abs=1e-12)
    assert read.covariance[:6, :6] == pytest.approx(sample.covariance[:6, :6], abs=1e-12)
    assert np.isnan(read.gyro_bias).all() and np.isnan(read.covariance[6:]).all()


def test_an_imu_sample_is_read_as_it_was_written():
    reading = (1_500_000_000, np.array([0.1, -0.2, 0.3]), np.array([9.0, 1.0, -1.0]))
    message = imu_message(reading, "imu", Make())
    stamp, gyro, accel = imu_sample(message)
    assert imu_problem(message) == "" and message.header.frame_id == "imu"
    assert stamp == reading[0] and (gyro == reading[1]).all() and (accel == reading[2]).all()
