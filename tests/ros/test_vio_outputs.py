"""Promises of the odometry node's options: compressed images, IMU rate, a lever arm, a map."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from nav_msgs.msg import Odometry
from rclpy.qos import QoSProfile
from tf2_msgs.msg import TFMessage
from vio_driver import RATE, SECOND, SWING, TICK, Driver

from equi_nodes.geometry.rotations import rigid
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.ros.odometry import odometry_sample
from equi_nodes.ros.sensors import transform_of

NODE = [sys.executable, "-m", "equi_nodes.nodes.vio"]
QUARTER = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # about z
T_B_BASE = rigid(QUARTER, np.array([-0.5, 0.2, -0.3]))
DEEP = QoSProfile(depth=1000)
SETTLED = 20  # frames, until the velocity is known


@pytest.fixture(scope="module")
def heard():
    return SimpleNamespace(odometry=[], tf=[])


@pytest.fixture(scope="module")
def driver(shared_start, shared_peer_of, heard):
    """A node with all of it, after it has seen some motion."""
    shared_start(
        NODE, imu_frame="imu", base_frame="base_link", transport="compressed", rate="imu",
        slam=True, publish_tf=True, max_age=10.0, retry_period=0.2,
    )  # fmt: skip
    peer = shared_peer_of("vio")
    peer.create_subscription(Odometry, "vio/output/odometry", heard.odometry.append, DEEP)
    peer.create_subscription(TFMessage, "/tf", heard.tf.append, DEEP)
    driver = Driver(peer, T_B_BASE, is_compressed=True)
    driver.until_active()
    driver.start = driver.now
    driver.until_answer(heard)
    for _ in range(SETTLED):
        driver.step()
    return driver


def newest(driver, heard, count=50):
    """The newest odometry, after some more frames."""
    before = len(heard.odometry)
    driver.until(lambda: len(heard.odometry) >= before + count, "odometry at the IMU's rate")
    return heard.odometry[-count:]


def test_odometry_comes_at_the_rate_of_the_imu(driver, heard):
    before, sent = len(heard.odometry), driver.sent
    for _ in range(10):
        driver.step()
    expected = driver.sent - sent
    driver.peer.until(lambda: len(heard.odometry) - before > 0.8 * expected, "as many as samples")
    stamps = np.array([stamp_ns(message.header.stamp) for message in heard.odometry[before:]])
    assert (np.diff(stamps) > 0).all()
    assert np.median(np.diff(stamps)) == TICK
    assert ((stamps - driver.now) % TICK == 0).all()


def test_the_odometry_is_that_of_the_base(driver, heard):
    for message in newest(driver, heard):
        assert message.child_frame_id == "base_link"
        sample = odometry_sample(message)
        moved = driver.place(sample.stamp_ns) - driver.place(driver.start)
        expected = T_B_BASE[:3, 3] + np.array([0.0, moved, 0.0])
        assert sample.T_w_b[:3, 3] == pytest.approx(expected, abs=0.1)
        assert sample.T_w_b[:3, :3] == pytest.approx(QUARTER, abs=0.05)
        speed = SWING * RATE * np.cos(RATE * sample.stamp_ns / SECOND)
        twist = message.twist.twist.linear  # the base looks where the body's y points
        assert (twist.x, twist.y) == pytest.approx((speed, 0.0), abs=0.15)


def test_the_map_is_the_parent_of_the_odometry(driver, heard):
    newest(driver, heard)
    items = [item for message in heard.tf[-50:] for item in message.transforms]
    parents = {(item.header.frame_id, item.child_frame_id) for item in items}
    assert parents == {("map", "odom"), ("odom", "base_link")}
    for item in items:
        T = transform_of(item.transform.translation, item.transform.rotation)
        if item.header.frame_id == "map":  # nothing has drifted yet
            assert T == pytest.approx(np.eye(4), abs=0.1)
    poses = {stamp_ns(m.header.stamp): m.pose.pose.position.y for m in heard.odometry}
    base = [item for item in items if item.child_frame_id == "base_link"][-1]
    assert base.transform.translation.y == poses[stamp_ns(base.header.stamp)]


def test_a_damaged_compressed_image_is_named(driver, heard):
    def damage(image):
        image.data = b"no picture"
        return image

    def send():
        driver.step(edit=damage)

    driver.peer.heard = len(driver.peer.diagnostics)
    send()
    driver.peer.until_says("pipeline", "('png', 10 bytes) is damaged", again=send)
    newest(driver, heard)
