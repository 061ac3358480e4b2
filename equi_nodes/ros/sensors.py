"""What sensors publish, read: IMU samples, static transforms. Any class of message will do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from equi_nodes.geometry.rotations import inverse, rigid, rotation
from equi_nodes.ros.convert import Make, header, stamp_ns
from equi_nodes.samples import WheelSample

ImuReading = tuple[int, np.ndarray, np.ndarray]
IMU_FRAME = "imu"
SIDEWAYS = 0.05  # m/s, more than that no robot on two driven wheels says
NO_ROTATION = {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}


def imu_sample(msg: Any) -> ImuReading:
    """Return stamp, angular velocity (3,) rad/s and specific force (3,) m/s^2 of an ``Imu``."""
    return stamp_ns(msg.header.stamp), xyz(msg.angular_velocity), xyz(msg.linear_acceleration)


def imu_message(reading: ImuReading, frame: str, make: Make) -> Any:
    """Build an ``Imu`` that gives no orientation; the inverse of ``imu_sample``."""
    stamp, gyro, accel = reading
    x, y, z = gyro.tolist()
    rate = make("geometry_msgs/msg/Vector3", x=x, y=y, z=z)
    x, y, z = accel.tolist()
    return make(
        "sensor_msgs/msg/Imu",
        header=header(stamp, frame, make),
        orientation=make("geometry_msgs/msg/Quaternion", **NO_ROTATION),
        orientation_covariance=np.array([-1.0, *np.zeros(8)]),
        angular_velocity=rate,
        angular_velocity_covariance=np.zeros(9),
        linear_acceleration=make("geometry_msgs/msg/Vector3", x=x, y=y, z=z),
        linear_acceleration_covariance=np.zeros(9),
    )


def imu_problem(msg: Any) -> str:
    """Return why an ``Imu`` cannot be used, empty if it can."""
    fields = {
        "angular_velocity": msg.angular_velocity,
        "linear_acceleration": msg.linear_acceleration,
    }
    for name, vector in fields.items():
        total = vector.x + vector.y + vector.z
        if total - total != 0.0:  # NaN or infinite, at the rate of the IMU
            return f"{name} is not a finite number"
    if msg.angular_velocity_covariance[0] == -1 or msg.linear_acceleration_covariance[0] == -1:
        return "its covariance says that gyro or accelerometer are not provided"
    return ""


def wheel_sample(msg: Any) -> WheelSample:
    """Return what the twist of a ``nav_msgs/Odometry`` says of the wheels."""
    twist = msg.twist.twist
    return WheelSample(stamp_ns(msg.header.stamp), twist.linear.x, twist.angular.z)


def wheel_problem(frame: str) -> Callable[[Any], str]:
    """Return what says why an ``Odometry`` of the wheels in a frame cannot be used."""

    def problem(msg: Any) -> str:
        twist = msg.twist.twist
        if msg.child_frame_id != frame:
            return f"child_frame_id is '{msg.child_frame_id}', expected '{frame}'"
        if not np.isfinite([twist.linear.x, twist.linear.y, twist.angular.z]).all():
            return "its twist is not a finite number"
        if abs(twist.linear.y) > SIDEWAYS:
            return f"it moves sideways at {twist.linear.y:.2f} m/s, which its wheels must not do"
        return ""

    return problem


def transform_of(position: Any, orientation: Any) -> np.ndarray:
    """Return the transform (4, 4) of a point or vector and a ``Quaternion``."""
    q = np.array((orientation.x, orientation.y, orientation.z, orientation.w))
    return rigid(rotation(q), xyz(position))


def xyz(vector: Any) -> np.ndarray:
    """Return the (3,) numbers of a ``Vector3`` or ``Point``."""
    return np.array((vector.x, vector.y, vector.z))


class StaticTransforms:
    """The fixed part of the tree of frames."""

    def __init__(self) -> None:
        self._parents: dict[str, tuple[str, np.ndarray]] = {}

    def add(self, msg: Any) -> None:
        """Take a ``tf2_msgs/TFMessage``."""
        for item in msg.transforms:
            T_parent_child = transform_of(item.transform.translation, item.transform.rotation)
            self._parents[item.child_frame_id] = (item.header.frame_id, T_parent_child)

    def find(self, target: str, source: str) -> np.ndarray | None:
        """Return T_target_source (4, 4), None where no chain of transforms joins them."""
        if target == source:
            return np.eye(4)
        up, down = self._to_root(target), self._to_root(source)
        common = next((frame for frame in down if frame in up), None)
        return None if common is None else inverse(up[common]) @ down[common]

    def _to_root(self, frame: str) -> dict[str, np.ndarray]:
        """Return T_ancestor_frame of a frame and all above it, nearest first."""
        chain, T = {frame: np.eye(4)}, np.eye(4)
        while frame in self._parents and self._parents[frame][0] not in chain:
            frame, T_parent_child = self._parents[frame]
            T = T_parent_child @ T
            chain[frame] = T
        return chain
