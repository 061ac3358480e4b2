"""Playing recorded tracks to a real node process through DDS and collecting what it publishes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from equi_msgs.msg import PredictionArray, TrackArray
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message

from equi_nodes.config.graph import NodeStart
from equi_nodes.ros.convert import prediction_sample, track_array
from equi_nodes.ros.live_node import LiveNode, NodeRecord, live_node
from equi_nodes.ros.messages import make
from equi_nodes.ros.playback import Playback, Publication
from equi_nodes.samples import PredictionSample, TrackSample

INPUT, OUTPUT = "~/input/tracks", "~/output/predictions"
# So many messages wait at either end that the transport itself loses none.
RELIABLE = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)


@dataclass(frozen=True)
class Played:
    """What came back from the node.

    Attributes:
        predictions: in the order of arrival.
        latencies: (S,) seconds from publishing the tracks to receiving their prediction.
        sent: messages published.
        record: of the node.
    """

    predictions: tuple[PredictionSample, ...]
    latencies: np.ndarray
    sent: int
    record: NodeRecord

    @property
    def rate_hz(self) -> float:
        """Return results a second."""
        return len(self.predictions) / self.record.seconds


def play(
    node: NodeStart,
    samples: Sequence[TrackSample],
    *,
    rate: float,
    log: Path,
    progress: Callable[[int, int], None] = lambda sent, received: None,
) -> Played:
    """Start a prediction node, play tracks to it at ``rate`` times real time, and end it.

    Both ways are reliable, so that whatever is lost was dropped by the node.

    Args:
        node: what to start, from a graph.
        samples: in time order.
        rate: 2 plays twice as fast as recorded.
        log: the node's output goes to this file.
        progress: called with the counts of messages sent and received.

    Raises:
        EquiError: the node does not become active; the sentence says why.
    """
    topic = "/" + node.remap[INPUT].lstrip("/")
    own = {f"qos_overrides.{topic}.subscription.reliability": "reliable", "use_sim_time": True}
    with live_node(replace(node, parameters=node.parameters | own), log=log) as live:
        player = _Player(live, progress)
        playback = Playback(live, rate)
        live.await_ready()

        def send() -> int:
            playback.play(player.publications(samples))
            return len(samples)

        record = live.record(send, player.received)
        return Played(*player.results(), len(samples), record)


class _Player:
    """Tracks out, predictions in."""

    def __init__(self, live: LiveNode, progress: Callable[[int, int], None]) -> None:
        self._writer = live.writer(INPUT, TrackArray, RELIABLE)
        self.received = live.heard(OUTPUT, PredictionArray, RELIABLE)
        self._sent_ns: dict[int, int] = {}
        self._progress = progress

    def publications(self, samples: Sequence[TrackSample]) -> Iterator[Publication]:
        """Yield each sample with what publishes it."""
        for sample in samples:
            yield (
                sample.stamp_ns,
                partial(self._publish, sample.stamp_ns, track_array(sample, make)),
            )

    def results(self) -> tuple[tuple[PredictionSample, ...], np.ndarray]:
        """Return the predictions received and their latencies, seconds."""
        read = [
            (prediction_sample(deserialize_message(data, PredictionArray)), received_ns)
            for data, received_ns in self.received
        ]
        latencies = [received_ns - self._sent_ns[sample.stamp_ns] for sample, received_ns in read]
        return tuple(sample for sample, _ in read), np.array(latencies) / 1e9

    def _publish(self, stamp_ns: int, message: TrackArray) -> None:
        self._sent_ns[stamp_ns] = time.perf_counter_ns()
        self._writer.publish(message)
        self._progress(len(self._sent_ns), len(self.received))
