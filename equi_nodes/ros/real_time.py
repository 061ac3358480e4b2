"""Simulated time held back to the pace of the clock on the wall."""

from __future__ import annotations

import threading
import time
from collections import deque

from equi_nodes.ros.convert import SECOND_NS

WINDOW_S = 5.0  # that the factor is measured over
MOST_BEHIND_S = 0.2  # that is made up for; the rest of a delay is lost


class RealTime:
    """Waits after each step until the next one is due."""

    def __init__(self) -> None:
        """Begin with the next step."""
        self._due: float | None = None
        self._last_ns = 0
        self._passed: deque[tuple[float, int]] = deque()

    @property
    def factor(self) -> float:
        """Return how fast simulated time ran of late, 1 is real time; NaN while unknown."""
        if len(self._passed) < 2:
            return float("nan")
        (began, first_ns), (ended, last_ns) = self._passed[0], self._passed[-1]
        return (last_ns - first_ns) / SECOND_NS / max(ended - began, 1e-9)

    def wait(self, stamp_ns: int, wanted: float, halt: threading.Event) -> None:
        """Wait after a step that ended at a simulated time.

        Args:
            stamp_ns: nanoseconds.
            wanted: the factor; 0 waits for nothing.
            halt: ends the waiting.
        """
        now = time.monotonic()
        if wanted > 0.0 and self._due is not None:
            self._due += (stamp_ns - self._last_ns) / SECOND_NS / wanted
            self._due = max(self._due, now - MOST_BEHIND_S)
            halt.wait(max(0.0, self._due - now))
        else:
            self._due = now
        self._last_ns = stamp_ns
        self._note(time.monotonic(), stamp_ns)

    def _note(self, now: float, stamp_ns: int) -> None:
        self._passed.append((now, stamp_ns))
        while now - self._passed[0][0] > WINDOW_S:
            self._passed.popleft()
