"""Opening what the odometry is replayed on, EuRoC folders and bags, and writing such bags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from equi_nodes.config.vio import VioConfig
from equi_nodes.datasets.bags import BagMessage, Make, read_messages, summarize
from equi_nodes.datasets.calibration import (
    Calibration,
    camera_of_info,
    read_calibration,
    read_imu_noise,
)
from equi_nodes.datasets.euroc import (
    EurocRecording,
    PoseTable,
    mirrored,
    open_euroc,
    reversed_in_time,
    started_at,
)
from equi_nodes.datasets.recording import (
    Event,
    ImuReading,
    SensorRecording,
    Shot,
    of_euroc,
    with_one_camera,
)
from equi_nodes.errors import EquiError
from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import rigid, rotation
from equi_nodes.ros.convert import header, stamp_ns
from equi_nodes.ros.images import INFO_TYPE, camera_info, grey
from equi_nodes.ros.odometry import picture, pose, transforms
from equi_nodes.ros.sensors import IMU_FRAME, StaticTransforms, imu_message, imu_sample
from equi_nodes.ros.sync import FrameMatcher, Match

IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
IMU_TYPE = "sensor_msgs/msg/Imu"
POSE_TYPE, TF_TYPE = "geometry_msgs/msg/PoseStamped", "tf2_msgs/msg/TFMessage"
RIGHT_WORDS = ("right", "cam1", "infra2", "image1")
FRAMES = ("left_camera", "right_camera")
JPEG_QUALITY = 95
PAIR_NS = round(VioConfig().pair_tolerance * 1e9)  # images are paired as in the node
PATIENCE_NS = round(VioConfig().pair_patience * 1e9)


@dataclass(frozen=True)
class Choice:
    """Which part of a recording is wanted, and how.

    Attributes:
        is_mono: of the left camera alone.
        start_frame: the first frame, of a EuRoC folder.
        is_reversed, is_mirrored: backwards in time, as a mirror shows it, of a EuRoC folder.
        calibration: file or folder that wins over what the recording holds.
    """

    is_mono: bool = False
    start_frame: int = 0
    is_reversed: bool = False
    is_mirrored: bool = False
    calibration: Path | None = None


def open_recording(path: Path, choice: Choice = Choice()) -> SensorRecording:
    """Open a EuRoC folder or a bag.

    Raises:
        EquiError: it is neither, or something that is needed is missing in it.
    """
    if is_euroc(path):
        recording = _open_euroc(path, choice)
    elif choice.start_frame or choice.is_reversed or choice.is_mirrored:
        raise EquiError("--start-frame, --reverse and --mirror need a EuRoC folder, not a bag.")
    else:
        recording = _open_bag(path, choice.calibration)
    return with_one_camera_lazily(recording) if choice.is_mono else recording


def is_euroc(path: Path) -> bool:
    """Return whether a path is a folder in the EuRoC layout."""
    return (path / "mav0").is_dir() or (path / "cam0").is_dir()


def euroc_variant(recording: EurocRecording, choice: Choice) -> EurocRecording:
    """Return the part of a EuRoC recording that is wanted."""
    if choice.is_reversed:
        recording = reversed_in_time(recording)
    if choice.start_frame:
        recording = started_at(recording, choice.start_frame)
    return mirrored(recording) if choice.is_mirrored else recording


def _open_euroc(path: Path, choice: Choice) -> SensorRecording:
    euroc, offset = open_euroc(path), 0.0
    if choice.calibration:
        cameras, offset = read_calibration(choice.calibration)
        wanted = 1 if choice.is_mono else len(euroc.cameras)
        if len(cameras) < wanted:
            raise EquiError(f"{choice.calibration} has one camera, the recording two: add --mono.")
        euroc = replace(euroc, cameras=cameras)
    recording = of_euroc(euroc_variant(euroc, choice), path.name)
    return replace(recording, time_offset=-offset if choice.is_reversed else offset)


def with_one_camera_lazily(recording: SensorRecording) -> SensorRecording:
    """Return the recording of the left camera; a bag stays on the disk."""
    if isinstance(recording.events, BagEvents):
        return replace(recording, events=recording.events.mono(), cameras=recording.cameras[:1])
    return with_one_camera(recording)


# Bags


@dataclass(frozen=True)
class BagEvents:
    """The events of a bag, read from the disk each time; images are paired as in the node."""

    path: Path
    imu: str
    left: str
    right: str

    def mono(self) -> BagEvents:
        """Return the events without the right camera."""
        return replace(self, right="")

    def __iter__(self) -> Iterator[Event]:
        matcher = FrameMatcher(
            is_stereo=bool(self.right), tolerance_ns=PAIR_NS, patience_ns=PATIENCE_NS
        )
        for item in read_messages(self.path):
            if item.topic == self.imu:
                sample = imu_sample(item.message)
                yield ImuReading(*sample)
                yield from map(_shot, matcher.imu(sample[0]))
            elif item.topic in (self.left, self.right):
                take = matcher.left if item.topic == self.left else matcher.right
                yield from map(_shot, take(stamp_ns(item.message.header.stamp), item.message))


def _shot(match: Match) -> Shot:
    return Shot(match.stamp_ns, partial(_pictures, match))


def _pictures(match: Match) -> tuple[np.ndarray, np.ndarray | None]:
    return grey(match.left), None if match.right is None else grey(match.right)


def _open_bag(path: Path, calibration: Path | None) -> SensorRecording:
    topics = summarize(path).topics
    images = [topic.name for topic in topics if topic.type in IMAGE_TYPES]
    imus = [topic.name for topic in topics if topic.type == IMU_TYPE]
    if not images or not imus:
        names = ", ".join(f"{topic.name} ({topic.type})" for topic in topics)
        raise EquiError(f"The bag {path} needs images and an Imu; it holds {names}.")
    rights = [name for name in images if any(word in name for word in RIGHT_WORDS)]
    left = next((name for name in images if name not in rights), images[0])
    right = next((name for name in rights if name != left), "")
    found = (
        read_calibration(calibration) if calibration else _bag_cameras(path, left, right, imus[0])
    )
    noise = _noise_beside(calibration)
    events = BagEvents(path, imus[0], left, right if len(found.cameras) > 1 else "")
    cameras = found.cameras if events.right else found.cameras[:1]
    truth = _bag_truth(path, [topic.name for topic in topics if topic.type == POSE_TYPE])
    return SensorRecording(path.name, events, cameras, noise, truth, found.time_offset)


def _noise_beside(calibration: Path | None) -> dict[str, float]:
    """Return the IMU's noise if it stands in the same EuRoC folder as the cameras."""
    for name in ("mav0/imu0/sensor.yaml", "imu0/sensor.yaml"):
        if calibration and (calibration / name).is_file():
            return read_imu_noise(calibration / name)
    return {}


