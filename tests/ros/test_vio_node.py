"""Promise of the odometry node: it answers images, names every bad input, and lives on."""

from __future__ import annotations

import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from nav_msgs.msg import Odometry, Path
from sensor_msgs.msg import Image
from tf2_msgs.msg import TFMessage
from vio_driver import FRAME, SECOND, TICK, WIDTH, Driver, camera

from equi_nodes.datasets.calibration import Calibration, write_kalibr
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.ros.gate import is_covariance

NODE = [sys.executable, "-m", "equi_nodes.nodes.vio"]


@pytest.fixture(scope="module")
def heard():
    return SimpleNamespace(odometry=[], paths=[], tf=[])


@pytest.fixture(scope="module")
def driver(shared_start, shared_peer_of, heard):
    shared_start(
        NODE, imu_frame="imu", base_frame="base_link", publish_tf=True, log_period=0.0,
        max_age=10.0, retry_period=0.2,
    )  # fmt: skip
    peer = shared_peer_of("vio")
    peer.create_subscription(Odometry, "vio/output/odometry", heard.odometry.append, 10)
    peer.create_subscription(TFMessage, "/tf", heard.tf.append, 10)
    peer.until_says("pipeline", "no message on input/left/camera_info", level=2)
    driver = Driver(peer)
    driver.until_active()
    return driver


@pytest.fixture(autouse=True)
def answers_before_and_after(driver, heard):
    """See the node answer before and after each fault."""
    driver.until_answer(heard)
    yield
    driver.until_answer(heard)
    for message in heard.odometry:
        for part in (message.pose, message.twist):
            assert np.isfinite(part.covariance).all()


def test_odometry_is_complete(driver, heard):
    message = heard.odometry[-1]
    assert (message.header.frame_id, message.child_frame_id) == ("odom", "base_link")
    for part in (message.pose, message.twist):
        covariance = np.array(part.covariance).reshape(6, 6)
        assert is_covariance(covariance)
        assert np.diag(covariance).min() > 0.0
    assert (stamp_ns(message.header.stamp) - driver.now) % FRAME == 0


def test_the_transform_is_that_of_the_odometry(driver, heard):
    by_stamp = {stamp_ns(m.header.stamp): m for m in heard.odometry}
    item = heard.tf[-1].transforms[0]
    assert (item.header.frame_id, item.child_frame_id) == ("odom", "base_link")
    pose = by_stamp[stamp_ns(item.header.stamp)].pose.pose
    assert item.transform.translation.y == pose.position.y


def test_the_path_is_drawn_for_those_who_look(driver, heard):
    peer = driver.peer
    viewer = peer.create_subscription(Path, "vio/output/path", heard.paths.append, 10)
    driver.until(lambda: heard.paths and len(heard.paths[-1].poses) > 2, "a path")
    assert all(pose.header.frame_id == "odom" for pose in heard.paths[-1].poses)
    peer.destroy_subscription(viewer)


def test_tracks_are_drawn_for_those_who_look(driver):
    drawn = []
    viewer = driver.peer.create_subscription(Image, "vio/output/tracks", drawn.append, 10)
    driver.until(lambda: drawn, "a picture")
    assert (drawn[-1].encoding, drawn[-1].width) == ("bgr8", WIDTH)
    driver.peer.destroy_subscription(viewer)


def test_a_missing_right_image_is_survived_and_named(driver, heard):
    count, alone = len(heard.odometry), int(driver.peer.value("odometry", "alone") or 0)
    driver.until(lambda: len(heard.odometry) > count + 5, "mono odometry", sides=("left",))
    driver.peer.until(lambda: int(driver.peer.value("odometry", "alone") or 0) > alone, "counted")


def wrong_encoding(image):
    image.encoding = "yuv422_yuy2"
    return image


def wrong_size(image):
    image.height, image.data = 10, image.data[: 10 * image.step]
    return image


def cut_off(image):
    image.data = image.data[:100]
    return image


def without_stamp(image):
    image.header.stamp.sec = image.header.stamp.nanosec = 0
    return image


def other_frame(image):
    image.header.frame_id = "somewhere"
    return image


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (wrong_encoding, "encoding 'yuv422_yuy2' is not one of"),
        (cut_off, "bytes are less than"),
        (without_stamp, "stamp is zero"),
        (other_frame, "frame_id is 'somewhere', expected 'left_camera'"),
    ],
)
def test_a_bad_image_is_named(driver, edit, sentence):
    driver.peer.heard = len(driver.peer.diagnostics)
    driver.step(edit=edit)
    driver.peer.until_says("input left/image", sentence, again=lambda: driver.step(edit=edit))


def test_an_image_of_another_size_is_named(driver):
    driver.peer.heard = len(driver.peer.diagnostics)
    driver.step(edit=wrong_size)
    driver.peer.until_says(
        "pipeline", "the calibration is for 320 x 240", again=lambda: driver.step(edit=wrong_size)
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"turn": float("nan")}, "angular_velocity is not a finite number"),
        ({"accel": [0.0, float("inf"), 0.0]}, "linear_acceleration is not a finite number"),
    ],
)
def test_a_broken_imu_sample_is_named(driver, changes, sentence):
    def send():
        driver.now += TICK
        driver.imu.publish(driver.sample(driver.now, **changes))

    driver.peer.heard = len(driver.peer.diagnostics)
    send()
    driver.peer.until_says("input imu", sentence, again=send)


def test_a_loop_of_the_recording_restarts_it(driver):
    peer = driver.peer
    restarts = int(peer.value("state", "restarts"))
    driver.now -= 5 * SECOND
    driver.until(lambda: int(peer.value("state", "restarts")) > restarts, "a restart")
    driver.now = peer.now_ns()


def test_no_sample_of_the_imu_is_lost_at_its_rate(driver):
    peer = driver.peer
    before = int(peer.value("input imu", "received"))
    sent = driver.sent
    for _ in range(30):
        driver.step()
    sent = driver.sent - sent
    peer.until(lambda: int(peer.value("input imu", "received")) - before >= 0.99 * sent, "all came")


def test_a_signal_ends_it_cleanly(start, peer_of):
    node = start(NODE, "-r", "__node:=other", imu_frame="imu", retry_period=0.2)
    other = peer_of("other")
    other.until_says("pipeline", "The calibration is not complete", level=2)
    code, seconds = node.end(signal.SIGTERM)
    assert (code, seconds < 3.0) == (0, True)
    assert "Traceback" not in node.text


def test_a_calibration_that_cannot_be_read_is_named(start, peer_of, tmp_path):
    start(NODE, "-r", "__node:=other", calibration=tmp_path / "none.yaml", retry_period=0.2)
    peer_of("other").until_says("pipeline", "Cannot read the calibration", level=2)


def test_stereo_with_the_calibration_of_one_camera_is_named(start, peer_of, tmp_path):
    path = tmp_path / "one.yaml"
    write_kalibr(path, Calibration((camera(0),)))
    start(NODE, "-r", "__node:=other", calibration=path, retry_period=0.2)
    peer_of("other").until_says("pipeline", "has one camera: set stereo to false", level=2)
