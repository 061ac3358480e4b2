"""Promise of the odometry node: it answers images, names every bad input, and lives on.

The pictures are rendered: a textured wall that the camera slides along, with the IMU to match.
"""

from __future__ import annotations

import signal
import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from nav_msgs.msg import Odometry, Path
from sensor_msgs.msg import CameraInfo, Image, Imu
from tf2_msgs.msg import TFMessage

from equi_nodes.cli.odometry_recording import camera_info
from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import rigid
from equi_nodes.ros import qos
from equi_nodes.ros.convert import header, stamp_ns
from equi_nodes.ros.gate import is_covariance
from equi_nodes.ros.messages import make
from equi_nodes.ros.odometry import picture, transforms

SECOND = 1_000_000_000
TICK, FRAME = 10_000_000, 100_000_000  # ns between two samples and between two frames
WIDTH, HEIGHT, FOCAL, BASELINE, DEPTH = 320, 240, 200.0, 0.1, 2.0
R_B_C = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # looks along x
SWING, RATE = 0.3, 2.0  # m and rad/s of the motion along y
NODE = [sys.executable, "-m", "equi_nodes.nodes.vio"]
LIMIT_S = 60.0


def camera(side):
    T_b_c = rigid(R_B_C, np.array([0.0, -BASELINE * side, 0.0]))
    intrinsics = (FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2)
    return Camera("pinhole", WIDTH, HEIGHT, intrinsics, (), T_b_c)


@pytest.fixture(scope="module")
def wall():
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT + 40, 3 * WIDTH), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)


class Driver:
    """Publishes what the sensors of a body that swings sideways would."""

    def __init__(self, peer, wall, offset_ns=None):
        self.peer, self.wall = peer, wall
        self.now = peer.now_ns() if offset_ns is None else offset_ns
        self.imu = peer.create_publisher(Imu, "vio/input/imu", qos.RESULT)
        sides = ("left", "right")
        self.images = {s: peer.create_publisher(Image, f"vio/input/{s}/image", 10) for s in sides}
        self.infos = {
            s: peer.create_publisher(CameraInfo, f"vio/input/{s}/camera_info", 10) for s in sides
        }
        self.tf = peer.create_publisher(TFMessage, "/tf_static", qos.STATIC_TRANSFORMS)
        self.sent = 0

    def send_calibration(self):
        for number, (side, publisher) in enumerate(self.infos.items()):
            publisher.publish(camera_info(camera(number), self.now, f"{side}_camera", make))
        mounts = [("imu", f"{s}_camera", camera(n).T_b_c) for n, s in enumerate(self.infos)]
        mounts.append(("imu", "base_link", np.eye(4)))
        self.tf.publish(transforms(self.now, mounts, make))

    def place(self, stamp):
        return SWING * np.sin(RATE * stamp / SECOND)

    def view(self, side, stamp):
        shift = FOCAL / DEPTH * (self.place(stamp) - BASELINE * side)
        grid = np.float32([[1, 0, WIDTH - shift], [0, 1, 20]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self.wall, grid, (WIDTH, HEIGHT), flags=flags)

    def sample(self, stamp, **changes):
        force = [0.0, -SWING * RATE**2 * np.sin(RATE * stamp / SECOND), 9.80665]
        message = Imu(header=header(stamp, "imu", make))
        for name, value in zip("xyz", changes.get("accel", force)):
            setattr(message.linear_acceleration, name, float(value))
        message.angular_velocity.x = changes.get("turn", 0.0)
        return message

    def step(self, sides=("left", "right"), edit=lambda image: image):
        """Publish the samples and images of one frame's time, in real time."""
        for _ in range(FRAME // TICK):
            self.now += TICK
            self.imu.publish(self.sample(self.now))
            self.sent += 1
            ahead = (self.now - self.peer.now_ns()) / SECOND
            self.peer.spin(max(ahead, TICK / SECOND / 2))
        for number, side in enumerate(("left", "right")):
            if side in sides:
                pixels = self.view(number, self.now)
                self.images[side].publish(edit(picture(self.now, f"{side}_camera", pixels, make)))

    def until(self, condition, what, **kwargs):
        """Step until a condition holds."""
        for _ in range(round(LIMIT_S / 0.1)):
            if condition():
                return
            self.step(**kwargs)
        pytest.fail(f"not in time: {what}; {self.peer.last()}")

    def until_answer(self, heard):
        """Step until odometry comes that is newer than all before."""
        count = len(heard.odometry)
        if self.peer.now_ns() - self.now > SECOND:  # a busy machine fell behind
            self.now = self.peer.now_ns()
        self.until(lambda: len(heard.odometry) > count + 2, "odometry")


@pytest.fixture(scope="module")
def heard():
    return SimpleNamespace(odometry=[], paths=[], tf=[])


@pytest.fixture(scope="module")
def driver(shared_start, shared_peer_of, wall, heard):
    shared_start(
        NODE, imu_frame="imu", base_frame="base_link", publish_tf=True, log_period=0.0,
        max_age=10.0, retry_period=0.2,
    )  # fmt: skip
    peer = shared_peer_of("vio")
    peer.create_subscription(Odometry, "vio/output/odometry", heard.odometry.append, 10)
    peer.create_subscription(TFMessage, "/tf", heard.tf.append, 10)
    driver = Driver(peer, wall)
    peer.until_says("pipeline", "no message on input/left/camera_info", level=2)

    def active():
        driver.send_calibration()
        return peer.statuses and peer.value("state", "state") == "active"

    peer.until(active, "active with the calibration", LIMIT_S)
    peer.until(lambda: driver.imu.get_subscription_count() > 0, "IMU connected")
    driver.now = peer.now_ns()
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
    count = len(heard.odometry)
    driver.until(lambda: len(heard.odometry) > count + 5, "mono odometry", sides=("left",))
    driver.peer.until(lambda: int(driver.peer.value("odometry", "alone") or 0) > 0, "counted")


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
