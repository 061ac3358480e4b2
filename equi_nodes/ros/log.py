"""A log that does not repeat itself: each subject is heard at most once per period."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.impl.rcutils_logger import RcutilsLogger

from equi_nodes.ros.clock import steady_ns


class ThrottledLog:
    """Logs the first message of a subject at once and later ones at most once per period."""

    def __init__(self, logger: RcutilsLogger, period_s: Callable[[], float]) -> None:
        """Log through ``logger``; ``period_s`` gives the shortest time between repetitions."""
        self._logger = logger
        self._period_s = period_s
        self._due_ns: dict[str, int] = {}

    def info(self, subject: str, text: str) -> None:
        """Log what happens in the normal course of things."""
        if self._is_due(subject):
            self._logger.info(text)

    def warning(self, subject: str, text: str) -> None:
        """Log what is still correct but should be watched."""
        if self._is_due(subject):
            self._logger.warning(text)

    def error(self, subject: str, text: str) -> None:
        """Log what keeps the node from its work."""
        if self._is_due(subject):
            self._logger.error(text)

    def _is_due(self, subject: str) -> bool:
        now = steady_ns()
        if now < self._due_ns.get(subject, 0):
            return False
        self._due_ns[subject] = now + int(self._period_s() * 1e9)
        return True