def _bag_cameras(path: Path, left: str, right: str, imu: str) -> Calibration:
    """Return the cameras from CameraInfo and tf_static."""
    tree, infos, imu_frame = StaticTransforms(), {}, ""
    for item in read_messages(path):
        kind = item.message.__msgtype__
        if kind == TF_TYPE and item.topic.endswith("tf_static"):
            tree.add(item.message)
        elif kind == INFO_TYPE:
            infos.setdefault(item.topic, item.message)
        elif item.topic == imu:
            imu_frame = imu_frame or item.message.header.frame_id
        if (
            imu_frame
            and len(infos) >= 1 + bool(right)
            and tree.find(imu_frame, imu_frame) is not None
        ):
            ready = [_camera(infos, topic, imu_frame, tree) for topic in (left, right) if topic]
            if all(camera is not None for camera in ready):
                return Calibration(tuple(ready))
    raise EquiError(
        f"The bag {path} does not hold the cameras' calibration (CameraInfo, and tf_static from"
        " the IMU's frame to the cameras'); give it with --calibration."
    )


def _camera(
    infos: dict[str, Any], image_topic: str, imu_frame: str, tree: StaticTransforms
) -> Camera | None:
    """Return the camera whose CameraInfo shares most of its name with the image topic."""
    base = image_topic.removesuffix("/compressed").rpartition("/")[0]
    info = next((msg for name, msg in infos.items() if name.startswith(base)), None)
    T_b_c = tree.find(imu_frame, info.header.frame_id) if info is not None else None
    return None if T_b_c is None else camera_of_info(info, T_b_c)


