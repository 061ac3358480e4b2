"""Calibrations of cameras and noise of IMUs: Kalibr, EuRoC and ``sensor_msgs/CameraInfo``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from equi_nodes.errors import EquiError
from equi_nodes.geometry.camera import Camera

DISTORTIONS = {
    "radtan": "radtan",  # Kalibr
    "radial-tangential": "radtan",  # EuRoC
    "plumb_bob": "radtan",  # CameraInfo, as the next ones
    "rational_polynomial": "radtan",
    "equidistant": "kannala_brandt",
    "fisheye": "kannala_brandt",
    "none": "pinhole",
    "": "pinhole",
}
KALIBR_MODELS = {"radtan": "radtan", "kannala_brandt": "equidistant", "pinhole": "none"}
IMU_NOISE = {
    "gyro": "gyroscope_noise_density",
    "accel": "accelerometer_noise_density",
    "gyro_walk": "gyroscope_random_walk",
    "accel_walk": "accelerometer_random_walk",
}
LARGEST_TIME_SHIFT = 1.0  # s; more is a mistake of units


class Calibration(NamedTuple):
    """The cameras of a rig.

    Attributes:
        cameras: in the order of the file, the left one first.
        time_offset: seconds to add to a camera stamp to have the IMU's time of it.
    """

    cameras: tuple[Camera, ...]
    time_offset: float = 0.0


def read_calibration(path: str | Path) -> Calibration:
    """Read a Kalibr camera chain (a file) or the sensors of a EuRoC recording (a folder).

    Raises:
        EquiError: there is none, or it makes no sense; the sentence names the file and the entry.
    """
    path = Path(path)
    if not path.is_dir():
        return read_kalibr(path)
    root = path / "mav0" if (path / "mav0").is_dir() else path
    sensors = [root / name / "sensor.yaml" for name in ("cam0", "cam1")]
    return Calibration(tuple(read_euroc_sensor(s) for s in sensors[:1] + _existing(sensors[1:])))


def read_kalibr(path: str | Path) -> Calibration:
    """Read the camera chain that Kalibr writes, with the pose of the IMU.

    ``T_cam_imu`` maps points of the IMU into the camera, so ``T_b_c`` is its inverse; it may also
    be given as ``T_imu_cam``, which is ``T_b_c`` itself, or for the second camera by
    ``T_cn_cnm1``, which maps points of the camera before into it.

    Raises:
        EquiError: the file is missing or malformed.
    """
    tree = _read_yaml(path)
    names = sorted(name for name in tree if name.startswith("cam") and name[3:].isdigit())
    if not names:
        raise EquiError(f"{path} has no entry cam0; give the camera chain that Kalibr writes.")
    cameras: list[Camera] = []
    for name in names:
        where = f"{path}, {name}"
        entry = _mapping(tree[name], where)
        cameras.append(_kalibr_camera(entry, cameras[-1] if cameras else None, where))
    shifts = [_time_shift(tree[name], f"{path}, {name}") for name in names]
    return Calibration(tuple(cameras), float(np.mean(shifts)))


def read_euroc_sensor(path: str | Path) -> Camera:
    """Read the ``sensor.yaml`` of a camera; its ``T_BS`` maps points of the camera into the body.

    Raises:
        EquiError: the file is missing or malformed.
    """
    entry, where = _read_yaml(path), str(path)
    T_BS = _mapping(_entry(entry, "T_BS", where), f"{where}, T_BS")
    T_b_c = _numbers(T_BS, "data", where, (16,)).reshape(4, 4)
    return _camera_of_entry(entry, "distortion_coefficients", T_b_c, where)


def camera_of_info(info: Any, T_b_c: np.ndarray, is_rectified: bool = False) -> Camera:
    """Return the camera that a ``sensor_msgs/CameraInfo`` describes.

    Args:
        info: a message of ROS 2 (fields d, k, p) or of ROS 1 (D, K, P).
        T_b_c: (4, 4) pose of the camera on the body, which the message does not hold.
        is_rectified: the images are rectified, so that the matrix P holds and no distortion.

    Raises:
        EquiError: the camera is not calibrated, or in a way that is not supported.
    """
    where = "the CameraInfo"
    d, k, p = (
        np.asarray(getattr(info, name, getattr(info, name.upper(), ())), np.float64).ravel()
        for name in "dkp"
    )
    if info.binning_x > 1 or info.binning_y > 1 or info.roi.width not in (0, info.width):
        raise EquiError(f"In {where}, binning or a region is set; publish whole images instead.")
    matrix = p.reshape(3, 4) if is_rectified and p.size == 12 else k.reshape(-1, 3)
    if matrix.shape[0] != 3 or not matrix.any():
        raise EquiError(f"In {where} the camera matrix is empty; calibrate the camera.")
    intrinsics = matrix[[0, 1, 0, 1], [0, 1, 2, 2]]
    model = "none" if is_rectified else info.distortion_model
    size = np.array([info.width, info.height], np.float64)
    return _camera(where, model, size, intrinsics, d, T_b_c)


def read_imu_noise(path: str | Path) -> dict[str, float]:
    """Return the noise densities ``gyro, accel, gyro_walk, accel_walk`` of an IMU in SI units.

    Reads the ``sensor.yaml`` of EuRoC and the ``imu.yaml`` of Kalibr.

    Raises:
        EquiError: the file is missing, or a density is missing or not positive.
    """
    tree, where = _read_yaml(path), str(path)
    if "imu0" in tree:
        tree, where = _mapping(tree["imu0"], f"{path}, imu0"), f"{path}, imu0"
    noise = {name: float(_numbers(tree, key, where, (1,))[0]) for name, key in IMU_NOISE.items()}
    for name, density in noise.items():
        if not 0 < density < 10:
            raise EquiError(f"In {where}, {IMU_NOISE[name]} is {density:g}: give SI densities > 0.")
    return noise


def write_kalibr(path: str | Path, calibration: Calibration) -> None:
    """Write a camera chain that ``read_kalibr`` reads back to the last bit."""
    cameras = {
        f"cam{number}": {
            "camera_model": "pinhole",
            "distortion_model": KALIBR_MODELS[camera.model],
            "resolution": [camera.width, camera.height],
            "intrinsics": list(camera.intrinsics),
            "distortion_coeffs": list(camera.distortion),
            "T_imu_cam": camera.T_b_c.tolist(),
            "timeshift_cam_imu": calibration.time_offset,
        }
        for number, camera in enumerate(calibration.cameras)
    }
    Path(path).write_text(yaml.safe_dump(cameras, sort_keys=False))


def write_imu_noise(path: str | Path, noise: Mapping[str, float]) -> None:
    """Write densities ``gyro, accel, gyro_walk, accel_walk`` as ``read_imu_noise`` reads them."""
    named = {key: noise[name] for name, key in IMU_NOISE.items()}
    Path(path).write_text(yaml.safe_dump(named, sort_keys=False))


def _kalibr_camera(entry: Mapping, before: Camera | None, where: str) -> Camera:
    kind = entry.get("camera_model", "pinhole")
    if kind != "pinhole":
        raise EquiError(f"In {where}, the camera_model {kind!r} is not supported; use 'pinhole'.")
    return _camera_of_entry(entry, "distortion_coeffs", _kalibr_pose(entry, before, where), where)


def _camera_of_entry(entry: Mapping, distortion: str, T_b_c: np.ndarray, where: str) -> Camera:
    """Return the camera of a file; both formats name all but the distortion's numbers alike."""
    return _camera(
        where,
        _entry(entry, "distortion_model", where),
        _numbers(entry, "resolution", where, (2,)),
        _numbers(entry, "intrinsics", where, (4,)),
        _numbers(entry, distortion, where, None),
        T_b_c,
    )


