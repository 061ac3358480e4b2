"""A node that runs as a process of its own, and this process at the other end of its topics."""

from __future__ import annotations

import gc
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile

from equi_nodes.config.graph import NodeStart
from equi_nodes.errors import EquiError
from equi_nodes.ros import qos
from equi_nodes.ros.process import NodeProcess, dds_environment, node_command

START_LIMIT_S = 180.0  # until the node is active: a first start may export or compile much
SILENCE_LIMIT_S = 2.0  # without a result after the last message, then none is awaited
STOP_LIMIT_S = 10.0  # from the signal to the end of the node
LOSSES = ("dropped", "failed", "too_old", "lost_by_middleware", "rejected.", "refused.")
NUMBER = re.compile(r"\d+(\.\d+)?")  # that differ between two warnings of a kind
DOMAINS = 101  # ROS domains that are safe on every system


@dataclass(frozen=True)
class NodeRecord:
    """What was seen of a node while something was played to it.

    Attributes:
        seconds: wall time of the playing.
        cpu: processor time of the node over that time; 1 is one core.
        rss_mb: memory of the node at the end, MiB.
        figures: the last diagnostics by subject and key.
        warnings: how often each subject said, of its regular reports, what is wrong.
        exit_code: of the node after SIGINT.
    """

    seconds: float
    cpu: float
    rss_mb: float
    figures: dict[str, dict[str, str]]
    warnings: dict[str, int]
    exit_code: int

    @property
    def losses(self) -> dict[str, int]:
        """Return what the node says it lost, count by subject and reason."""
        return {
            f"{subject} {key}": int(value)
            for subject, values in self.figures.items()
            for key, value in values.items()
            if key.startswith(LOSSES) and value != "0"
        }

    def summary(self) -> dict:
        """Return what every report says of a node."""
        return {
            "cpu": self.cpu, "rss_mb": self.rss_mb, "losses": self.losses,
            "warnings": self.warnings, "exit_code": self.exit_code,
        }  # fmt: skip


