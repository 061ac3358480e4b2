"""The main function of every node: spin until asked to end, then end with code 0."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor

from equi_nodes.errors import EquiError
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.end_with_parent import obey
from equi_nodes.ros.ending import unless_ended


def run(create: Callable[[], PipelineNode]) -> None:
    """Run one node in this process until SIGINT or SIGTERM."""
    node = None
    obey()
    try:
        with unless_ended(rclpy.get_default_context()):
            rclpy.init()
            node = _create(create)
            executor = SingleThreadedExecutor()  # its tails are the shortest: work is in the worker
            executor.add_node(node)
            if node.settings.autostart:
                node.start()
            executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # an impatient second Ctrl-C must not break the end
    if node:
        _end(node)


def _create(create: Callable[[], PipelineNode]) -> PipelineNode:
    """Create the node, or say in one sentence why it cannot start and exit with code 1."""
    try:
        return create()
    except EquiError as error:
        rclpy.logging.get_logger("equi_nodes").fatal(str(error))
        sys.exit(1)


def _end(node: PipelineNode) -> None:
    """Give everything back; exit at once if a thread is stuck in its inference."""
    node.close()
    rclpy.try_shutdown()
    if node.abandoned:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
