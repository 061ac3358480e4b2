"""Playing images and IMU to a real odometry node through DDS and collecting its odometry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from nav_msgs.msg import Odometry
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image, Imu
from std_msgs.msg import Float64
from tf2_msgs.msg import TFMessage

from equi_nodes.config.graph import NodeStart
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.ros.live_node import LiveNode, NodeRecord, live_node
from equi_nodes.ros.messages import make
from equi_nodes.ros.odometry import odometry_sample, picture
from equi_nodes.ros.playback import Playback, Publication, prepared
from equi_nodes.ros.sensors import IMU_FRAME, ImuReading, imu_message, transform_of
from equi_nodes.samples import Frame, OdometrySample

SIDES = ("left", "right")
AHEAD = 30  # messages that are ready before they are due, two or three frames and the IMU between
# As drivers send, and deep enough that the sender loses nothing; how well it is received is the
# node's own choice.
SENSOR = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
RESULT = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)


@dataclass(frozen=True, eq=False)
class SensorsPlayed:
    """What was sent to the node and what came back.

    Attributes:
        frames_ns: (F,) int64 stamps of the frames sent.
        imu_sent: IMU samples sent.
        samples: the odometry in the order of arrival; with a map also its correction.
        ages: (S,) seconds from sending a frame to receiving its odometry.
        work_ms: (W,) milliseconds that the node says its frames took.
        record: of the node.
    """

    frames_ns: np.ndarray
    imu_sent: int
    samples: tuple[OdometrySample, ...]
    ages: np.ndarray
    work_ms: np.ndarray
    record: NodeRecord


def play(
    node: NodeStart,
    sensors: Iterable[Frame | ImuReading],
    *,
    rate: float,
    log: Path,
    progress: Callable[[int, int], None] = lambda sent, received: None,
) -> SensorsPlayed:
    """Start an odometry node, play to it at ``rate`` times real time, and end it.

    Args:
        node: what to start, from a graph.
        sensors: in the order of arrival, each frame after the IMU samples up to its time.
        rate: 2 plays twice as fast as recorded.
        log: the node's output goes to this file.
        progress: called with the counts of frames sent and odometry received.

    Raises:
        EquiError: the node does not become active; the sentence says why.
    """
    node = replace(node, parameters=node.parameters | {"use_sim_time": True})
    with live_node(node, log=log) as live:
        player = _Player(live, progress)
        playback = Playback(live, rate)
        live.await_ready()

        def send() -> int:
            playback.play(prepared(player.publications(sensors), AHEAD))
            return len(player.sent_ns)

        record = live.record(send, player.odometry)
        samples, ages = player.results()
        return SensorsPlayed(
            np.array([*player.sent_ns], np.int64), player.imu_sent, samples, ages,
            player.work_ms(), record,
        )  # fmt: skip


class _Player:
    """Images and IMU out, odometry in."""

    def __init__(self, live: LiveNode, progress: Callable[[int, int], None]) -> None:
        sides = SIDES if live.start.parameters["stereo"] else SIDES[:1]
        self._images = [live.writer(f"~/input/{side}/image", Image, SENSOR) for side in sides]
        self._imu = live.writer("~/input/imu", Imu, SENSOR)
        self.odometry = live.heard("~/output/odometry", Odometry, RESULT)
        self._work = live.heard("~/debug/processing_time_ms", Float64, RESULT)
        has_map = live.start.parameters["slam"]
        self._tf = live.heard("/tf", TFMessage, RESULT) if has_map else []
        self.sent_ns: dict[int, int] = {}  # when each frame was sent, by its stamp
        self.imu_sent = 0
        self._progress = progress

    def publications(self, sensors: Iterable[Frame | ImuReading]) -> Iterator[Publication]:
        """Yield each message's stamp with what publishes it."""
        for item in sensors:
            if isinstance(item, Frame):
                yield item.stamp_ns, partial(self._send_frame, item.stamp_ns, self._pack(item))
            else:
                packed = serialize_message(imu_message(item, IMU_FRAME, make))
                yield item[0], partial(self._send_imu, packed)

    def results(self) -> tuple[tuple[OdometrySample, ...], np.ndarray]:
        """Return the odometry received and its ages, seconds."""
        corrections = self._corrections()
        samples = [odometry_sample(deserialize_message(d, Odometry)) for d, _ in self.odometry]
        ages = [at - self.sent_ns[s.stamp_ns] for s, (_, at) in zip(samples, self.odometry)]
        corrected = (replace(s, T_map_w=corrections.get(s.stamp_ns)) for s in samples)
        return tuple(corrected), np.array(ages) / 1e9

    def work_ms(self) -> np.ndarray:
        """Return (W,) what the node says its frames took."""
        return np.array([deserialize_message(data, Float64).data for data, _ in self._work])

    def _corrections(self) -> dict[int, np.ndarray]:
        """Return T_map_w by stamp: the only transform of the odometry's frame in another."""
        items = [item for data, _ in self._tf for item in _transforms(data)]
        return {
            stamp_ns(item.header.stamp): transform_of(
                item.transform.translation, item.transform.rotation
            )
            for item in items
            if item.child_frame_id == "odom"
        }

    def _pack(self, frame: Frame) -> list[tuple[Publisher, bytes]]:
        """Return the images of a frame as they go over the wire, each with its publisher."""
        pictures = [frame.left, frame.right]
        return [
            (writer, serialize_message(picture(frame.stamp_ns, f"{side}_camera", pixels, make)))
            for side, writer, pixels in zip(SIDES, self._images, pictures)
            if pixels is not None
        ]

    def _send_frame(self, stamp: int, images: list[tuple[Publisher, bytes]]) -> None:
        self.sent_ns[stamp] = time.perf_counter_ns()
        for writer, data in images:
            writer.publish(data)
        self._progress(len(self.sent_ns), len(self.odometry))

    def _send_imu(self, data: bytes) -> None:
        self._imu.publish(data)
        self.imu_sent += 1


def _transforms(data: bytes) -> list[Any]:
    return deserialize_message(data, TFMessage).transforms
