"""Planar scans as clouds. Any class of message will do."""

from __future__ import annotations

from typing import Any

import numpy as np

from equi_nodes.ros.convert import stamp_ns
from equi_nodes.samples import CloudSample

MOST_RAYS = 1_000_000  # a longer scan is not read at all


def scan_problem(msg: Any) -> str:
    """Return why a ``sensor_msgs/LaserScan`` cannot be used, empty if it can."""
    numbers = msg.angle_min, msg.angle_increment, msg.time_increment, msg.range_min, msg.range_max
    if not np.isfinite(numbers).all():
        return "an angle, a time or a limit of its ranges is not a finite number"
    if not 0 < len(msg.ranges) <= MOST_RAYS:
        return f"it has {len(msg.ranges)} ranges, it must be 1 to {MOST_RAYS}"
    if msg.angle_increment == 0.0 or not 0.0 <= msg.range_min < msg.range_max:
        limits = f"{msg.range_min:g} .. {msg.range_max:g} m"
        return f"its angles stand still, or its ranges of {limits} hold nothing"
    return ""


def scan_sample(msg: Any, open_range: float) -> CloudSample:
    """Read a ``sensor_msgs/LaserScan`` in which ``scan_problem`` finds nothing.

    Ranges below the least one, and those that are no number, tell nothing and are left out.

    Args:
        msg: the message; its stamp is that of the first ray.
        open_range: metres of free space that a ray says which met nothing; 0 lets it say nothing.
    """
    ranges = np.asarray(msg.ranges, np.float64)
    is_open = ranges > msg.range_max  # infinity too
    is_return = (ranges >= msg.range_min) & ~is_open
    index = np.flatnonzero(is_return | (is_open & (open_range > 0)))
    angles = msg.angle_min + msg.angle_increment * index
    lengths = np.where(is_open, open_range, ranges)[index]
    points = np.column_stack([np.cos(angles) * lengths, np.sin(angles) * lengths, 0 * lengths])
    return CloudSample(
        stamp_ns=stamp_ns(msg.header.stamp),
        frame_id=msg.header.frame_id,
        points=points.astype(np.float32),
        times=(msg.time_increment * index).astype(np.float32) if msg.time_increment else None,
        index=index,
        is_return=is_return[index],
    )
