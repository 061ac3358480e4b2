"""Playing recorded tracks to a real node process through DDS and collecting what it publishes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from equi_msgs.msg import PredictionArray, TrackArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message

from equi_nodes.config.graph import NodeStart
from equi_nodes.errors import EquiError
from equi_nodes.ros import qos
from equi_nodes.ros.convert import prediction_sample, track_array
from equi_nodes.ros.messages import make
from equi_nodes.ros.process import NodeProcess, dds_environment, node_command
from equi_nodes.samples import PredictionSample, TrackSample

INPUT, OUTPUT = "~/input/tracks", "~/output/predictions"
DEPTH = 1000  # messages a reader or writer keeps, so that the transport itself loses none
START_LIMIT = 180.0  # s, until the node is active: a first start may export its network
SILENCE_LIMIT = 2.0  # s without a result after the last message, then none is awaited
STOP_LIMIT = 5.0  # s, from SIGINT to the end of the node
LOSSES = ("dropped", "failed", "too_old", "lost_by_middleware", "rejected.", "refused.")
DOMAINS = 101  # ROS domains that are safe on every system


@dataclass(frozen=True)
class Played:
    """What came back from the node.

    Attributes:
        predictions: in the order of arrival.
        latencies: (S,) seconds from publishing the tracks to receiving their prediction.
        sent: messages published.
        seconds: wall time from the first message to the last result.
        cpu: processor time of the node over that time; 1 is one core.
        rss_mb: memory of the node at the end, MiB.
        losses: what the node says it lost, count by reason.
        exit_code: of the node after SIGINT.
    """

    predictions: tuple[PredictionSample, ...]
    latencies: np.ndarray
    sent: int
    seconds: float
    cpu: float
    rss_mb: float
    losses: dict[str, int]
    exit_code: int

    @property
    def rate_hz(self) -> float:
        """Return results a second."""
        return len(self.predictions) / self.seconds if self.seconds > 0 else 0.0


def play(
    node: NodeStart,
    samples: Sequence[TrackSample],
    *,
    rate: float,
    log: Path,
    progress: Callable[[int, int], None] = lambda sent, received: None,
) -> Played:
    """Start a prediction node, play tracks to it at ``rate`` times real time, and end it.

    The two talk on a ROS domain of their own, reliably both ways, so that whatever is lost was
    dropped by the node.

    Args:
        node: what to start, from a graph.
        samples: in time order.
        rate: 2 plays twice as fast as recorded.
        log: the node's output goes to this file.
        progress: called with the counts of messages sent and received.

    Raises:
        EquiError: the node does not become active; the sentence says why.
    """
    domain = 1 + os.getpid() % DOMAINS
    reliable = {f"qos_overrides.{_topic(node, INPUT)}.subscription.reliability": "reliable"}
    node = replace(node, parameters=node.parameters | reliable)
    with _process(node, domain, log) as process, _player(domain, node) as player:
        player.await_node(lambda: _check_alive(process, log))
        usage = psutil.Process(process.pid)
        before, started = sum(usage.cpu_times()[:2]), time.monotonic()
        player.publish(samples, rate, lambda: _check_alive(process, log), progress)
        seconds = time.monotonic() - started
        cpu = (sum(usage.cpu_times()[:2]) - before) / seconds
        rss_mb = usage.memory_info().rss / 2**20
        losses = player.await_losses()
        exit_code = process.stop(timeout_s=STOP_LIMIT)
        predictions, latencies = player.results()
    return Played(
        predictions, latencies, len(samples), seconds, cpu, rss_mb, losses, exit_code
    )  # fmt: skip


class _Player:
    """The topics at the other side of the node."""

    def __init__(self, context: rclpy.Context, node: NodeStart) -> None:
        self._ros = rclpy.create_node("bag_player", context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._ros)
        profile = QoSProfile(depth=DEPTH, reliability=ReliabilityPolicy.RELIABLE)
        self._publisher = self._ros.create_publisher(TrackArray, _topic(node, INPUT), profile)
        # Results stay bytes until the end, so that reading them takes no time from the node.
        self._reader = self._ros.create_subscription(
            PredictionArray, _topic(node, OUTPUT), self._on_prediction, profile, raw=True
        )
        self._ros.create_subscription(
            DiagnosticStatus, f"/{node.name}/status", self._on_status, qos.LATCHED
        )
        self._ros.create_subscription(
            DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.RESULT
        )
        self._status: DiagnosticStatus | None = None
        self._diagnostics: list[DiagnosticStatus] = []
        self._received: list[tuple[bytes, int]] = []
        self._sent_ns: dict[int, int] = {}

    def close(self) -> None:
        self._executor.shutdown()
        self._ros.destroy_node()

    def await_node(self, check: Callable[[], None]) -> None:
        """Return once the node is active and both topics are connected."""
        deadline = time.monotonic() + START_LIMIT
        while not self._is_connected():
            self._executor.spin_once(timeout_sec=0.1)
            check()
            if self._state() == "failed":
                raise EquiError(f"The node cannot work: {self._status.message}.")
            if time.monotonic() > deadline:
                state = self._status.message if self._status else "it says nothing"
                raise EquiError(f"The node was not ready within {START_LIMIT:.0f} s: {state}.")

    def publish(
        self,
        samples: Sequence[TrackSample],
        rate: float,
        check: Callable[[], None],
        progress: Callable[[int, int], None],
    ) -> None:
        """Publish each sample when it is due and wait for the last result."""
        messages = [track_array(sample, make) for sample in samples]
        started = time.monotonic()
        for sample, message in zip(samples, messages):
            self._spin_until(started + (sample.stamp_ns - samples[0].stamp_ns) / 1e9 / rate)
            self._sent_ns[sample.stamp_ns] = time.perf_counter_ns()
            self._publisher.publish(message)
            progress(len(self._sent_ns), len(self._received))
            check()
        while len(self._received) < len(samples):
            count = len(self._received)
            self._executor.spin_once(timeout_sec=SILENCE_LIMIT)
            progress(len(samples), len(self._received))
            if len(self._received) == count:
                return

    def await_losses(self) -> dict[str, int]:
        """Return the losses that the node counts in its next diagnostics."""
        self._diagnostics = []
        deadline = time.monotonic() + SILENCE_LIMIT
        while not self._diagnostics and time.monotonic() < deadline:
            self._executor.spin_once(timeout_sec=0.1)
        return {
            f"{status.name.partition(': ')[2]} {item.key}": int(item.value)
            for status in self._diagnostics
            for item in status.values
            if item.key.startswith(LOSSES) and item.value != "0"
        }

    def results(self) -> tuple[tuple[PredictionSample, ...], np.ndarray]:
        """Return the predictions received and their latencies, seconds."""
        read = [
            (prediction_sample(deserialize_message(data, PredictionArray)), received_ns)
            for data, received_ns in self._received
        ]
        latencies = [received_ns - self._sent_ns[sample.stamp_ns] for sample, received_ns in read]
        return tuple(sample for sample, _ in read), np.array(latencies) / 1e9

    def _spin_until(self, due: float) -> None:
        """Take results until a monotonic time."""
        while (left := due - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def _is_connected(self) -> bool:
        return (
            self._state() == "active"
            and self._publisher.get_subscription_count() > 0
            and self._reader.get_publisher_count() > 0
        )

    def _state(self) -> str:
        values = self._status.values if self._status else []
        return next((item.value for item in values if item.key == "state"), "")

    def _on_status(self, message: DiagnosticStatus) -> None:
        self._status = message

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self._diagnostics = list(message.status)

    def _on_prediction(self, data: bytes) -> None:
        self._received.append((data, time.perf_counter_ns()))


@contextmanager
def _player(domain: int, node: NodeStart) -> Iterator[_Player]:
    context = rclpy.Context()
    context.init(domain_id=domain)
    try:
        player = _Player(context, node)
        try:
            yield player
        finally:
            player.close()
    finally:
        context.try_shutdown()


@contextmanager
def _process(node: NodeStart, domain: int, log: Path) -> Iterator[NodeProcess]:
    """Run the node as a process of its own, with its output in a file."""
    environment = {"ROS_DOMAIN_ID": str(domain)} | dds_environment("auto")
    with log.open("w", buffering=1) as output:
        process = NodeProcess(
            node.name, node_command(node), lambda _, line: print(line, file=output),
            environment=environment,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.stop(timeout_s=STOP_LIMIT)


def _check_alive(process: NodeProcess, log: Path) -> None:
    if process.code is not None:
        lines = log.read_text().strip().splitlines() or ["it said nothing"]
        raise EquiError(f"The node ended with code {process.code}: {lines[-1]}")


def _topic(node: NodeStart, name: str) -> str:
    """Return the absolute name that a topic of the node is remapped to."""
    return "/" + node.remap[name].lstrip("/")
