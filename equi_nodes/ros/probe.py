"""Measures a running eqmotion node from outside, through DDS, with walking agents."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import psutil
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from equi_msgs.msg import PredictionArray, TrackArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from equi_nodes.config.graph import read_graph
from equi_nodes.errors import EquiError
from equi_nodes.ros import qos
from equi_nodes.ros.clock import steady_ns
from equi_nodes.ros.convert import SECOND_NS, stamp_ns, track_array
from equi_nodes.ros.messages import make
from equi_nodes.ros.process import NodeProcess, dds_environment, node_command
from equi_nodes.samples import TrackSample

START_S = 120.0  # the first start may have to export the network
WARM_UP_S = 5.0  # memory is compared from here on
WALK_SPEED = 1.3  # m/s
AREA = 10.0  # m, half of the side of the square where the agents start


def measure_node(
    agents: int, rate_hz: float, seconds: float, domain_id: int, settings: Sequence[str] = ()
) -> dict[str, float]:
    """Run a real node process on walking agents and return what an observer sees of it.

    Args:
        agents: tracks a message.
        rate_hz: messages a second.
        seconds: how long after the warm-up.
        domain_id: ROS domain to do it in, one where nobody else is.
        settings: parameters of the node, as ``equi up --set`` takes them.

    Returns:
        ``sent``, ``received``, ``lost`` (sent, but never answered), ``dropped`` (by the node, for
        a newer one), ``age_ms_p50``, ``age_ms_p99`` (from the stamp to the arrival of its
        prediction), ``memory_mb_before``, ``memory_mb_after``, ``exit_s`` (from SIGTERM to the
        end) and ``exit_code``.

    Raises:
        EquiError: the node does not become active.
    """
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain_id)
    lines: list[str] = []
    environment = dds_environment("auto") | {"ROS_DOMAIN_ID": str(domain_id)}
    command = node_command(read_graph("predict").with_settings(list(settings)).nodes[0])
    process = NodeProcess(
        "eqmotion", command, lambda _, line: lines.append(line), environment=environment
    )
    try:
        return _measure(_Observer(context), process, agents, rate_hz, seconds)
    except TimeoutError as error:
        said = lines[-1] if lines else "it said nothing"
        raise EquiError(f"The node was not active after {START_S:.0f} s: {said}.") from error
    finally:
        process.stop()
        rclpy.shutdown(context=context)


class _Observer:
    """The other end of the node's topics."""

    def __init__(self, context: rclpy.Context) -> None:
        self.node = Node("probe", context=context)
        self.executor = SingleThreadedExecutor(context=context)
        self.executor.add_node(self.node)
        self.tracks = self.node.create_publisher(TrackArray, "tracks", qos.RESULT)
        self.state = ""
        self.since_ns = 0
        self.ages_ms: list[float] = []
        self.dropped = 0
        self.node.create_subscription(
            PredictionArray, "predictions", self._on_predictions, qos.RESULT
        )
        self.node.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, qos.RESULT)

    def spin_until(self, done: Callable[[], bool], timeout_s: float) -> None:
        """Serve callbacks until a condition holds.

        Raises:
            TimeoutError: it does not hold in time.
        """
        deadline = time.monotonic() + timeout_s
        while not done():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.executor.spin_once(timeout_sec=min(left, 0.05))

    def spin_for(self, seconds: float) -> None:
        """Serve callbacks for a time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.executor.spin_once(timeout_sec=left)

    def now_ns(self) -> int:
        """Return the time."""
        return self.node.get_clock().now().nanoseconds

    def _on_predictions(self, msg: PredictionArray) -> None:
        sent_ns = stamp_ns(msg.header.stamp)
        if sent_ns >= self.since_ns:
            self.ages_ms.append((self.now_ns() - sent_ns) / 1e6)

    def _on_report(self, msg: DiagnosticArray) -> None:
        figures = {status.name.split(": ")[-1]: _values(status) for status in msg.status}
        self.state = figures["state"]["state"]
        self.dropped = int(figures.get("pipeline", {}).get("dropped", 0))


def _measure(
    observer: _Observer, process: NodeProcess, agents: int, rate_hz: float, seconds: float
) -> dict[str, float]:
    """Wait for the node, load it, and end it."""
    observer.spin_until(lambda: observer.state == "active", START_S)
    observer.spin_until(lambda: observer.tracks.get_subscription_count() > 0, START_S)
    _walk(observer, agents, rate_hz, WARM_UP_S)
    observer.spin_for(1.5)  # a report that counts all of it
    observer.ages_ms.clear()
    observer.since_ns = observer.now_ns()
    memory = psutil.Process(process.pid).memory_info
    before, dropped = memory().rss, observer.dropped
    sent = _walk(observer, agents, rate_hz, seconds)
    observer.spin_for(1.5)  # the last predictions and the last report
    after = memory().rss
    started = time.monotonic()
    code = process.stop(signal.SIGTERM, timeout_s=10.0)
    return {
        "sent": sent,
        "received": len(observer.ages_ms),
        "lost": sent - len(observer.ages_ms) - (observer.dropped - dropped),
        "dropped": observer.dropped - dropped,
        "age_ms_p50": float(np.percentile(observer.ages_ms, 50)),
        "age_ms_p99": float(np.percentile(observer.ages_ms, 99)),
        "memory_mb_before": before / 2**20,
        "memory_mb_after": after / 2**20,
        "exit_s": time.monotonic() - started,
        "exit_code": code,
    }


def _walk(observer: _Observer, agents: int, rate_hz: float, seconds: float) -> int:
    """Publish agents that walk straight on at a fixed rate; return how many messages."""
    generator = np.random.default_rng(0)
    starts = generator.uniform(-AREA, AREA, (agents, 2))
    heading = generator.uniform(-np.pi, np.pi, agents)
    strides = WALK_SPEED * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    count, begin = round(rate_hz * seconds), steady_ns()
    for number in range(count):
        due = begin + number * SECOND_NS / rate_hz
        observer.spin_for((due - steady_ns()) / SECOND_NS)
        positions = starts + strides * number / rate_hz
        sample = TrackSample.of_positions(observer.now_ns(), "map", np.arange(agents), positions)
        observer.tracks.publish(track_array(sample, make))
    return count


def _values(status: DiagnosticStatus) -> dict[str, Any]:
    return {pair.key: pair.value for pair in status.values}
