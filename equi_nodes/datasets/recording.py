"""A recording as its sensors delivered it: images and IMU samples one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from equi_nodes.datasets.euroc import EurocRecording, PoseTable
from equi_nodes.geometry.camera import Camera


@dataclass(frozen=True, eq=False)
class ImuReading:
    """One sample: gyro (3,) rad/s and specific force (3,) m/s^2."""

    stamp_ns: int
    gyro: np.ndarray
    accel: np.ndarray


@dataclass(frozen=True, eq=False)
class Shot:
    """The images of one instant; ``read`` returns left and right (H, W) uint8, right maybe None."""

    stamp_ns: int
    read: Callable[[], tuple[np.ndarray, np.ndarray | None]]


Event = ImuReading | Shot


@dataclass(frozen=True, eq=False)
class SensorRecording:
    """What a rig recorded.

    Attributes:
        name: for titles.
        events: in the order of arrival; each image comes after the IMU samples up to its time.
        cameras: left and right, or one.
        imu_noise: densities ``gyro, accel, gyro_walk, accel_walk``, empty where unknown.
        truth: poses of the IMU, or None.
        time_offset: seconds to add to a camera stamp to have the IMU's time of it, as calibrated.
    """

    name: str
    events: Iterable[Event]
    cameras: tuple[Camera, ...]
    imu_noise: dict[str, float] = field(default_factory=dict)
    truth: PoseTable | None = None
    time_offset: float = 0.0


def of_euroc(recording: EurocRecording, name: str) -> SensorRecording:
    """Return the events of a EuRoC recording."""
    imu = recording.imu
    samples = [ImuReading(*row) for row in zip(imu.stamps_ns.tolist(), imu.gyro, imu.accel)]
    shots = [
        Shot(frame.stamp_ns, _reader(recording, index))
        for index, frame in enumerate(recording.frames)
    ]
    return SensorRecording(
        name, in_order(samples, shots), recording.cameras, recording.imu_noise,
        recording.ground_truth,
    )  # fmt: skip


def in_order(samples: Sequence[ImuReading], shots: Sequence[Shot]) -> tuple[Event, ...]:
    """Return both streams as one: each image follows the first sample that is not before it."""
    return tuple(_merged(samples, shots))


def with_one_camera(recording: SensorRecording) -> SensorRecording:
    """Return the recording of the left camera alone."""
    events = [_left_only(event) if isinstance(event, Shot) else event for event in recording.events]
    return replace(recording, events=tuple(events), cameras=recording.cameras[:1])


def _merged(samples: Sequence[ImuReading], shots: Sequence[Shot]) -> Iterator[Event]:
    waiting = list(reversed(shots))
    for sample in samples:
        yield sample
        while waiting and waiting[-1].stamp_ns <= sample.stamp_ns:
            yield waiting.pop()
    yield from reversed(waiting)


def _left_only(shot: Shot) -> Shot:
    return Shot(shot.stamp_ns, lambda: (shot.read()[0], None))


def _reader(
    recording: EurocRecording, index: int
) -> Callable[[], tuple[np.ndarray, np.ndarray | None]]:
    return lambda: recording.images(index)
