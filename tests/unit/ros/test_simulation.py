"""Promises of the simulation's messages: they say what was measured, in the right frames."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.datasets.bags import Make
from equi_nodes.geometry.rotations import exp_so3, rigid, yaw_of
from equi_nodes.ros.clouds import cloud_sample
from equi_nodes.ros.odometry import transforms
from equi_nodes.ros.sensors import StaticTransforms, transform_of
from equi_nodes.ros.simulation import (
    WheelReckoning,
    goal_message,
    images,
    mounts,
    read_record,
    record_message,
    sweep_message,
)
from equi_nodes.samples import CloudSample, Frame, WheelSample
from equi_nodes.sim.mounts import make_mounts
from equi_nodes.sim.scenario import Sensors

make = Make()
SECOND = 1_000_000_000


def test_the_tree_joins_all_sensors_to_the_base():
    rig = make_mounts(Sensors())
    tree = StaticTransforms()
    tree.add(transforms(1, mounts(rig.cameras, rig.T_base_imu, rig.T_base_lidar), make))
    np.testing.assert_allclose(tree.find("base_link", "lidar"), rig.T_base_lidar)
    for side, T_base_camera in zip(("left", "right"), rig.T_base_cameras):
        np.testing.assert_allclose(tree.find("base_link", f"{side}_camera"), T_base_camera)


def test_wheels_that_turn_drive_a_circle():
    reckoning, rate = WheelReckoning(), np.pi / 2
    for step in range(401):
        message = reckoning.message(WheelSample(SECOND + step * SECOND // 100, 1.0, rate), make)
    T = transform_of(message.pose.pose.position, message.pose.pose.orientation)
    np.testing.assert_allclose(T, np.eye(4), atol=1e-6)  # once around in four seconds
    assert (message.header.frame_id, message.child_frame_id) == ("wheel_odom", "base_link")
    assert (message.twist.twist.linear.x, message.twist.twist.angular.z) == (1.0, rate)


def test_a_sweep_keeps_its_points_times_and_rings():
    count = 7
    points = np.arange(3.0 * count, dtype=np.float32).reshape(-1, 3)
    index = np.array([0, 1, 15, 16, 17, 33, 47])
    times = np.linspace(0.0, 0.09, count, dtype=np.float32)
    sweep = CloudSample(5 * SECOND, "lidar", points, times, 100.0 * times, index)
    message = sweep_message(sweep, 16, make)
    read = cloud_sample(message)
    np.testing.assert_array_equal(read.points, points)
    np.testing.assert_array_equal(read.times, times)
    np.testing.assert_array_equal(read.intensity, 100.0 * times)
    rings = np.frombuffer(message.data, np.uint8).reshape(count, -1)[:, 16:18].copy()
    assert rings.view(np.uint16).ravel().tolist() == [0, 1, 15, 0, 1, 1, 15]


@pytest.mark.parametrize("right", [None, np.full((4, 6), 9, np.uint8)])
def test_images_are_those_of_the_sides_that_a_frame_has(right):
    left = np.arange(24, dtype=np.uint8).reshape(4, 6)
    built = images(Frame(SECOND, left, right), make)
    assert set(built) == ({"left"} if right is None else {"left", "right"})
    assert built["left"].header.frame_id == "left_camera"
    assert bytes(built["left"].data) == left.tobytes()


def test_a_goal_is_a_pose_on_the_floor():
    message = goal_message(SECOND, np.array([1.0, -2.0, 0.5]), make)
    T = transform_of(message.pose.position, message.pose.orientation)
    np.testing.assert_allclose(T, rigid(exp_so3(np.array([0, 0, 0.5])), [1.0, -2.0, 0.0]))
    assert yaw_of(T) == pytest.approx(0.5) and message.header.frame_id == "odom"


def test_a_record_is_read_as_it_was_told():
    record = {"state": "driving", "seconds": 1.5, "goals": [{"place": [1, 2]}], "nearest": None}
    assert read_record(record_message(record, make)) == record
