"""Measures a running eqmotion node from outside, through DDS, with walking agents."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence

import numpy as np
from equi_msgs.msg import PredictionArray, TrackArray
from rclpy.serialization import deserialize_message

from equi_nodes.config.graph import read_graph
from equi_nodes.ros import qos
from equi_nodes.ros.convert import stamp_ns, track_array
from equi_nodes.ros.live_node import LiveNode, live_node
from equi_nodes.ros.messages import make
from equi_nodes.samples import TrackSample

WARM_UP_S = 5.0  # memory is compared from here on
WALK_SPEED = 1.3  # m/s
AREA = 10.0  # m, half of the side of the square where the agents start


def measure_node(
    agents: int, rate_hz: float, seconds: float, domain_id: int, settings: Sequence[str] = ()
) -> dict[str, float]:
    """Run a real node process on walking agents and return what an observer sees of it.

    Args:
        agents: tracks a message.
        rate_hz: messages a second.
        seconds: how long after the warm-up.
        domain_id: ROS domain to do it in, one where nobody else is.
        settings: parameters of the node, as ``equi up --set`` takes them.

    Returns:
        ``sent``, ``received``, ``lost`` (sent, but never answered), ``dropped`` (by the node, for
        a newer one), ``age_ms_p50``, ``age_ms_p99`` (from the stamp to the arrival of its
        prediction), ``memory_mb_before``, ``memory_mb_after``, ``exit_s`` (from SIGTERM to the
        end) and ``exit_code``.

    Raises:
        EquiError: the node does not become active.
    """
    start = read_graph("predict").with_settings(list(settings)).node("eqmotion")
    with live_node(start, domain=domain_id) as live:
        walk = _Walk(live, agents, rate_hz)
        live.await_ready()
        walk.go(WARM_UP_S)
        live.spin(1.5)  # a report that counts all of it
        walk.received.clear()
        walk.sent_ns.clear()
        before, dropped = live.rss_mb, walk.dropped
        walk.go(seconds)
        live.spin(1.5)  # the last predictions and the last report
        after, dropped, ages_ms = live.rss_mb, walk.dropped - dropped, walk.ages_ms()
        started = time.monotonic()
        code = live.stop(signal.SIGTERM)
        return {
            "sent": len(walk.sent_ns),
            "received": len(ages_ms),
            "lost": len(walk.sent_ns) - len(ages_ms) - dropped,
            "dropped": dropped,
            "age_ms_p50": float(np.percentile(ages_ms, 50)),
            "age_ms_p99": float(np.percentile(ages_ms, 99)),
            "memory_mb_before": before,
            "memory_mb_after": after,
            "exit_s": time.monotonic() - started,
            "exit_code": code,
        }


class _Walk:
    """Agents that walk straight on, published at a fixed rate, and what is predicted of them."""

    def __init__(self, live: LiveNode, agents: int, rate_hz: float) -> None:
        self.sent_ns: dict[int, int] = {}
        self.received = live.heard("~/output/predictions", PredictionArray, qos.RESULT)
        self._live, self._agents, self._rate_hz = live, agents, rate_hz
        self._tracks = live.writer("~/input/tracks", TrackArray, qos.RESULT)
        generator = np.random.default_rng(0)
        self._starts = generator.uniform(-AREA, AREA, (agents, 2))
        heading = generator.uniform(-np.pi, np.pi, agents)
        self._strides = WALK_SPEED * np.stack([np.cos(heading), np.sin(heading)], axis=-1)

    @property
    def dropped(self) -> int:
        """Return how many messages the node has dropped for a newer one."""
        return int(self._live.figures.get("pipeline", {}).get("dropped", 0))

    def go(self, seconds: float) -> None:
        """Walk for a time."""
        began = time.monotonic()
        for number in range(round(self._rate_hz * seconds)):
            self._live.spin(began + number / self._rate_hz - time.monotonic())
            positions = self._starts + self._strides * number / self._rate_hz
            now_ns = time.time_ns()
            sample = TrackSample.of_positions(now_ns, "map", np.arange(self._agents), positions)
            self.sent_ns[now_ns] = time.perf_counter_ns()
            self._tracks.publish(track_array(sample, make))

    def ages_ms(self) -> np.ndarray:
        """Return the milliseconds from each tracks' stamp to the arrival of its prediction."""
        read = [(deserialize_message(data, PredictionArray), at) for data, at in self.received]
        stamps = [(stamp_ns(message.header.stamp), at) for message, at in read]
        return np.array([at - self.sent_ns[s] for s, at in stamps if s in self.sent_ns]) / 1e6