def _kalibr_pose(entry: Mapping, before: Camera | None, where: str) -> np.ndarray:
    """Return T_b_c from whichever transform the file holds."""
    if "T_cam_imu" in entry:
        return _inverse(_numbers(entry, "T_cam_imu", where, (4, 4)), f"{where}, T_cam_imu")
    if "T_imu_cam" in entry:
        return _numbers(entry, "T_imu_cam", where, (4, 4))
    if before is not None and "T_cn_cnm1" in entry:
        T_c_before = _numbers(entry, "T_cn_cnm1", where, (4, 4))
        return before.T_b_c @ _inverse(T_c_before, f"{where}, T_cn_cnm1")
    raise EquiError(
        f"In {where} there is no T_cam_imu; give the camchain-imucam file of Kalibr, which holds"
        " the pose of the IMU."
    )


def _inverse(T: np.ndarray, where: str) -> np.ndarray:
    if abs(np.linalg.det(T)) < 0.5:
        raise EquiError(f"{where} is not a rigid transform; correct the camera calibration.")
    return np.linalg.inv(T)


def _time_shift(entry: Mapping, where: str) -> float:
    shift = entry.get("timeshift_cam_imu", 0.0)
    if not isinstance(shift, (int, float)) or not abs(shift) <= LARGEST_TIME_SHIFT:
        raise EquiError(f"In {where}, timeshift_cam_imu must be seconds, at most 1; it is {shift}.")
    return float(shift)


