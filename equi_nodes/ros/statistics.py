"""What a node counts of its streams and its work; times are steady nanoseconds."""

from __future__ import annotations

from collections import deque

import numpy as np

SECOND_NS = 1_000_000_000
WINDOW = 1000  # newest durations that percentiles are taken of
PERIODS = 20  # newest stamp differences that the period is the median of
GAP = 1.5  # a stamp difference above so many periods means that messages are missing


class Stream:
    """Rate, age and loss of one stream of stamped messages.

    Attributes:
        received: messages so far.
        lost: messages that are missing by the gaps between stamps.
    """

    def __init__(self) -> None:
        self.received = self.lost = 0
        self._arrived_ns = self._stamp_ns = 0
        self._periods: deque[int] = deque(maxlen=PERIODS)

    def arrived(self, now_ns: int, stamp_ns: int) -> None:
        """Note one message: when it came and what its stamp says."""
        step = stamp_ns - self._stamp_ns
        if self.received and step > 0:
            if self.period_s and step / SECOND_NS > GAP * self.period_s:
                self.lost += round(step / SECOND_NS / self.period_s) - 1
            self._periods.append(step)
        self.received += 1
        self._arrived_ns, self._stamp_ns = now_ns, stamp_ns

    @property
    def period_s(self) -> float:
        """Return the median time between stamps, 0 while unknown."""
        return float(np.median(self._periods)) / SECOND_NS if self._periods else 0.0

    def silence_s(self, now_ns: int, since_ns: int) -> float:
        """Return the time since the last message, or since a given time if that is later."""
        return (now_ns - max(self._arrived_ns, since_ns)) / SECOND_NS


class Durations:
    """Percentiles of the newest durations, in milliseconds."""

    def __init__(self) -> None:
        self._window_ms: deque[float] = deque(maxlen=WINDOW)

    def add(self, duration_ns: int) -> None:
        """Note one duration."""
        self._window_ms.append(duration_ns / 1e6)

    @property
    def newest_ms(self) -> float:
        """Return the newest duration, 0 while nothing was noted."""
        return self._window_ms[-1] if self._window_ms else 0.0

    def percentile_ms(self, percent: float) -> float:
        """Return a percentile, 0 while nothing was noted."""
        return float(np.percentile(list(self._window_ms), percent)) if self._window_ms else 0.0


class Ladder:
    """The rung a node works on: it goes down at once and up only after several good cycles."""

    RUNGS = ("full", "fallback")
    GOOD_CYCLES = 10

    def __init__(self) -> None:
        self.rung = self.RUNGS[0]
        self._good = 0

    def note(self, rung: str) -> None:
        """Note the rung of one cycle."""
        self._good = self._good + 1 if rung == self.RUNGS[0] else 0
        if rung != self.RUNGS[0] or self._good >= self.GOOD_CYCLES:
            self.rung = rung