class LiveNode:
    """A node under way; ``live_node`` starts one.

    Attributes:
        start: what was started.
        figures: the newest diagnostics by subject and key.
    """

    def __init__(self, start: NodeStart, context: rclpy.Context, domain: int, log: Path | None):
        """Start the process and listen to what it says of itself."""
        self.start = start
        self.figures: dict[str, dict[str, str]] = {}
        self._warnings: Counter[str] = Counter()
        self._reports = 0
        self._status = DiagnosticStatus()
        self._ros = rclpy.create_node("player", context=context)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._ros)
        self._ros.create_subscription(
            DiagnosticStatus, self.topic("~/status"), self._on_status, qos.LATCHED
        )
        self._ros.create_subscription(
            DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.RESULT
        )
        self._writers: list[Publisher] = []
        self._readers: list[rclpy.subscription.Subscription] = []
        self._last_line = "it said nothing"
        self._log = log.open("w", buffering=1) if log else None
        self._process = NodeProcess(
            start.name, node_command(start), self._on_line,
            environment={"ROS_DOMAIN_ID": str(domain)},
        )  # fmt: skip

    def close(self) -> None:
        """End everything that still runs."""
        self._process.stop(timeout_s=STOP_LIMIT_S)
        if self._log:
            self._log.close()
        self._executor.shutdown()
        self._ros.destroy_node()

    # Topics

    def topic(self, name: str) -> str:
        """Return the absolute name of a topic of the node, as the graph maps it."""
        name = self.start.remap.get(name, name).replace("~", self.start.name, 1)
        return "/" + name.lstrip("/")

    def writer(self, name: str, kind: type, profile: QoSProfile) -> Publisher:
        """Return a publisher to a topic of the node."""
        self._writers.append(self._ros.create_publisher(kind, self.topic(name), profile))
        return self._writers[-1]

    def heard(self, name: str, kind: type, profile: QoSProfile) -> list[tuple[bytes, int]]:
        """Return the list that will hold each message of a topic and when it came.

        Messages stay bytes, so that reading them takes no time from the node; the times are those
        of ``time.perf_counter_ns``.
        """
        messages: list[tuple[bytes, int]] = []
        self._readers.append(
            self._ros.create_subscription(
                kind,
                self.topic(name),
                lambda data: messages.append((data, time.perf_counter_ns())),
                profile,
                raw=True,
            )
        )
        return messages

    # Time

    def spin(self, seconds: float) -> None:
        """Take messages for a time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._executor.spin_once(timeout_sec=left)

    def spin_once(self, timeout_s: float) -> None:
        """Take one message, if one comes in time; the node must be alive.

        Raises:
            EquiError: the node has ended.
        """
        self._executor.spin_once(timeout_sec=timeout_s)
        if (code := self._process.code) is not None:
            raise EquiError(f"The node ended with code {code}: {self._last_line}")

    def await_ready(self) -> None:
        """Return once the node is active and all topics are connected.

        Raises:
            EquiError: it does not become so; says why.
        """
        deadline = time.monotonic() + START_LIMIT_S
        while not self._is_connected():
            self.spin_once(0.1)
            if self._state == "failed":
                raise EquiError(f"The node cannot work: {self._status.message}.")
            if time.monotonic() > deadline:
                said = self._status.message or self._last_line
                raise EquiError(f"The node was not ready within {START_LIMIT_S:.0f} s: {said}.")

    def await_silence(self, messages: list, expected: int) -> None:
        """Return when so many messages have come, or none has for a while."""
        count, deadline = len(messages), time.monotonic() + SILENCE_LIMIT_S
        while len(messages) < expected and time.monotonic() < deadline:
            self.spin_once(0.1)
            if len(messages) > count:
                count, deadline = len(messages), time.monotonic() + SILENCE_LIMIT_S

    def await_report(self) -> None:
        """Return when the next diagnostics have come, or did not in time."""
        count, deadline = self._reports, time.monotonic() + SILENCE_LIMIT_S
        while self._reports == count and time.monotonic() < deadline:
            self.spin_once(0.1)

    # The process

    @property
    def rss_mb(self) -> float:
        """Return the memory that the node holds, MiB."""
        return self._process.rss_mb

    def record(self, play: Callable[[], int], results: list) -> NodeRecord:
        """Watch the node while ``play`` runs, wait for the last results, and end it.

        Args:
            play: returns how many results are to come.
            results: where they come.
        """
        gc.collect()
        gc.freeze()  # to search all that is loaded again would hold up what is to be sent
        started, before = time.monotonic(), self._process.cpu_s
        self._warnings.clear()  # before it got data it had reason to complain
        try:
            expected = play()
        finally:
            gc.unfreeze()
        warnings, seconds = dict(self._warnings), time.monotonic() - started
        cpu = (self._process.cpu_s - before) / seconds
        self.await_silence(results, expected)
        self.await_report()
        rss_mb = self.rss_mb
        return NodeRecord(seconds, cpu, rss_mb, self.figures, warnings, self.stop())

    def stop(self, number: int = signal.SIGINT) -> int:
        """End the node by a signal and return its exit code."""
        return self._process.stop(number, timeout_s=STOP_LIMIT_S)

    @property
    def _state(self) -> str:
        return next((item.value for item in self._status.values if item.key == "state"), "")

    def _is_connected(self) -> bool:
        return (
            self._state == "active"
            and all(writer.get_subscription_count() > 0 for writer in self._writers)
            and all(reader.get_publisher_count() > 0 for reader in self._readers)
        )

    def _on_line(self, _: str, line: str) -> None:
        self._last_line = line or self._last_line
        if self._log:
            print(line, file=self._log)

    def _on_status(self, message: DiagnosticStatus) -> None:
        self._status = message

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self._reports += 1
        for status in message.status:
            subject = status.name.partition(": ")[2]
            self.figures[subject] = {item.key: item.value for item in status.values}
            if status.level != DiagnosticStatus.OK and subject != "state":
                self._warnings[NUMBER.sub("#", f"{subject}: {status.message}")] += 1


@contextmanager
def live_node(
    start: NodeStart, *, log: Path | None = None, domain: int | None = None
) -> Iterator[LiveNode]:
    """Run a node for the time of a ``with`` block.

    The two talk on a ROS domain of their own, inside this machine, with shared memory that holds
    large messages.

    Args:
        start: the node, from a graph.
        log: the node's output goes to this file.
        domain: the ROS domain; by default one that belongs to this process.
    """
    os.environ |= {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"} | dds_environment("auto")
    domain = 1 + os.getpid() % DOMAINS if domain is None else domain
    context = rclpy.Context()
    context.init(domain_id=domain)
    try:
        live = LiveNode(start, context, domain, log)
        try:
            yield live
        finally:
            live.close()
    finally:
        context.try_shutdown()
