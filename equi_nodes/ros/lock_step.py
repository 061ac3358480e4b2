"""Waiting until other nodes have answered what was published."""

from __future__ import annotations

import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from equi_nodes.errors import EquiError
from equi_nodes.ros import qos
from equi_nodes.ros.convert import SECOND_NS
from equi_nodes.ros.messages import message_class

FIRST_S, FIRST_NS = 1.0, 3 * SECOND_NS  # a step waits so long for who never spoke, in that time
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


def ages_of(text: str) -> dict[str, float]:
    """Read topics and their greatest ages in seconds from ``odom:0.08 plan:0.5``.

    Raises:
        EquiError: an age is missing or is no number.
    """
    pairs = [item.partition(":") for item in text.split()]
    try:
        return {topic: float(age) for topic, _, age in pairs}
    except ValueError:
        raise EquiError(
            f"'{text}' is no list of topics with ages, as in odom:0.08 plan:0.5."
        ) from None


class LockStep:
    """Hears topics and tells when none of them is older than it may be.

    A step has two halves. First only the clock ticks, and those answer whose topics may not be old
    at all: they act on what the step before left, and nobody else says anything. Then the sensors
    speak, and the others answer. So what a node knows when it acts does not depend on its speed.

    A topic that was too late once is not waited for until it speaks again: what has ended answers
    nothing. Who has not spoken yet may still have to see something, as an odometry that is not
    tracking: for a while each step gives them time, so that it is no matter of speed which of the
    first steps they answer.

    Attributes:
        late: how often each topic was too late.
        now_ns: the time of the clock; 0 before the start.
        sensed_ns: the time of the newest readings, which ages count from.
    """

    def __init__(self, node: Node, ages: Mapping[str, float], limit_s: float) -> None:
        """Listen.

        Args:
            node: to subscribe with.
            ages: by topic, seconds that its newest message may lie behind the readings, or 0 for
                one that answers the clock; the time of a message is its stamp, or of one without a
                stamp the ``now_ns`` it came at.
            limit_s: what is missing for longer is given up.
        """
        self.late: Counter[str] = Counter()
        self.now_ns = self.sensed_ns = 0
        self._node, self._limit_s, self._began_ns = node, limit_s, 0
        self._ages_ns = {
            node.resolve_topic_name(topic): round(age * SECOND_NS) for topic, age in ages.items()
        }
        self._newest_ns: dict[str, int] = {}  # of the topics that are waited for; 0: no message
        self._unknown = set(self._ages_ns)
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

    def hear_elsewhere(self, topic: str) -> None:
        """Do not subscribe to a topic: ``note`` will be called for it."""
        self._unknown.discard(topic)
        if topic in self._ages_ns:
            self._newest_ns[topic] = 0

    def expect(self, topic: str) -> None:
        """Wait for a topic's next message, however new its last one is."""
        if topic in self._ages_ns:
            with self._news:
                self._newest_ns[topic] = 1

    def note(self, topic: str, stamp_ns: int | None = None) -> None:
        """Note a message with its stamp, nanoseconds, if it has one."""
        if topic not in self._ages_ns:
            return
        with self._news:
            stamp = self.now_ns if stamp_ns is None else stamp_ns
            self._newest_ns[topic] = max(self._newest_ns.get(topic, 0), stamp)
            self._news.notify_all()

    def wait(self, first_s: float = 0.0) -> float:
        """Wait until no topic is too old; return the seconds that it took.

        Args:
            first_s: seconds that who never spoke is given, too.
        """
        started = time.monotonic()
        with self._news:
            self._began_ns = self._began_ns or self.now_ns
            self._wait_for(self._silent, first_s)
            self._wait_for(self._missing, self._limit_s)
            if self._is_closed:
                return 0.0
            is_over = self.now_ns > self._began_ns + FIRST_NS
            for topic in self._missing() + self._silent() * is_over:
                self.late[topic] += 1
                del self._newest_ns[topic]
        return time.monotonic() - started

    def _wait_for(self, lacking: Callable[[], list[str]], limit_s: float) -> None:
        self._news.wait_for(lambda: self._is_closed or not lacking(), limit_s)

    def _missing(self) -> list[str]:
        """Return the topics that are too old."""
        newest = self._newest_ns.items()
        return [topic for topic, ns in newest if 0 < ns < self._due_ns(self._ages_ns[topic])]

    def _silent(self) -> list[str]:
        """Return the topics that have never spoken and should have by now."""
        passed = self.now_ns - self._began_ns
        newest = self._newest_ns.items()
        return [topic for topic, ns in newest if not ns and passed >= self._ages_ns[topic]]

    def _due_ns(self, age_ns: int) -> int:
        return self.sensed_ns - age_ns if age_ns else self.now_ns

    def _look(self) -> None:
        """Subscribe to the topics that somebody publishes by now."""
        known = dict(self._node.get_topic_names_and_types())
        for topic in sorted(self._unknown & set(known)):
            self._unknown.discard(topic)
            self._subscribe(topic, known[topic][0])
            with self._news:
                self._newest_ns.setdefault(topic, 0)
        if not self._unknown:
            self._timer.cancel()

    def _subscribe(self, topic: str, type_name: str) -> None:
        is_stamped = has_header(type_name)

        def take(data: bytes) -> None:
            self.note(topic, stamp_of(data) if is_stamped else None)

        kind = message_class(type_name)
        subscribe = partial(self._node.create_subscription, qos_profile=qos.SENSOR, raw=True)
        self._subscriptions.append(subscribe(kind, topic, take))
