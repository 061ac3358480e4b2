"""Velocity commands to a simulated robot: the newest counts, and not for long."""

from __future__ import annotations

import threading

from geometry_msgs.msg import Twist

from equi_nodes.ros.convert import SECOND_NS
from equi_nodes.samples import VelocityCommand


class Commands:
    """Takes commands in one thread and gives the newest to another.

    Attributes:
        received: messages so far.
    """

    def __init__(self, timeout_s: float) -> None:
        """Stand still; a command counts for ``timeout_s`` seconds of the simulated clock."""
        self.received = 0
        self._timeout_ns = round(timeout_s * SECOND_NS)
        self._newest, self._came_ns, self._now_ns = VelocityCommand(), 0, 0
        self._lock = threading.Lock()

    def take(self, msg: Twist) -> None:
        """Take a message; one that is not finite stops the robot."""
        speed, yaw_rate = msg.linear.x, msg.angular.z
        is_sound = speed - speed == 0.0 and yaw_rate - yaw_rate == 0.0
        with self._lock:
            self._newest = VelocityCommand(speed, yaw_rate) if is_sound else VelocityCommand()
            self._came_ns = self._now_ns
            self.received += 1

    def current(self, now_ns: int) -> VelocityCommand:
        """Return what the robot shall do from a time of the simulated clock on."""
        with self._lock:
            self._now_ns = now_ns
            is_fresh = now_ns - self._came_ns <= self._timeout_ns
            return self._newest if is_fresh else VelocityCommand()
