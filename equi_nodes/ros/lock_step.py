"""Waiting until other nodes have answered what was just published."""

from __future__ import annotations

import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from equi_nodes.ros import qos
from equi_nodes.ros.convert import SECOND_NS
from equi_nodes.ros.messages import message_class

LOOK_S = 0.5  # between two looks for topics that nobody publishes yet
HEADER = "std_msgs/Header"
STAMP = struct.Struct("<iI")  # seconds and nanoseconds, behind the four bytes that begin a message


def stamp_of(data: bytes) -> int:
    """Return the stamp, nanoseconds, of a serialized message whose first field is a header."""
    seconds, nanoseconds = STAMP.unpack_from(data, 4)
    return seconds * SECOND_NS + nanoseconds


def has_header(type_name: str) -> bool:
    """Return whether the first field of a message type is a header."""
    fields = message_class(type_name).get_fields_and_field_types()
    return next(iter(fields.values()), "") == HEADER


@dataclass
class _Answers:
    """What came on one topic: how many messages, and the newest stamp if it has stamps."""

    is_stamped: bool
    count: int = 0
    newest_ns: int = 0


class LockStep:
    """Hears the topics of a graph and tells when all have answered.

    A topic is waited for from its first message on: what is not started yet answers nothing.

    Attributes:
        late: how often each topic did not answer in time.
    """

    def __init__(self, node: Node, topics: Sequence[str], limit_s: float) -> None:
        """Listen; an answer that takes longer than ``limit_s`` is given up."""
        self.late: Counter[str] = Counter()
        self._node, self._limit_s = node, limit_s
        self._unknown = {node.resolve_topic_name(topic) for topic in topics}
        self._answers: dict[str, _Answers] = {}
        self._news = threading.Condition()
        self._is_closed = False
        self._subscriptions: list[Any] = []
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # simulated time may stand still
        self._timer = node.create_timer(LOOK_S, self._look, clock=steady)

    def close(self) -> None:
        """Listen no longer; who waits goes on."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        self._node.destroy_timer(self._timer)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def ask(self, stamp_ns: int) -> Callable[[], float]:
        """Call before publishing; return what waits for the answers to it.

        Args:
            stamp_ns: that an answer with a stamp must have reached.

        Returns:
            a function that returns the seconds that it waited.
        """
        with self._news:
            before = {topic: answers.count for topic, answers in self._answers.items()}
        return partial(self._wait, stamp_ns, before)

    def _wait(self, stamp_ns: int, before: dict[str, int]) -> float:
        started = time.monotonic()
        with self._news:
            self._news.wait_for(
                lambda: self._is_closed or not self._missing(stamp_ns, before), self._limit_s
            )
            if not self._is_closed:
                self.late.update(self._missing(stamp_ns, before))
        return time.monotonic() - started

    def _missing(self, stamp_ns: int, before: dict[str, int]) -> list[str]:
        """Return the topics that have not answered."""
        return [
            topic
            for topic, count in before.items()
            if (answers := self._answers[topic]).count
            and (answers.newest_ns < stamp_ns if answers.is_stamped else answers.count == count)
        ]

    def _look(self) -> None:
        """Subscribe to the topics that somebody publishes by now."""
        known = dict(self._node.get_topic_names_and_types())
        for topic in sorted(self._unknown & set(known)):
            type_name = known[topic][0]
            self._unknown.discard(topic)
            self._answers[topic] = _Answers(has_header(type_name))
            self._subscriptions.append(
                self._node.create_subscription(
                    message_class(type_name), topic, partial(self._take, topic), qos.SENSOR,
                    raw=True,
                )
            )  # fmt: skip
        if not self._unknown:
            self._timer.cancel()

    def _take(self, topic: str, data: bytes) -> None:
        answers = self._answers[topic]
        with self._news:
            answers.count += 1
            if answers.is_stamped:
                answers.newest_ns = max(answers.newest_ns, stamp_of(data))
            self._news.notify_all()
