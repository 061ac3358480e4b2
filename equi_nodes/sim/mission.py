"""A robot is sent to one goal after another, and watched with its own eyes and with true ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equi_nodes.geometry.rotations import exp_so3, level_tie, rigid, yaw_of

ARRIVED_M = 0.35  # by the odometry: the goal counts as done, the next one is given
REACHED_M = 0.5  # truly; the odometry may be wrong by the difference


@dataclass
class GoalRecord:
    """One goal and how it went.

    Attributes:
        place: (3,) x, y in metres and yaw in rad in the world.
        sent_ns: when it was given, None before.
        arrived_ns: when the odometry said that it was reached.
        reached_ns: when it truly was.
    """

    place: np.ndarray
    sent_ns: int | None = None
    arrived_ns: int | None = None
    reached_ns: int | None = None


class Mission:
    """Gives the next goal as soon as the odometry says that the one before is reached.

    Attributes:
        goals: all of them, in their order.
        T_odom_w: (4, 4) where the world lies in the odometry's frame, by the odometry it was tied
            to last; None before.
    """

    def __init__(self, places: Sequence[np.ndarray]) -> None:
        """Begin with none sent; ``places`` (G, 3) are x, y in metres and yaw in the world."""
        self.goals = [GoalRecord(np.asarray(place, float)) for place in places]
        self.T_odom_w: np.ndarray | None = None

    @property
    def current(self) -> GoalRecord | None:
        """Return the goal that is headed for, None before the first and after the last."""
        return next((goal for goal in self.goals if goal.sent_ns and not goal.arrived_ns), None)

    @property
    def is_done(self) -> bool:
        """Return whether the odometry says that all goals are reached."""
        return all(goal.arrived_ns for goal in self.goals)

    @property
    def is_reached(self) -> bool:
        """Return whether all goals truly were reached."""
        return all(goal.reached_ns for goal in self.goals)

    def start(self, stamp_ns: int, T_w_b: np.ndarray, T_odom_b: np.ndarray) -> None:
        """Give the first goal.

        Args:
            stamp_ns: nanoseconds.
            T_w_b: (4, 4) true pose of the base.
            T_odom_b: (4, 4) the same by the odometry; only its place and yaw count.
        """
        self.tie(T_w_b, T_odom_b)
        self.goals[0].sent_ns = stamp_ns

    def tie(self, T_w_b: np.ndarray, T_odom_b: np.ndarray) -> None:
        """Take the frame of an odometry that began anew, as a robot's localisation would.

        Arguments as of ``start``.
        """
        self.T_odom_w = level_tie(T_odom_b, T_w_b)

    def step(self, stamp_ns: int, T_w_b: np.ndarray, T_odom_b: np.ndarray) -> bool:
        """Look where the robot is; return whether a new goal was given. Arguments as of ``start``.

        The odometry may be a little older than the true pose.
        """
        goal = self.current
        if goal is None:
            return False
        place, seen = goal.place[:2], (self.T_odom_w @ _pose(goal.place))[:2, 3]
        if goal.reached_ns is None and np.hypot(*(T_w_b[:2, 3] - place)) <= REACHED_M:
            goal.reached_ns = stamp_ns
        if np.hypot(*(T_odom_b[:2, 3] - seen)) > ARRIVED_M:
            return False
        goal.arrived_ns = stamp_ns
        waiting = [later for later in self.goals if later.sent_ns is None]
        if waiting:
            waiting[0].sent_ns = stamp_ns
        return bool(waiting)

    def in_odom(self, goal: GoalRecord) -> np.ndarray:
        """Return (3,) x, y in metres and yaw in rad of a goal in the odometry's frame."""
        T = self.T_odom_w @ _pose(goal.place)
        return np.array([*T[:2, 3], yaw_of(T)])


def _pose(place: np.ndarray) -> np.ndarray:
    """Return the (4, 4) pose of x, y and yaw on the floor."""
    x, y, yaw = place
    return rigid(exp_so3(np.array([0.0, 0.0, yaw])), np.array([x, y, 0.0]))
