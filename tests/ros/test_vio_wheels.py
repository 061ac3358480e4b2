"""Promises of the odometry node with wheels: it goes on in the dark, and names bad messages."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from nav_msgs.msg import Odometry
from vio_driver import SECOND, Driver, camera

from equi_nodes.datasets.calibration import Calibration, write_kalibr
from equi_nodes.geometry.rotations import rigid
from equi_nodes.ros import qos
from equi_nodes.ros.convert import header
from equi_nodes.ros.messages import make

NODE = [sys.executable, "-m", "equi_nodes.nodes.vio"]
QUARTER = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])  # the base looks along y
T_B_BASE = rigid(QUARTER, np.zeros(3))
DARK_FRAMES = 70  # longer than the odometry lasts without pictures or wheels


class WheelDriver(Driver):
    """A body that swings along its base's x, with wheels that say so."""

    def __init__(self, peer):
        """Publish to the node of a peer."""
        super().__init__(peer, T_B_BASE)
        self.wheels = peer.create_publisher(Odometry, "vio/input/wheel_odometry", qos.SENSOR)

    def turn(self, **changes):
        """Publish what the wheels say now."""
        nearby = [self.place(self.now + side * SECOND // 1000) for side in (1, -1)]
        message = Odometry(header=header(self.now, "wheel_odom", make))
        message.child_frame_id = changes.get("child", "base_link")
        message.twist.twist.linear.x = changes.get("x", 500.0 * (nearby[0] - nearby[1]))
        message.twist.twist.linear.y = changes.get("y", 0.0)
        self.wheels.publish(message)

    def step(self, *args, **kwargs):
        """Publish one frame's time, then the wheels."""
        super().step(*args, **kwargs)
        self.turn()


@pytest.fixture(scope="module")
def heard():
    return SimpleNamespace(odometry=[])


@pytest.fixture(scope="module")
def driver(shared_start, shared_peer_of, heard):
    shared_start(
        NODE, imu_frame="imu", base_frame="base_link", wheels=True, log_period=0.0,
        max_age=10.0, retry_period=0.2,
    )  # fmt: skip
    peer = shared_peer_of("vio")
    peer.create_subscription(Odometry, "vio/output/odometry", heard.odometry.append, 10)
    driver = WheelDriver(peer)
    driver.until_active()
    driver.until_answer(heard)
    return driver


def test_the_wheels_are_used(driver):
    peer = driver.peer
    driver.until(lambda: float(peer.value("odometry", "wheels_agreed") or 0) > 0, "agreement")
    assert abs(float(peer.value("odometry", "wheel_scale")) - 1.0) < 0.05


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"child": "rear"}, "child_frame_id is 'rear', expected 'base_link'"),
        ({"x": float("nan")}, "its twist is not a finite number"),
        ({"y": 0.3}, "it moves sideways at 0.30 m/s"),
    ],
)
def test_a_bad_message_is_named(driver, heard, changes, sentence):
    def send():
        driver.step()
        driver.now += 1_000_000
        driver.turn(**changes)

    driver.peer.heard = len(driver.peer.diagnostics)
    driver.peer.until_says("input wheel_odometry", sentence, again=send)
    driver.until_answer(heard)


def test_black_pictures_degrade_it_and_it_goes_on(driver, heard):
    def black(image):
        image.data = bytes(len(image.data))
        return image

    for _ in range(DARK_FRAMES):
        driver.step(edit=black)
    count = len(heard.odometry)
    driver.until(lambda: len(heard.odometry) > count + 3, "odometry in the dark", edit=black)
    driver.peer.until_says(
        "odometry", "wheels and IMU alone", again=lambda: driver.step(edit=black)
    )
    assert driver.peer.value("odometry", "status") == "degraded"


def test_wheels_without_a_frame_are_named(start, peer_of, tmp_path):
    path = tmp_path / "both.yaml"
    write_kalibr(path, Calibration((camera(0), camera(1))))
    options = {"calibration": path, "imu_frame": "imu", "wheels": True, "retry_period": 0.2}
    start(NODE, "-r", "__node:=other", **options)
    peer_of("other").until_says("pipeline", "base_frame (or wheel_frame) must be set", level=2)
