"""Interfaces of packages that are not everywhere; None where they do not import."""

from __future__ import annotations

try:
    from map_msgs.msg import OccupancyGridUpdate
except ImportError:  # whole maps are enough
    OccupancyGridUpdate = None

try:
    from nav2_msgs.action import ComputePathToPose
except ImportError:  # equi_msgs/ComputePlan has all that it has
    ComputePathToPose = None

__all__ = ["ComputePathToPose", "OccupancyGridUpdate"]
