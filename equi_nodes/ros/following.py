"""Paths of messages as a follower takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

UNIT_TOLERANCE = 1e-2  # of a quaternion's length: people type them with two digits


def path_poses(msg: Any) -> np.ndarray:
    """Return the poses (P, 3) of a ``nav_msgs/Path``: x, y in metres and yaw in rad."""
    x, y, qx, qy, qz, qw = _numbers(msg).T
    yaw = np.arctan2(2 * (qw * qz + qx * qy), 1 - 2 * (qy**2 + qz**2))
    return np.stack([x, y, yaw], 1)


def path_problem(msg: Any) -> str:
    """Return why a ``nav_msgs/Path`` cannot be followed, empty if it can."""
    numbers = _numbers(msg)
    if not np.isfinite(numbers).all():
        return "a pose of it is not a finite number"
    lengths = np.linalg.norm(numbers[:, 2:], axis=1)
    is_unit = np.abs(lengths - 1.0) < UNIT_TOLERANCE
    return "" if is_unit.all() else "a pose of it has no orientation: its length must be 1"


def _numbers(msg: Any) -> np.ndarray:
    """Return x, y and the quaternion of each pose (P, 6) of a path."""
    poses = ((item.pose.position, item.pose.orientation) for item in msg.poses)
    rows = [(at.x, at.y, q.x, q.y, q.z, q.w) for at, q in poses]
    return np.array(rows, np.float64).reshape(-1, 6)
