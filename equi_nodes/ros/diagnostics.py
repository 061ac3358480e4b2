"""What a node says of itself: one report a subject, all together on /diagnostics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.lifecycle import LifecycleNode

from equi_nodes.ros import qos

OK, WARN, ERROR = 0, 1, 2


@dataclass
class Report:
    """The state of one subject: how bad, why, and its figures.

    Attributes:
        level: OK, WARN (still correct, watch out) or ERROR (the node cannot do its work).
        message: one sentence.
        values: figures by stable name.
    """

    level: int = OK
    message: str = "ok"
    values: dict[str, Any] = field(default_factory=dict)

    def raise_to(self, level: int, message: str) -> None:
        """Make the report worse; a report that is as bad already keeps its message."""
        if level > self.level:
            self.level, self.message = level, message


class Diagnostics:
    """Collects the reports of all subjects and publishes them."""

    def __init__(self, node: LifecycleNode) -> None:
        """Open /diagnostics and the latched ``~/status`` of a node."""
        self._node = node
        self._name = node.get_fully_qualified_name()
        self._subjects: dict[str, Callable[[], Report]] = {}
        self._array = node.create_publisher(DiagnosticArray, "/diagnostics", qos.RESULT)
        self._status = node.create_publisher(DiagnosticStatus, "~/status", qos.LATCHED)

    def add(self, subject: str, report: Callable[[], Report]) -> None:
        """Ask ``report`` for the state of a subject at each publication."""
        self._subjects[subject] = report

    def clear(self) -> None:
        """Ask no longer for any subject."""
        self._subjects.clear()

    def publish(self, state: Report) -> None:
        """Publish all reports, and on ``~/status`` the worst of them with the node's state."""
        reports = {subject: report() for subject, report in self._subjects.items()}
        worst = max(reports.values(), key=lambda report: report.level, default=Report())
        if worst.level > OK:
            state.raise_to(worst.level, f"{state.message}: {worst.message}")
        statuses = [self._message(subject, report) for subject, report in reports.items()]
        summary = self._message("state", state)
        array = DiagnosticArray(status=[summary, *statuses])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._array.publish(array)
        self._status.publish(summary)

    def _message(self, subject: str, report: Report) -> DiagnosticStatus:
        return DiagnosticStatus(
            level=bytes([report.level]),
            name=f"{self._name}: {subject}",
            message=report.message,
            hardware_id=self._name,
            values=[KeyValue(key=key, value=_text(value)) for key, value in report.values.items()],
        )


def _text(value: Any) -> str:
    """Write a figure with as many digits as a reader needs."""
    return f"{value:.3f}" if isinstance(value, float) else str(value)
