"""What sensors publish, read: IMU samples, static transforms. Any class of message will do."""

from __future__ import annotations

from typing import Any

import numpy as np

from equi_nodes.geometry.rotations import inverse, rigid, rotation
from equi_nodes.ros.convert import stamp_ns


def imu_sample(msg: Any) -> tuple[int, np.ndarray, np.ndarray]:
    """Return stamp, angular velocity (3,) rad/s and specific force (3,) m/s^2 of an ``Imu``."""
    rate, force = msg.angular_velocity, msg.linear_acceleration
    gyro = np.array((rate.x, rate.y, rate.z))
    return stamp_ns(msg.header.stamp), gyro, np.array((force.x, force.y, force.z))


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


class StaticTransforms:
    """The fixed part of the tree of frames."""

    def __init__(self) -> None:
        self._parents: dict[str, tuple[str, np.ndarray]] = {}

    def add(self, msg: Any) -> None:
        """Take a ``tf2_msgs/TFMessage``."""
        for item in msg.transforms:
            t, q = item.transform.translation, item.transform.rotation
            T_parent_child = rigid(rotation(np.array((q.x, q.y, q.z, q.w))), (t.x, t.y, t.z))
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
