"""Recording topics as they come over the wire, and when each message came."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy

from equi_nodes.config.graph import RecordedTopic
from equi_nodes.ros import qos
from equi_nodes.ros.convert import SECOND_NS
from equi_nodes.ros.lock_step import has_header, stamp_of
from equi_nodes.ros.messages import message_class

# Matches every writer; deep enough for a pause of some seconds of all but images.
READER = QoSProfile(depth=200, reliability=ReliabilityPolicy.BEST_EFFORT)
Write = Callable[[RecordedTopic, int, bytes], None]


class Recorder:
    """Hears topics and hands on their messages, thinned out where the topic asks for it.

    Attributes:
        arrivals: by topic, the stamp of each message with a header and when it came: nanoseconds,
            the second by ``time.monotonic_ns``.
        counts: messages heard by topic.
    """

    def __init__(
        self, node: Node, topics: Sequence[RecordedTopic], now_ns: Callable[[], int], write: Write
    ) -> None:
        """Subscribe to the topics.

        Args:
            node: that subscribes.
            topics: what to hear.
            now_ns: the time that messages are recorded at; nothing is recorded while it is 0.
            write: takes the topic, the time and the serialized message.
        """
        self.arrivals: dict[str, list[tuple[int, int]]] = {topic.name: [] for topic in topics}
        self.counts = dict.fromkeys(self.arrivals, 0)
        self._now_ns, self._write = now_ns, write
        self._due_ns = dict.fromkeys(self.arrivals, 0)
        self._waiting: list[tuple[RecordedTopic, bytes]] = []  # latched before the clock ran
        self._subscriptions = [
            node.create_subscription(
                message_class(topic.type),
                topic.name,
                partial(self._take, topic, has_header(topic.type)),
                qos.LATCHED if topic.latched else READER,
                raw=True,
            )
            for topic in topics
        ]

    def _take(self, topic: RecordedTopic, is_stamped: bool, data: bytes) -> None:
        self.counts[topic.name] += 1
        if is_stamped:
            self.arrivals[topic.name].append((stamp_of(data), time.monotonic_ns()))
        now_ns = self._now_ns()
        if not now_ns:
            self._waiting += [(topic, data)] * topic.latched
            return
        while self._waiting:
            earlier, kept = self._waiting.pop(0)
            self._write(earlier, now_ns, kept)
        if now_ns >= self._due_ns[topic.name]:
            self._due_ns[topic.name] = now_ns + round(topic.period * SECOND_NS)
            self._write(topic, now_ns, data)
