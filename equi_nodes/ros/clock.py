"""The node's clock: what time it is, whether that can be trusted, and when it jumps."""

from __future__ import annotations

import time
from collections.abc import Callable

from rclpy.clock import JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.node import Node

from equi_nodes.ros.convert import SECOND_NS


class NodeClock:
    """Reads the clock of a node and reports its jumps."""

    def __init__(self, node: Node, on_jump: Callable[[str], None]) -> None:
        """Watch the clock of a node; ``on_jump`` takes a sentence for each jump."""
        self._clock = node.get_clock()
        self._on_jump = on_jump
        threshold = JumpThreshold(
            min_forward=Duration(seconds=1), min_backward=Duration(nanoseconds=-1)
        )
        self._handle = self._clock.create_jump_callback(threshold, post_callback=self._jumped)

    @property
    def is_sim_time(self) -> bool:
        """Return whether /clock drives the clock."""
        return self._clock.ros_time_is_active

    def now_ns(self) -> int:
        """Return the time of the node's clock; 0 until the first /clock message."""
        return self._clock.now().nanoseconds

    def passing_ns(self) -> int:
        """Return a time to measure ages by: that of the simulation, else one that never jumps."""
        return self.now_ns() if self.is_sim_time else steady_ns()

    def close(self) -> None:
        """Watch no longer."""
        self._handle.unregister()

    def _jumped(self, jump: TimeJump) -> None:
        self._on_jump(f"the clock jumped by {jump.delta.nanoseconds / SECOND_NS:.3f} s")


def steady_ns() -> int:
    """Return a time that never jumps, for durations on this machine."""
    return time.monotonic_ns()
