"""What a simulated robot senses and what is true of its world, as messages.

Works on anything with the fields of ``sim.simulation``'s readings and truth; ``make`` is that of
``ros.convert``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.ros.clouds import cloud_message
from equi_nodes.ros.convert import SECOND_NS, Make, header
from equi_nodes.ros.odometry import picture, pose
from equi_nodes.samples import CloudSample, Frame, WheelSample

ODOM, BASE, IMU, LIDAR = "odom", "base_link", "imu_link", "lidar"
WHEELS = "wheel_odom"
SIDES = ("left", "right")
SPEED_SPREAD, RATE_SPREAD, SIDE_SPREAD = 0.02, 0.02, 0.01  # m/s, rad/s, m/s of the wheels


def camera_frame(side: str) -> str:
    """Return the frame of the left or right camera, its z ahead and its x to the right."""
    return f"{side}_camera"


def mounts(
    cameras: Sequence[Camera], T_base_imu: np.ndarray, T_base_lidar: np.ndarray
) -> list[tuple[str, str, np.ndarray]]:
    """Return where the sensors sit: (parent, child, T_parent_child) for ``odometry.transforms``."""
    lenses = [(IMU, camera_frame(side), camera.T_b_c) for side, camera in zip(SIDES, cameras)]
    return [(BASE, IMU, T_base_imu), (BASE, LIDAR, T_base_lidar), *lenses]


def images(frame: Frame, make: Make) -> dict[str, Any]:
    """Return the ``Image`` of each side that a frame has."""
    return {
        side: picture(frame.stamp_ns, camera_frame(side), pixels, make)
        for side, pixels in zip(SIDES, (frame.left, frame.right))
        if pixels is not None
    }


def sweep_message(sweep: CloudSample, rings: int, make: Make) -> Any:
    """Return the ``PointCloud2`` of a sweep: x, y, z, intensity, ring and time in seconds.

    Args:
        sweep: whose ``index`` counts the rays, ring by ring at each turn of the mirror.
        rings: how many the LiDAR has.
        make: builds messages.
    """
    extra = {
        "intensity": sweep.intensity,
        "ring": (sweep.index % rings).astype(np.uint16),
        "time": sweep.times,
    }
    return cloud_message(sweep.stamp_ns, sweep.frame_id, sweep.points, make, **extra)


class WheelReckoning:
    """The pose that the wheels alone lead to, and the messages that say it."""

    def __init__(self) -> None:
        """Start in the origin of ``wheel_odom``."""
        self._pose = np.zeros(3)
        self._last_ns = 0

    def message(self, sample: WheelSample, make: Make) -> Any:
        """Return the ``nav_msgs/Odometry`` of the next sample; its twist is what was measured."""
        seconds = (sample.stamp_ns - self._last_ns) / SECOND_NS if self._last_ns else 0.0
        turn = sample.yaw_rate * seconds
        heading = self._pose[2] + 0.5 * turn
        way = sample.speed * seconds * np.array([np.cos(heading), np.sin(heading)])
        self._pose, self._last_ns = self._pose + [*way, turn], sample.stamp_ns
        T = rigid(exp_so3([0.0, 0.0, self._pose[2]]), [*self._pose[:2], 0.0])
        speeds = np.array([sample.speed, 0.0, 0.0, 0.0, 0.0, sample.yaw_rate])
        spread = np.array([SPEED_SPREAD, SIDE_SPREAD, 0.01, 1.0, 1.0, RATE_SPREAD])
        return odometry_message(sample.stamp_ns, WHEELS, T, speeds, np.diag(spread**2), make)


def odometry_message(
    stamp: int, frame: str, T: np.ndarray, speeds: np.ndarray, covariance: np.ndarray, make: Make
) -> Any:
    """Build a ``nav_msgs/Odometry`` of the base.

    Args:
        stamp: nanoseconds.
        frame: that the pose ``T`` (4, 4) is in.
        T: pose of the base.
        speeds: (6,) linear in m/s and angular in rad/s, in the base's axes.
        covariance: (6, 6) of the speeds; that of the pose is left zero.
        make: builds messages.
    """
    (x, y, z), (p, q, r) = speeds[:3].tolist(), speeds[3:].tolist()
    twist = make(
        "geometry_msgs/msg/Twist",
        linear=make("geometry_msgs/msg/Vector3", x=x, y=y, z=z),
        angular=make("geometry_msgs/msg/Vector3", x=p, y=q, z=r),
    )
    measured = make(
        "geometry_msgs/msg/TwistWithCovariance", twist=twist, covariance=covariance.ravel()
    )
    place = make(
        "geometry_msgs/msg/PoseWithCovariance", pose=pose(T, make), covariance=np.zeros(36)
    )
    return make(
        "nav_msgs/msg/Odometry",
        header=header(stamp, frame, make),
        child_frame_id=BASE,
        pose=place,
        twist=measured,
    )


def true_odometry(truth: Any, make: Make) -> Any:
    """Return where the robot truly is, as ``nav_msgs/Odometry`` in ``odom``."""
    speeds = np.concatenate([truth.T_w_b[:3, :3].T @ truth.velocity, np.zeros(3)])
    return odometry_message(truth.stamp_ns, ODOM, truth.T_w_b, speeds, np.zeros((6, 6)), make)


def goal_message(stamp: int, goal: np.ndarray, make: Make) -> Any:
    """Return the ``PoseStamped`` of a goal (3,): x, y in metres and yaw in rad in ``odom``."""
    T = rigid(exp_so3([0.0, 0.0, goal[2]]), [*goal[:2], 0.0])
    head = header(stamp, ODOM, make)
    return make("geometry_msgs/msg/PoseStamped", header=head, pose=pose(T, make))


def record_message(record: dict[str, Any], make: Make) -> Any:
    """Return a ``DiagnosticStatus`` that tells how a run stands; each value is JSON."""
    values = [
        make("diagnostic_msgs/msg/KeyValue", key=key, value=json.dumps(value))
        for key, value in record.items()
    ]
    return make(
        "diagnostic_msgs/msg/DiagnosticStatus",
        level=b"\x00", name="run", message=record["state"], hardware_id="sim", values=values,
    )  # fmt: skip


def read_record(msg: Any) -> dict[str, Any]:
    """Return what ``record_message`` was given."""
    return {item.key: json.loads(item.value) for item in msg.values}
