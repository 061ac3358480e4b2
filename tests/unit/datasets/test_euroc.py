"""The EuRoC reader, and its variants: each must be a world that physics allows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from equi_nodes.datasets.euroc import (
    EurocRecording,
    ended_at,
    mirrored,
    open_euroc,
    remounted,
    reversed_in_time,
    started_at,
    turned,
)
from equi_nodes.errors import EquiError

GRAVITY = np.array([0, 0, -9.81])
STEP_NS = 5_000_000
POINT = np.array([0.5, 4.0, 0.3])  # a world point in sight of both cameras


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Returns a recording of a body that sways before a point, with exact IMU samples."""
    root = tmp_path_factory.mktemp("euroc") / "mav0"
    rng = np.random.default_rng(1)
    for side, y in (("cam0", 0.05), ("cam1", -0.06)):
        (root / side / "data").mkdir(parents=True)
        T = np.eye(4)
        T[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]  # looks along y of the body
        T[:3, 3] = (-y, 0.01, 0.02)
        sensor = {
            "T_BS": {"data": T.ravel().tolist()},
            "resolution": [64, 48],
            "intrinsics": [50.0, 51.0, 30.0, 24.5],
            "distortion_model": "radial-tangential",
            "distortion_coefficients": [-0.2, 0.05, 0.001, 0.002],
        }
        (root / side / "sensor.yaml").write_text(yaml.safe_dump(sensor))
        stamps = [1_000_000_000 + i * 50_000_000 for i in range(10)]
        (root / side / "data.csv").write_text("#t,f\n" + "".join(f"{s},{s}.png\n" for s in stamps))
        for stamp in stamps[: 10 if side == "cam0" else 9]:
            image = rng.integers(0, 255, (48, 64), np.uint8)
            cv2.imwrite(str(root / side / "data" / f"{stamp}.png"), image)
    _write_motion(root)
    return root.parent


def _write_motion(root) -> None:
    """Write IMU samples and ground truth of the same smooth motion."""
    names = ["gyroscope_noise_density", "gyroscope_random_walk"]
    names += ["accelerometer_noise_density", "accelerometer_random_walk"]
    (root / "imu0").mkdir()
    (root / "imu0" / "sensor.yaml").write_text(yaml.safe_dump(dict.fromkeys(names, 1e-3)))
    (root / "state_groundtruth_estimate0").mkdir()
    imu, truth = ["#t"], ["#t"]
    for i in range(140):
        t, stamp = i * STEP_NS * 1e-9, 900_000_000 + i * STEP_NS
        R = Rotation.from_rotvec(_turn(t)).as_matrix()
        later = Rotation.from_rotvec(_turn(t + 1e-4)).as_matrix()
        gyro = Rotation.from_matrix(R.T @ later).as_rotvec() / 1e-4
        second = (_place(t + 1e-3) - 2 * _place(t) + _place(t - 1e-3)) / 1e-6
        accel = R.T @ (second - GRAVITY)
        x, y, z, w = Rotation.from_matrix(R).as_quat()
        imu.append(",".join(map(str, (stamp, *gyro, *accel))))
        truth.append(",".join(map(str, (stamp, *_place(t), w, x, y, z, 0, 0, 0))))
    (root / "imu0" / "data.csv").write_text("\n".join(imu))
    (root / "state_groundtruth_estimate0" / "data.csv").write_text("\n".join(truth))


def _turn(t: float) -> np.ndarray:
    return np.array([0.2 * np.sin(3 * t), 0.3 * t, 0.1 * np.cos(5 * t)])


def _place(t: float) -> np.ndarray:
    return np.array([0.3 * np.sin(4 * t), 0.2 * np.cos(3 * t), 0.1 * t * t])


def is_physical(recording: EurocRecording, gravity: np.ndarray = GRAVITY) -> bool:
    """Return whether IMU and ground truth tell of the same motion."""
    T, dt = recording.ground_truth.T_w_b, STEP_NS * 1e-9
    gyro, accel = recording.imu.gyro, recording.imu.accel
    turns = Rotation.from_matrix(np.swapaxes(T[:-1, :3, :3], 1, 2) @ T[1:, :3, :3]).as_rotvec()
    second = (T[2:, :3, 3] - 2 * T[1:-1, :3, 3] + T[:-2, :3, 3]) / dt**2
    force = np.einsum("nji,nj->ni", T[1:-1, :3, :3], second - gravity)
    turned_alike = np.abs(turns / dt - 0.5 * (gyro[1:] + gyro[:-1])).max() < 0.01
    return bool(turned_alike and np.abs(force - accel[1:-1]).max() < 0.02)


def pixels(recording: EurocRecording, point: np.ndarray, pose: int) -> np.ndarray:
    """Return (cameras, 2) pixels of a world point."""
    homogeneous = np.append(point, 1.0)
    T_w_b = recording.ground_truth.T_w_b[pose]
    seen = [np.linalg.inv(T_w_b @ camera.T_b_c) @ homogeneous for camera in recording.cameras]
    return np.concatenate(
        [camera.project(p[None, :3]) for camera, p in zip(recording.cameras, seen)]
    )


