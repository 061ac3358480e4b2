"""A body that swings sideways before a textured wall, as its sensors tell a node of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, Imu
from tf2_msgs.msg import TFMessage

from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import rigid
from equi_nodes.ros import qos
from equi_nodes.ros.convert import header
from equi_nodes.ros.images import camera_info
from equi_nodes.ros.messages import make
from equi_nodes.ros.odometry import picture, transforms
from equi_nodes.ros.sensors import imu_message
from equi_nodes.sim.vio_world import R_B_C

SECOND = 1_000_000_000
TICK, FRAME = 10_000_000, 100_000_000  # ns between two samples and between two frames
WIDTH, HEIGHT, FOCAL, BASELINE, DEPTH = 320, 240, 200.0, 0.1, 2.0
SWING, RATE = 0.3, 2.0  # m and rad/s of the motion along y
LIMIT_S = 60.0
SAY_AGAIN = SECOND // 5  # ns between two messages of the calibration


def camera(side):
    """Return the left (0) or the right (1) camera."""
    T_b_c = rigid(R_B_C, np.array([0.0, -BASELINE * side, 0.0]))
    intrinsics = (FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2)
    return Camera("pinhole", WIDTH, HEIGHT, intrinsics, (), T_b_c)


def wall():
    """Return a picture to look at."""
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT + 40, 3 * WIDTH), np.uint8)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX)


class Driver:
    """Publishes what the sensors of a body that swings sideways would."""

    def __init__(self, peer, T_b_base=np.eye(4), *, is_compressed=False):
        """Talk to the node of a peer; the base is mounted as given."""
        self.peer, self.wall, self.T_b_base = peer, wall(), T_b_base
        self.is_compressed = is_compressed
        self.now = peer.now_ns()
        self.imu = peer.create_publisher(Imu, "vio/input/imu", qos.RESULT)
        sides = ("left", "right")
        kind = CompressedImage if is_compressed else Image
        self.images = {s: peer.create_publisher(kind, f"vio/input/{s}/image", 10) for s in sides}
        self.infos = {
            s: peer.create_publisher(CameraInfo, f"vio/input/{s}/camera_info", 10) for s in sides
        }
        self.tf = peer.create_publisher(TFMessage, "/tf_static", qos.STATIC_TRANSFORMS)
        self.sent = 0

    def send_calibration(self):
        """Publish the cameras and where everything is mounted."""
        for number, (side, publisher) in enumerate(self.infos.items()):
            publisher.publish(camera_info(camera(number), self.now, f"{side}_camera", make))
        mounts = [("imu", f"{s}_camera", camera(n).T_b_c) for n, s in enumerate(self.infos)]
        mounts.append(("imu", "base_link", self.T_b_base))
        self.tf.publish(transforms(self.now, mounts, make))

    def place(self, stamp):
        """Return how far the body is along y, metres."""
        return SWING * np.sin(RATE * stamp / SECOND)

    def view(self, side, stamp):
        """Return the picture that a camera takes at a time."""
        shift = FOCAL / DEPTH * (self.place(stamp) - BASELINE * side)
        grid = np.float32([[1, 0, WIDTH - shift], [0, 1, 20]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self.wall, grid, (WIDTH, HEIGHT), flags=flags)

    def sample(self, stamp, **changes):
        """Return what the IMU says at a time."""
        force = [0.0, -SWING * RATE**2 * np.sin(RATE * stamp / SECOND), 9.80665]
        turn, force = [changes.get("turn", 0.0), 0.0, 0.0], changes.get("accel", force)
        return imu_message((stamp, np.array(turn), np.array(force)), "imu", make)

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
                self.images[side].publish(edit(self.image(number, side)))

    def image(self, number, side):
        """Return what a camera sees now."""
        pixels, frame = self.view(number, self.now), f"{side}_camera"
        if not self.is_compressed:
            return picture(self.now, frame, pixels, make)
        data = cv2.imencode(".png", pixels)[1].tobytes()
        return CompressedImage(header=header(self.now, frame, make), format="png", data=data)

    def until_active(self):
        """Say the calibration until the node has it and takes data."""

        def is_active():
            if self.peer.now_ns() - self.now > SAY_AGAIN:
                self.now = self.peer.now_ns()
                self.send_calibration()
            return self.peer.statuses and self.peer.value("state", "state") == "active"

        self.peer.until(is_active, "active with the calibration", LIMIT_S)
        self.peer.until(lambda: self.imu.get_subscription_count() > 0, "IMU connected")
        self.now = self.peer.now_ns()

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
