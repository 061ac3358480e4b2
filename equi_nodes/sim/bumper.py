"""What the bare points of a LiDAR allow a robot to do, whatever odometry and map say.

Safety scanners of vehicles do the same in hardware: whatever stands in the way that braking takes
makes the vehicle brake.
"""

from __future__ import annotations

import numpy as np

from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.geometry.pose_trail import SECOND_NS
from equi_nodes.geometry.rotations import transform
from equi_nodes.samples import CloudSample, VelocityCommand
from equi_nodes.sim.path_ahead import SPACING, arc

FLOOR, TOP = 0.1, 0.8  # m above the floor between which the robot can run into something
GRAZE = 0.05  # m of the robot's side that noise of the points may reach into
FEWEST = 3  # points that make an obstacle
FARTHEST = 2.5  # m from the robot's middle that points are kept


class Near:
    """The points of one sweep around the robot.

    Args:
        cloud: the sweep.
        T_base_sensor: (4, 4) of the robot's base, which is on the floor, and the sensor.
        own: m around the middle of the base where all points are the robot's own.
    """

    def __init__(self, cloud: CloudSample, T_base_sensor: np.ndarray, own: float) -> None:
        points = transform(T_base_sensor, cloud.points.astype(np.float64))
        away = np.hypot(points[:, 0], points[:, 1])
        is_near = (away > own) & (away < FARTHEST)
        is_near &= (points[:, 2] > FLOOR) & (points[:, 2] < TOP)
        if cloud.is_return is not None:
            is_near &= cloud.is_return
        self._places, self._stamp_ns = points[is_near, :2], cloud.stamp_ns
        self._times = np.zeros(len(self._places)) if cloud.times is None else cloud.times[is_near]

    def at(self, now_ns: int, motion: VelocityCommand) -> np.ndarray:
        """Return the points (N, 2) in the axes of a base that has moved since as it was told."""
        age = (now_ns - self._stamp_ns) / SECOND_NS - self._times
        moved = self._places - np.outer(age * motion.speed, (1.0, 0.0))
        turn = age * motion.yaw_rate
        cos, sin = np.cos(turn), np.sin(turn)
        x, y = moved.T
        return np.stack([cos * x + sin * y, cos * y - sin * x], 1)


def safe_speed(
    points: np.ndarray, curvature: float, config: PathFollowerConfig, *, backwards: bool = False
) -> float:
    """Return the speed from which the robot can stop before it touches what is ahead, m/s.

    What is beside the robot and gets no nearer does not count.

    Args:
        points: (N, 2) of obstacles in the axes of the base, metres.
        curvature: of the way it takes, 1/m.
        config: size, reaction time and deceleration of the robot.
        backwards: it backs off.
    """
    brake, delay = config.acceleration, config.reaction_time
    margin = 2 * SPACING + GRAZE
    reach = config.speed * delay + config.speed**2 / (2 * brake) + margin
    gone = np.arange(0.0, reach + SPACING, SPACING)
    way = arc(np.zeros(3), curvature, -gone if backwards else gone)
    away = np.linalg.norm(points - way[:, None], axis=2)
    is_hit = (away < config.robot_radius - GRAZE) & (away < away[0] - GRAZE)
    blocks = is_hit.sum(1) >= FEWEST
    if not blocks.any():
        return np.inf
    room = max(gone[blocks.argmax()] - margin, 0.0)
    return float(brake * (np.sqrt(delay**2 + 2 * room / brake) - delay))