def test_reads_all_parts(folder):
    recording = open_euroc(folder)
    assert [frame.right is None for frame in recording.frames] == [False] * 9 + [True]
    assert recording.images(9)[1] is None
    assert recording.images(0)[0].shape == (48, 64)
    assert recording.imu.stamps_ns[1] == 905_000_000
    assert recording.imu_noise["gyro_walk"] == 1e-3
    assert is_physical(recording)


def test_reversed_is_physical_and_twice_is_once(folder):
    recording = open_euroc(folder)
    back = reversed_in_time(recording)
    assert is_physical(back)
    assert back.frames[0].left == recording.frames[-1].left
    assert (np.diff([frame.stamp_ns for frame in back.frames]) > 0).all()
    at = np.searchsorted(back.ground_truth.stamps_ns, back.frames[0].stamp_ns)
    before = np.searchsorted(recording.ground_truth.stamps_ns, recording.frames[-1].stamp_ns)
    np.testing.assert_array_equal(back.ground_truth.T_w_b[at], recording.ground_truth.T_w_b[before])
    assert reversed_in_time(back).frames == recording.frames
    np.testing.assert_array_equal(reversed_in_time(back).imu.gyro, recording.imu.gyro)


def test_mirrored_is_physical_and_shows_the_mirrored_point(folder):
    recording = open_euroc(folder)
    mirror = mirrored(recording)
    assert is_physical(mirror)
    straight = pixels(recording, POINT, 7)
    assert np.isfinite(straight).all()
    straight[:, 0] = 63 - straight[:, 0]
    np.testing.assert_allclose(pixels(mirror, POINT * (1, -1, 1), 7), straight, atol=1e-9)
    np.testing.assert_array_equal(mirror.images(3)[1], recording.images(3)[1][:, ::-1])
    np.testing.assert_array_equal(mirrored(mirror).images(3)[0], recording.images(3)[0])


def test_turned_and_remounted_are_physical(folder):
    recording = open_euroc(folder)
    R = Rotation.random(random_state=3).as_matrix()
    assert is_physical(turned(recording, R), R @ GRAVITY)
    assert not is_physical(turned(recording, R))
    other = remounted(recording, R)
    assert is_physical(other)
    np.testing.assert_allclose(pixels(other, POINT, 7), pixels(recording, POINT, 7))


def test_started_and_ended(folder):
    recording = open_euroc(folder)
    part = started_at(recording, 4, imu_before=0.02)
    assert part.frames == recording.frames[4:]
    assert part.imu.stamps_ns[0] == part.frames[0].stamp_ns - 20_000_000
    assert ended_at(recording, 4).frames == recording.frames[:4]
    with pytest.raises(EquiError, match="has 10 frames"):
        started_at(recording, 10)


def test_what_is_missing_or_malformed_is_said(folder, tmp_path):
    with pytest.raises(EquiError, match="no EuRoC recording"):
        open_euroc(tmp_path)
    copy = tmp_path / "mav0"
    for source in folder.rglob("*.*"):
        if source.suffix in (".yaml", ".csv", ".png"):
            target = copy / source.relative_to(folder / "mav0")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    table = copy / "imu0" / "data.csv"
    lines = table.read_text().splitlines()
    for text, words in {
        "\n".join([*lines[:3], "1.5,0,0,0,0,0,0"]): "no stamp",
        "\n".join([*lines[:3], lines[1]]): "do not grow",
        "\n".join([*lines[:3], "2,0,0,x,0,0,0"]): "not a number",
        "\n".join([*lines[:3], "2000000000,0,0,nan,0,0,0"]): "not finite",
        "#t\n": "must have 7 columns",
    }.items():
        table.write_text(text)
        with pytest.raises(EquiError, match=words):
            open_euroc(tmp_path)
    table.unlink()
    with pytest.raises(EquiError, match="Cannot read .*data.csv"):
        open_euroc(tmp_path)


def test_a_broken_image_is_said(folder):
    recording = open_euroc(folder)
    broken = recording.frames[0]._replace(left=folder / "mav0" / "cam0" / "sensor.yaml")
    bad = EurocRecording((broken,), recording.imu, recording.cameras, {}, None)
    with pytest.raises(EquiError, match="is not an image"):
        bad.images(0)


def test_the_real_clip(recordings):
    recording = open_euroc(recordings("euroc_mh01_30s"))
    assert len(recording.frames) == 600
    assert sum(frame.right is None for frame in recording.frames) == 1
    assert len(recording.imu.stamps_ns) == 7190
    assert [camera.width for camera in recording.cameras] == [752, 752]
    assert recording.ground_truth.stamps_ns[0] == 1403636580838560000
    assert recording.images(0)[0].shape == (480, 752)
