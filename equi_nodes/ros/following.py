"""Paths of messages as a follower takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from equi_nodes.ros.planning import flat
from equi_nodes.ros.sensors import transform_of


def path_poses(msg: Any) -> np.ndarray:
    """Return the poses (P, 3) of a ``nav_msgs/Path``: x, y in metres and yaw in rad."""
    poses = [flat(transform_of(p.pose.position, p.pose.orientation)) for p in msg.poses]
    return np.array(poses, np.float64).reshape(-1, 3)


def path_problem(msg: Any) -> str:
    """Return why a ``nav_msgs/Path`` cannot be followed, empty if it can."""
    with np.errstate(invalid="ignore", divide="ignore"):
        is_sound = np.isfinite(path_poses(msg)).all()
    return "" if is_sound else "a pose of it is not a finite number, or has no orientation"
