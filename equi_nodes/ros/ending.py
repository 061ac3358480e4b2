"""What fails because a signal has ended the context, in mid-publication, is no failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import rclpy
from rclpy.impl.implementation_singleton import rclpy_implementation


@contextmanager
def unless_ended(context: rclpy.Context) -> Iterator[None]:
    """Let a failure of ROS pass where the context is at its end; raise it where it is not."""
    try:
        yield
    except rclpy_implementation.RCLError:
        if context.ok():
            raise
