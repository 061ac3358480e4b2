"""Messages published when they are due by their stamps, while the clock of the recording runs."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rosgraph_msgs.msg import Clock

from equi_nodes.ros import qos
from equi_nodes.ros.convert import SECOND_NS, header
from equi_nodes.ros.live_node import LiveNode
from equi_nodes.ros.messages import make

TICK_NS = 20_000_000  # of recorded time between two messages on /clock
LEAD_S = 0.2  # that the clock runs before the first message
LONGEST_GAP_NS = 60 * SECOND_NS  # between two stamps that is waited for; more is a broken stamp
BACK_NS = SECOND_NS  # so far back is a recording that loops, less is two streams side by side

Item = TypeVar("Item")
Publication = tuple[int, Callable[[], None]]  # stamp, nanoseconds, and what publishes the message


class Pace:
    """Tells when each message is due; monotonic time, seconds."""

    def __init__(self, rate: float, start: float) -> None:
        """The first message is due at ``start``; ``rate`` 2 is twice as fast as recorded."""
        self._rate, self._due = rate, start
        self._newest_ns: int | None = None

    def due(self, stamp_ns: int) -> float:
        """Return when the message with the next stamp is due."""
        step = 0 if self._newest_ns is None else stamp_ns - self._newest_ns
        if step > 0:
            self._due += min(step, LONGEST_GAP_NS) / SECOND_NS / self._rate
        if self._newest_ns is None or not -BACK_NS < step <= 0:
            self._newest_ns = stamp_ns
        return self._due


class Playback:
    """Plays to a node that takes its time from /clock."""

    def __init__(self, live: LiveNode, rate: float) -> None:
        """Play ``rate`` times as fast as recorded."""
        self._live, self._rate = live, rate
        self._clock = live.writer("/clock", Clock, qos.RESULT)
        self._now_ns = -TICK_NS

    def play(self, items: Iterable[Publication]) -> None:
        """Publish each item when it is due by its stamp.

        Raises:
            EquiError: the node has ended.
        """
        pace = Pace(self._rate, time.monotonic() + LEAD_S)
        for stamp_ns, publish in items:
            self._wait(pace.due(stamp_ns), stamp_ns)
            publish()

    def _wait(self, due: float, stamp_ns: int) -> None:
        """Let the clock run up to a stamp."""
        while (left := due - time.monotonic()) > 0:
            self._tick(stamp_ns - round(left * self._rate * SECOND_NS))
            self._live.spin_once(min(left, TICK_NS / SECOND_NS))
        self._tick(stamp_ns)

    def _tick(self, now_ns: int) -> None:
        if now_ns >= 0 and abs(now_ns - self._now_ns) >= TICK_NS:
            self._now_ns = now_ns
            self._clock.publish(Clock(clock=header(now_ns, "", make).stamp))


def prepared(items: Iterable[Item], count: int) -> Iterator[Item]:
    """Yield items that another thread makes, up to ``count`` of them ahead."""
    source, end = iter(items), object()
    with ThreadPoolExecutor(1) as worker:
        waiting = deque(worker.submit(next, source, end) for _ in range(count))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(worker.submit(next, source, end))
            yield item
