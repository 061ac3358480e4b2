"""Recordings in the EuRoC layout, and what the same recording looks like in other worlds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from equi_nodes.datasets.calibration import read_euroc_sensor, read_imu_noise
from equi_nodes.errors import EquiError
from equi_nodes.geometry.camera import Camera

REFLECTION = np.diag([1.0, -1.0, 1.0, 1.0])  # of the world and of the body, at their x-z planes
IMAGE_REFLECTION = np.diag([-1.0, 1.0, 1.0, 1.0])  # of a camera: left becomes right
# m and rad, of EuRoC's ground truth: that of MH_01 differs by 2.4 mm an axis from the laser tracker
# it was made from, at the best lever and clock, and its heading wanders by 3 mrad in a stand
TRUTH_POSITION, TRUTH_ROTATION = 0.0025, 0.003
GROUND_TRUTHS = ("state_groundtruth_estimate0/data.csv", "../groundtruth/gt_imu_tum.txt")


@dataclass(frozen=True, eq=False)
class ImuData:
    """Samples of an IMU in time order.

    Attributes:
        stamps_ns: (M,) int64.
        gyro: (M, 3) rad/s.
        accel: (M, 3) m/s^2, specific force.
    """

    stamps_ns: np.ndarray
    gyro: np.ndarray
    accel: np.ndarray

    def keep(self, rows: np.ndarray | slice) -> ImuData:
        """Return some of the samples."""
        return ImuData(self.stamps_ns[rows], self.gyro[rows], self.accel[rows])


@dataclass(frozen=True, eq=False)
class PoseTable:
    """Known poses in time order.

    Attributes:
        stamps_ns: (N,) int64.
        T_w_b: (N, 4, 4) poses of the body in the world.
        position_spread, rotation_spread: standard deviation of an axis, metres and rad.
    """

    stamps_ns: np.ndarray
    T_w_b: np.ndarray
    position_spread: float = 0.0
    rotation_spread: float = 0.0


class FrameFiles(NamedTuple):
    """The images of one instant; ``right`` is None where it is missing."""

    stamp_ns: int
    left: Path
    right: Path | None


@dataclass(frozen=True, eq=False)
class EurocRecording:
    """Images, IMU and ground truth of one flight.

    Attributes:
        frames: the images' files in time order.
        imu: all samples.
        cameras: left and right, or one.
        imu_noise: densities ``gyro, accel, gyro_walk, accel_walk``, SI units.
        ground_truth: poses of the IMU, or None.
        is_mirrored: the images are to be flipped left to right.
    """

    frames: tuple[FrameFiles, ...]
    imu: ImuData
    cameras: tuple[Camera, ...]
    imu_noise: dict[str, float]
    ground_truth: PoseTable | None
    is_mirrored: bool = False

    def images(self, index: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the left and the right image, (H, W) uint8; None for a missing right one.

        Raises:
            EquiError: a file is not an image.
        """
        frame = self.frames[index]
        return self._read(frame.left), self._read(frame.right) if frame.right else None

    def _read(self, path: Path) -> np.ndarray:
        image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
        if image is None:
            raise EquiError(f"{path} is not an image that can be read; copy the recording again.")
        return np.ascontiguousarray(image[:, ::-1]) if self.is_mirrored else image


def open_euroc(folder: str | Path) -> EurocRecording:
    """Open a recording: a folder that holds ``mav0``, or ``mav0`` itself.

    Ground truth is read from ``mav0/state_groundtruth_estimate0`` or, where that is missing, from
    ``groundtruth/gt_imu_tum.txt`` beside ``mav0``.

    Raises:
        EquiError: a part is missing or malformed.
    """
    folder = Path(folder)
    root = folder / "mav0" if (folder / "mav0").is_dir() else folder
    if not (root / "cam0").is_dir() or not (root / "imu0").is_dir():
        raise EquiError(f"{folder} is no EuRoC recording: it has no mav0/cam0 and mav0/imu0.")
    sides = [root / name for name in ("cam0", "cam1") if (root / name).is_dir()]
    truths = [root / name for name in GROUND_TRUTHS if (root / name).is_file()]
    return EurocRecording(
        _frames([_image_files(side) for side in sides]),
        _read_imu(root / "imu0" / "data.csv"),
        tuple(read_euroc_sensor(side / "sensor.yaml") for side in sides),
        read_imu_noise(root / "imu0" / "sensor.yaml"),
        _read_poses(truths[0]) if truths else None,
    )


def started_at(recording: EurocRecording, frame: int, imu_before: float = 0.5) -> EurocRecording:
    """Return the part from a frame on, with ``imu_before`` seconds of the IMU before it."""
    frames = recording.frames[frame:]
    if not frames:
        raise EquiError(f"The recording has {len(recording.frames)} frames; start before that.")
    begin = frames[0].stamp_ns - round(imu_before * 1e9)
    first = np.searchsorted(recording.imu.stamps_ns, begin)
    return replace(recording, frames=frames, imu=recording.imu.keep(slice(first, None)))


def ended_at(recording: EurocRecording, frame: int) -> EurocRecording:
    """Return the part before a frame."""
    return replace(recording, frames=recording.frames[:frame])


def reversed_in_time(recording: EurocRecording) -> EurocRecording:
    """Return the film run backwards: velocities change sign, accelerations do not.

    Stamps are mirrored about the middle of the IMU's, so that they stay in the same range.
    """
    turn = int(recording.imu.stamps_ns[0]) + int(recording.imu.stamps_ns[-1])
    imu, truth = recording.imu, recording.ground_truth
    frames = [frame._replace(stamp_ns=turn - frame.stamp_ns) for frame in recording.frames[::-1]]
    return replace(
        recording,
        frames=tuple(frames),
        imu=ImuData(turn - imu.stamps_ns[::-1], -imu.gyro[::-1], imu.accel[::-1]),
        ground_truth=truth
        and replace(truth, stamps_ns=turn - truth.stamps_ns[::-1], T_w_b=truth.T_w_b[::-1]),
    )