def _camera(
    where: str,
    distortion_model: Any,
    size: np.ndarray,
    intrinsics: np.ndarray,
    distortion: np.ndarray,
    T_b_c: np.ndarray,
) -> Camera:
    """Return the camera; without distortion it is a pinhole, whatever the model is called."""
    if distortion_model not in DISTORTIONS:
        known = ", ".join(repr(name) for name in DISTORTIONS if name)
        raise EquiError(
            f"In {where}, the distortion model {distortion_model!r} is not supported; use one of"
            f" {known}."
        )
    model = DISTORTIONS[distortion_model]
    if model == "radtan" and not distortion.any():
        model = "pinhole"
    coefficients = () if model == "pinhole" else tuple(map(float, distortion))
    width, height = (int(pixels) for pixels in size)
    try:
        return Camera(model, width, height, tuple(map(float, intrinsics)), coefficients, T_b_c)
    except EquiError as error:
        raise EquiError(f"In {where}: {error}") from None


def _read_yaml(path: str | Path) -> Mapping:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not a text"
        raise EquiError(f"Cannot read the calibration {path}: {reason}.") from None
    if text.startswith("%YAML:"):  # as OpenCV writes it, which YAML does not allow
        text = text.partition("\n")[2]
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        raise EquiError(f"{path} is not a YAML file (line {line}).") from None
    return _mapping(tree, str(path))


def _mapping(value: Any, where: str) -> Mapping:
    if not isinstance(value, Mapping):
        raise EquiError(f"{where} must hold names and values, as a calibration does.")
    return value


def _entry(entry: Mapping, key: str, where: str) -> Any:
    if key not in entry:
        raise EquiError(f"In {where} the entry {key} is missing.")
    return entry[key]


def _numbers(entry: Mapping, key: str, where: str, shape: tuple[int, ...] | None) -> np.ndarray:
    """Return the entry as finite numbers; with a shape of None, any list of numbers."""
    value = _entry(entry, key, where)
    try:
        numbers = np.array([value] if np.isscalar(value) else value, np.float64)
    except (TypeError, ValueError):
        numbers = np.array([[np.nan]])
    wanted = numbers.ndim == 1 if shape is None else numbers.shape == shape
    if not wanted or not np.isfinite(numbers).all():
        size = " x ".join(map(str, shape)) + " " if shape else ""
        raise EquiError(f"In {where}, {key} must be {size}finite numbers.")
    return numbers


def _existing(paths: list[Path]) -> list[Path]:
    return [path for path in paths if path.exists()]
