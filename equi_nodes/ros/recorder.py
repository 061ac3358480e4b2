"""Recording topics as they come over the wire, and when each message came."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from equi_nodes.config.graph import RecordedTopic
from equi_nodes.ros import qos
from equi_nodes.ros.convert import SECOND_NS
from equi_nodes.ros.lock_step import has_header, stamp_of
from equi_nodes.ros.messages import message_class

# Matches every writer; deep enough for a pause of some seconds.
READER = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)
Write = Callable[[RecordedTopic, int, bytes], None]


class Recorder:
    """Hears topics and hands on their messages, thinned out where the topic asks for it.

    It has a node of its own that nothing spins: ``poll`` takes what has come from the queues, at a
    tenth of what an executor needs for each message. The node ends with its context.

    Attributes:
        arrivals: by topic, the stamp of each message with a header and when it came, nanoseconds.
        counts: messages heard by topic.
    """

    def __init__(
        self,
        context: rclpy.Context,
        topics: Sequence[RecordedTopic],
        now_ns: Callable[[], int],
        write: Write,
    ) -> None:
        """Subscribe to the topics.

        Args:
            context: of the node.
            topics: what to hear.
            now_ns: the time that messages are recorded at; nothing is recorded while it is 0.
            write: takes the topic, the time and the serialized message.
        """
        self.arrivals: dict[str, list[tuple[int, int]]] = {topic.name: [] for topic in topics}
        self.counts = dict.fromkeys(self.arrivals, 0)
        self._now_ns, self._write = now_ns, write
        self._due_ns = dict.fromkeys(self.arrivals, 0)
        self._waiting: list[tuple[RecordedTopic, bytes]] = []  # latched before the clock ran
        self._node = rclpy.create_node("recorder", context=context)
        self._streams = [
            (topic, has_header(topic.type), self._subscribe(topic)) for topic in topics
        ]

    def poll(self) -> int:
        """Take all that has come; return how many messages that were."""
        taken = 0
        for topic, is_stamped, subscription in self._streams:
            queue = subscription.handle
            with queue:
                while item := queue.take_message(subscription.msg_type, True):
                    data, facts = item
                    taken += 1
                    self._take(topic, is_stamped, data, facts["received_timestamp"])
        return taken

    def _subscribe(self, topic: RecordedTopic) -> Subscription:
        kind, profile = message_class(topic.type), qos.LATCHED if topic.latched else READER
        return self._node.create_subscription(kind, topic.name, _nothing, profile, raw=True)

    def _take(self, topic: RecordedTopic, is_stamped: bool, data: bytes, came_ns: int) -> None:
        self.counts[topic.name] += 1
        if is_stamped:
            self.arrivals[topic.name].append((stamp_of(data), came_ns))
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


def _nothing(_: bytes) -> None:
    """Stand for the callback, which nothing calls."""