def mirrored(recording: EurocRecording) -> EurocRecording:
    """Return the recording as a mirror shows it: world and body are reflected in y.

    The first camera stays the first although it then stands on the right of the second: the same
    features are seen by the same camera, and the poses of the cameras on the body tell the side.
    """
    imu, truth = recording.imu, recording.ground_truth
    flip = np.diag(REFLECTION)[:3]
    return replace(
        recording,
        imu=ImuData(imu.stamps_ns, -imu.gyro * flip, imu.accel * flip),
        cameras=tuple(_mirrored_camera(camera) for camera in recording.cameras),
        ground_truth=truth and replace(truth, T_w_b=REFLECTION @ truth.T_w_b @ REFLECTION),
        is_mirrored=not recording.is_mirrored,
    )


def turned(recording: EurocRecording, R_a_w: np.ndarray) -> EurocRecording:
    """Return the recording in a turned world ``a``: only what is known of the world turns."""
    truth = recording.ground_truth
    T = np.eye(4)
    T[:3, :3] = R_a_w
    return replace(recording, ground_truth=truth and replace(truth, T_w_b=T @ truth.T_w_b))


def remounted(recording: EurocRecording, R_a_b: np.ndarray) -> EurocRecording:
    """Return the recording of an IMU that was mounted turned, its axes being those of ``a``."""
    imu, truth = recording.imu, recording.ground_truth
    T = np.eye(4)
    T[:3, :3] = R_a_b
    return replace(
        recording,
        imu=ImuData(imu.stamps_ns, imu.gyro @ R_a_b.T, imu.accel @ R_a_b.T),
        cameras=tuple(replace(camera, T_b_c=T @ camera.T_b_c) for camera in recording.cameras),
        ground_truth=truth and replace(truth, T_w_b=truth.T_w_b @ T.T),
    )


def _mirrored_camera(camera: Camera) -> Camera:
    fx, fy, cx, cy = camera.intrinsics
    distortion = list(camera.distortion)
    if camera.model == "radtan":
        distortion[3] = -distortion[3]  # p2 belongs to the x axis
    return replace(
        camera,
        intrinsics=(fx, fy, camera.width - 1 - cx, cy),
        distortion=tuple(distortion),
        T_b_c=REFLECTION @ camera.T_b_c @ IMAGE_REFLECTION,
    )


def _frames(sides: list[dict[int, Path]]) -> tuple[FrameFiles, ...]:
    left, right = sides[0], sides[1] if len(sides) > 1 else {}
    return tuple(FrameFiles(stamp, left[stamp], right.get(stamp)) for stamp in sorted(left))


def _image_files(side: Path) -> dict[int, Path]:
    """Return the images by stamp, those of the table that exist."""
    rows = _rows(side / "data.csv", 2)
    files = {_stamp(row[0], side): side / "data" / row[1] for row in rows}
    existing = {stamp: file for stamp, file in files.items() if file.is_file()}
    if not existing:
        raise EquiError(f"{side} has no images; copy the recording with its data folders.")
    return existing


def _read_imu(path: Path) -> ImuData:
    rows = _rows(path, 7)
    values = _floats(rows, slice(1, 7), path)
    stamps = np.array([_stamp(row[0], path) for row in rows], np.int64)
    if not (np.diff(stamps) > 0).all():
        raise EquiError(f"The stamps in {path} do not grow; sort the samples by time.")
    return ImuData(stamps, values[:, :3], values[:, 3:])


def _read_poses(path: Path) -> PoseTable:
    """Read poses: stamp in ns, position, quaternion w first (csv), or in s and w last (TUM)."""
    is_tum = path.suffix == ".txt"
    rows = _rows(path, 8)
    values = _floats(rows, slice(1, 8), path)
    quaternions = values[:, 3:] if is_tum else np.roll(values[:, 3:], -1, 1)
    T_w_b = np.tile(np.eye(4), (len(rows), 1, 1))
    T_w_b[:, :3, :3] = Rotation.from_quat(quaternions).as_matrix()
    T_w_b[:, :3, 3] = values[:, :3]
    stamps = [int(Decimal(row[0]).scaleb(9 if is_tum else 0)) for row in rows]
    return PoseTable(np.array(stamps, np.int64), T_w_b, TRUTH_POSITION, TRUTH_ROTATION)


def _rows(path: Path, columns: int) -> list[list[str]]:
    """Return the cells of a table, comments left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise EquiError(f"Cannot read {path}: {error.strerror}.") from None
    rows = [line.replace(",", " ").split() for line in lines if line[:1] not in ("#", "")]
    if not rows or min(map(len, rows)) < columns:
        raise EquiError(f"{path} must have {columns} columns in every row.")
    return rows


def _stamp(text: str, path: Path) -> int:
    if not text.isdigit():
        raise EquiError(f"In {path}, {text!r} is no stamp: give whole nanoseconds.")
    return int(text)


def _floats(rows: list[list[str]], columns: slice, path: Path) -> np.ndarray:
    try:
        values = np.array([row[columns] for row in rows], np.float64)
    except ValueError as error:
        raise EquiError(f"In {path} something is not a number: {error}.") from None
    if not np.isfinite(values).all():
        raise EquiError(f"In {path} a number is not finite; remove its row.")
    return values
