"""A flag that searches look at: set when time is up or the question was taken back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

GLANCE_S = 0.01  # between two looks


class Deadline:
    """How long planning may go on.

    Attributes:
        stop: (1,) bool, handed to searches, which end early once it is set.
    """

    def __init__(self, limit_s: float, is_cancelled: Callable[[], bool]) -> None:
        """Start the clock."""
        self.stop = np.zeros(1, bool)
        self._end = time.monotonic() + limit_s
        self._is_cancelled = is_cancelled

    @property
    def is_cancelled(self) -> bool:
        """Return whether nobody wants the answer any more."""
        return self._is_cancelled()

    @property
    def is_over(self) -> bool:
        """Return whether planning has to end."""
        self.stop[0] |= time.monotonic() > self._end or self.is_cancelled
        return bool(self.stop[0])

    def watch(self, ended: threading.Event) -> None:
        """Set the flag in time, from a thread of its own, until planning has ended."""
        while not ended.wait(GLANCE_S) and not self.is_over:
            pass


@contextmanager
def deadline(limit_s: float, is_cancelled: Callable[[], bool]) -> Iterator[Deadline]:
    """Watch the time for as long as a ``with`` block lasts."""
    watched, ended = Deadline(limit_s, is_cancelled), threading.Event()
    thread = threading.Thread(target=watched.watch, args=(ended,), name="deadline", daemon=True)
    thread.start()
    try:
        yield watched
    finally:
        ended.set()
        thread.join()