def _bag_truth(path: Path, topics: list[str]) -> PoseTable | None:
    if not topics:
        return None
    messages = [item.message for item in read_messages(path, topics[0])]
    q = np.array([[getattr(m.pose.orientation, k) for k in "xyzw"] for m in messages])
    t = np.array([[getattr(m.pose.position, k) for k in "xyz"] for m in messages])
    stamps = np.array([stamp_ns(m.header.stamp) for m in messages], np.int64)
    return PoseTable(stamps, rigid(rotation(q), t))


# EuRoC as a bag


def euroc_messages(recording: EurocRecording, *, is_compressed: bool) -> Iterator[BagMessage]:
    """Yield a recording as messages in the order of their stamps."""
    make = Make()
    start = int(recording.imu.stamps_ns[0])
    items = [
        (FRAMES[side], IMU_FRAME, camera.T_b_c) for side, camera in enumerate(recording.cameras)
    ]
    mounts = [(IMU_FRAME, child, T_b_c) for child, _, T_b_c in items]
    yield BagMessage("/tf_static", start, transforms(start, mounts, make))
    streams = [_imu_messages(recording, make), _image_messages(recording, is_compressed, make)]
    if recording.ground_truth:
        streams.append(_truth_messages(recording.ground_truth, make))
    yield from _by_stamp(streams)


def _by_stamp(streams: list[Iterator[BagMessage]]) -> Iterator[BagMessage]:
    """Merge streams that are each in order."""
    heads = [(next(stream, None), stream) for stream in streams]
    while heads := [head for head in heads if head[0] is not None]:
        index = min(range(len(heads)), key=lambda i: heads[i][0].stamp_ns)
        message, stream = heads[index]
        yield message
        heads[index] = (next(stream, None), stream)


def _imu_messages(recording: EurocRecording, make: Make) -> Iterator[BagMessage]:
    for reading in zip(recording.imu.stamps_ns.tolist(), recording.imu.gyro, recording.imu.accel):
        yield BagMessage("/imu", reading[0], imu_message(reading, IMU_FRAME, make))


def _image_messages(
    recording: EurocRecording, is_compressed: bool, make: Make
) -> Iterator[BagMessage]:
    for index, files in enumerate(recording.frames):
        for side, pixels in enumerate(recording.images(index)):
            if pixels is None:
                continue
            topic, frame = f"/{('left', 'right')[side]}", FRAMES[side]
            stamp = files.stamp_ns
            info = camera_info(recording.cameras[side], stamp, frame, make)
            yield BagMessage(f"{topic}/camera_info", stamp, info)
            if is_compressed:
                image = _compressed(
                    files[1 + side], pixels, stamp, frame, recording.is_mirrored, make
                )
                yield BagMessage(f"{topic}/image/compressed", stamp, image)
            else:
                yield BagMessage(f"{topic}/image", stamp, picture(stamp, frame, pixels, make))


def _compressed(
    file: Path, pixels: np.ndarray, stamp: int, frame: str, is_changed: bool, make: Make
) -> Any:
    """Build a CompressedImage; a JPEG that is on the disk is taken as it is."""
    if file.suffix == ".jpg" and not is_changed:
        data = np.fromfile(file, np.uint8)
    else:
        data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].ravel()
    head = header(stamp, frame, make)
    return make(IMAGE_TYPES[1], header=head, format="mono8; jpeg compressed", data=data)


def _truth_messages(truth: PoseTable, make: Make) -> Iterator[BagMessage]:
    for stamp, T in zip(truth.stamps_ns.tolist(), truth.T_w_b):
        head = header(stamp, "world", make)
        yield BagMessage(
            "/ground_truth/pose", stamp, make(POSE_TYPE, header=head, pose=pose(T, make))
        )
