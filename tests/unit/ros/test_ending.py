"""A signal that ends the context in mid-publication is no failure; all else is one."""

from __future__ import annotations

import pytest

rclpy = pytest.importorskip("rclpy", reason="ROS is not installed")
from rclpy.impl.implementation_singleton import rclpy_implementation  # noqa: E402

from equi_nodes.ros.ending import unless_ended  # noqa: E402


def test_what_fails_at_the_end_passes_and_before_it_does_not():
    context = rclpy.Context()
    context.init(domain_id=99)
    with pytest.raises(rclpy_implementation.RCLError), unless_ended(context):
        raise rclpy_implementation.RCLError("the publisher is invalid")
    context.try_shutdown()
    with unless_ended(context):
        raise rclpy_implementation.RCLError("the publisher's context is invalid")
    with pytest.raises(ValueError), unless_ended(context):
        raise ValueError
