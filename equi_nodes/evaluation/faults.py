"""What goes wrong with sensors, each as a pure change of a recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from equi_nodes.datasets.recording import Event, ImuReading, SensorRecording, Shot

SECOND_NS = 1_000_000_000
FROM_S, UNTIL_S = 5.0, 7.0  # after the first frame: when a fault that ends is there
Change = Callable[[SensorRecording, np.random.Generator], SensorRecording]
Pictures = tuple[np.ndarray, np.ndarray | None]


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        change: makes the recording faulty.
        seconds: from and until when it is there, after the first frame; until None: to the end.
    """

    change: Change
    seconds: tuple[float, float | None] = (FROM_S, UNTIL_S)


def with_events(recording: SensorRecording, events: Sequence[Event]) -> SensorRecording:
    """Return a recording with other events."""
    return replace(recording, events=tuple(events))


def drop_frames(share: float) -> Change:
    """Lose a share of all frames at random."""

    def change(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
        kept = [e for e in recording.events if isinstance(e, ImuReading) or rng.random() >= share]
        return with_events(recording, kept)

    return change


def silence(kind: type, seconds: float) -> Change:
    """Lose every event of a kind for some time."""

    def change(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
        begin = _start(recording) + round(FROM_S * 1e9)
        end = begin + round(seconds * 1e9)
        events = [
            event
            for event in recording.events
            if not (isinstance(event, kind) and begin <= event.stamp_ns < end)
        ]
        return with_events(recording, events)

    return change


def pictures(edit: Callable[[Pictures, Pictures], Pictures]) -> Change:
    """Change the pictures during the fault; ``edit`` gets those of now and the last before it."""

    def change(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
        begin = _start(recording) + round(FROM_S * 1e9)
        end = _start(recording) + round(UNTIL_S * 1e9)
        before = [e for e in recording.events if isinstance(e, Shot) and e.stamp_ns < begin][-1]

        def edited(event: Event) -> Event:
            if isinstance(event, ImuReading) or not begin <= event.stamp_ns < end:
                return event
            return Shot(event.stamp_ns, lambda: edit(event.read(), before.read()))

        return with_events(recording, [edited(event) for event in recording.events])

    return change


def filled(value: int) -> Callable[[Pictures, Pictures], Pictures]:
    """Return an edit that makes both pictures one grey."""

    def edit(now: Pictures, before: Pictures) -> Pictures:
        left, right = (None if image is None else np.full_like(image, value) for image in now)
        return left, right

    return edit


def halved(now: Pictures, before: Pictures) -> Pictures:
    """Return pictures whose lower halves never arrived."""
    halves = []
    for image in now:
        half = None if image is None else image.copy()
        if half is not None:
            half[half.shape[0] // 2 :] = 0
        halves.append(half)
    return halves[0], halves[1]


def swap_cameras(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
    """Exchange left and right images, but not their calibration."""

    def swapped(shot: Shot) -> Shot:
        def read() -> Pictures:
            left, right = shot.read()
            return (left, None) if right is None else (right, left)

        return Shot(shot.stamp_ns, read)

    return with_events(
        recording, [swapped(e) if isinstance(e, Shot) else e for e in recording.events]
    )


def other_calibration(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
    """Take cameras for others: focal length, centre and place on the body are wrong."""
    cameras = []
    for camera in recording.cameras:
        fx, fy, cx, cy = camera.intrinsics
        T_b_c = camera.T_b_c.copy()
        T_b_c[:3, :3] = T_b_c[:3, :3] @ _turn_about_x(np.radians(8.0))
        intrinsics = (0.8 * fx, 0.8 * fy, cx + 25.0, cy - 15.0)
        cameras.append(replace(camera, intrinsics=intrinsics, T_b_c=T_b_c))
    return replace(recording, cameras=tuple(cameras))


def late_images(seconds: float) -> Change:
    """Stamp all images too late."""
    late = round(seconds * 1e9)

    def change(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
        events = [
            Shot(e.stamp_ns + late, e.read) if isinstance(e, Shot) else e for e in recording.events
        ]
        truth = recording.truth
        moved = truth and replace(truth, stamps_ns=truth.stamps_ns + late)
        return replace(with_events(recording, _sorted(events)), truth=moved)

    return change


def noisy_imu(factor: float) -> Change:
    """Add white noise of so many times the sensor's own."""

    def change(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
        noise = recording.imu_noise
        scale = factor * np.sqrt(200.0)  # samples a second

        def shaken(event: Event) -> Event:
            if isinstance(event, Shot):
                return event
            gyro = event.gyro + rng.normal(0, scale * noise["gyro"], 3)
            return ImuReading(
                event.stamp_ns, gyro, event.accel + rng.normal(0, scale * noise["accel"], 3)
            )

        return with_events(recording, [shaken(event) for event in recording.events])

    return change


def jitter(seconds: float) -> Change:
    """Stamp every event off its time, at random."""

    def change(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
        events = [
            replace(event, stamp_ns=event.stamp_ns + round(rng.uniform(-seconds, seconds) * 1e9))
            for event in recording.events
        ]
        return with_events(recording, _sorted(events))

    return change


def duplicated_and_swapped(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
    """Deliver one message in ten twice, and one in ten after the next."""
    events: list[Event] = []
    for event in recording.events:
        events.append(event)
        chance = rng.random()
        if chance < 0.1:
            events.append(event)
        elif chance < 0.2 and len(events) > 1:
            events[-1], events[-2] = events[-2], events[-1]
    return with_events(recording, events)


def looped(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
    """Play the first ten seconds, and then all from the start."""
    end = _start(recording) + 10 * SECOND_NS
    first = [event for event in recording.events if event.stamp_ns < end]
    return with_events(recording, [*first, *first])


def started_in_motion(recording: SensorRecording, rng: np.random.Generator) -> SensorRecording:
    """Begin two seconds after the first frame, with not a sample of the IMU before it."""
    begin = _start(recording) + 2 * SECOND_NS
    return with_events(recording, [e for e in recording.events if e.stamp_ns >= begin])


WHOLE = (0.0, None)
FAULTS: dict[str, Fault] = {
    "10 % of the frames dropped": Fault(drop_frames(0.1), WHOLE),
    "50 % of the frames dropped": Fault(drop_frames(0.5), WHOLE),
    "1 s without images": Fault(silence(Shot, 1.0), (FROM_S, FROM_S + 1.0)),
    "IMU gap of 100 ms": Fault(silence(ImuReading, 0.1), (FROM_S, FROM_S + 0.1)),
    "IMU gap of 1 s": Fault(silence(ImuReading, 1.0), (FROM_S, FROM_S + 1.0)),
    "black images": Fault(pictures(filled(0))),
    "white images": Fault(pictures(filled(255))),
    "frozen images": Fault(pictures(lambda now, before: before)),
    "half images": Fault(pictures(halved)),
    "right camera lost and back": Fault(pictures(lambda now, before: (now[0], None))),
    "left and right swapped": Fault(swap_cameras, WHOLE),
    "calibration of another camera": Fault(other_calibration, WHOLE),
    "images 5 ms late": Fault(late_images(0.005), WHOLE),
    "images 20 ms late": Fault(late_images(0.020), WHOLE),
    "images 50 ms late": Fault(late_images(0.050), WHOLE),
    "IMU noise x20": Fault(noisy_imu(20.0), WHOLE),
    "jitter of 1 ms": Fault(jitter(0.001), WHOLE),
    "jitter of 5 ms": Fault(jitter(0.005), WHOLE),
    "messages doubled and swapped": Fault(duplicated_and_swapped, WHOLE),
    "bag loop": Fault(looped, (10.0, 10.0)),
    "start in motion": Fault(started_in_motion, WHOLE),
}


def _start(recording: SensorRecording) -> int:
    return next(event.stamp_ns for event in recording.events if isinstance(event, Shot))


def _sorted(events: Sequence[Event]) -> list[Event]:
    """Return events by their stamps, the IMU before an image of the same."""
    return sorted(events, key=lambda event: (event.stamp_ns, isinstance(event, Shot)))


def _turn_about_x(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]])
