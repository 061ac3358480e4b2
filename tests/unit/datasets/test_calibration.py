"""Calibrations of three kinds give the same camera; a malformed one is refused in one sentence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from equi_nodes.datasets.calibration import (
    Calibration,
    camera_of_info,
    read_calibration,
    read_euroc_sensor,
    read_imu_noise,
    read_kalibr,
    write_imu_noise,
    write_kalibr,
)
from equi_nodes.errors import EquiError
from equi_nodes.geometry.camera import Camera

RADTAN = [-0.2834, 0.0739, 0.00019, 1.76e-05]
INTRINSICS = [458.654, 457.296, 367.215, 248.375]


def pose(seed: int) -> np.ndarray:
    """Return some rigid transform."""
    rng = np.random.default_rng(seed)
    T = np.eye(4)
    T[:3, :3], T[:3, 3] = Rotation.random(random_state=seed).as_matrix(), rng.normal(size=3)
    return T


def kalibr(**changes) -> dict:
    """Return one camera as Kalibr describes it; a change to None takes the entry out."""
    entry = {
        "T_cam_imu": np.linalg.inv(pose(1)).tolist(),
        "camera_model": "pinhole",
        "distortion_coeffs": RADTAN,
        "distortion_model": "radtan",
        "intrinsics": INTRINSICS,
        "resolution": [752, 480],
        "timeshift_cam_imu": 0.012,
    } | changes
    return {key: value for key, value in entry.items() if value is not None}


def written(tmp_path, tree, head="") -> str:
    """Return the path of a YAML file that holds the tree."""
    file = tmp_path / "calibration.yaml"
    file.write_text(head + (tree if isinstance(tree, str) else yaml.safe_dump(tree)))
    return str(file)


def euroc(**changes) -> dict:
    """Return one camera as EuRoC describes it."""
    return {
        "T_BS": {"cols": 4, "rows": 4, "data": pose(1).ravel().tolist()},
        "resolution": [752, 480],
        "intrinsics": INTRINSICS,
        "distortion_model": "radial-tangential",
        "distortion_coefficients": RADTAN,
    } | changes


def info(**changes) -> SimpleNamespace:
    """Return the fields of a CameraInfo."""
    fx, fy, cx, cy = INTRINSICS
    fields = {
        "width": 752,
        "height": 480,
        "distortion_model": "plumb_bob",
        "d": [*RADTAN, 0.0],
        "k": [fx, 0, cx, 0, fy, cy, 0, 0, 1],
        "p": [400, 0, 370, -40, 0, 400, 240, 0, 0, 0, 1, 0],
        "binning_x": 0,
        "binning_y": 0,
        "roi": SimpleNamespace(width=0),
    }
    return SimpleNamespace(**(fields | changes))


def same(one, other):
    """Assert that two cameras are equal."""
    assert (one.model, one.width, one.height) == (other.model, other.width, other.height)
    np.testing.assert_allclose(one.intrinsics, other.intrinsics)
    np.testing.assert_allclose(one.distortion[:4], other.distortion[:4])
    np.testing.assert_allclose(one.T_b_c, other.T_b_c, atol=1e-12)


def test_three_descriptions_give_the_same_camera(tmp_path):
    of_kalibr = read_kalibr(written(tmp_path, {"cam0": kalibr()})).cameras[0]
    of_euroc = read_euroc_sensor(written(tmp_path, euroc()))
    np.testing.assert_allclose(of_kalibr.T_b_c, pose(1), atol=1e-12)
    same(of_kalibr, of_euroc)
    same(camera_of_info(info(), pose(1)), of_euroc)


def test_both_kalibr_conventions_and_the_time_shift(tmp_path):
    inverse = kalibr(T_cam_imu=None, T_imu_cam=pose(1).tolist())
    other = read_kalibr(written(tmp_path, {"cam0": inverse}, head="%YAML:1.0 # OpenCV\n"))
    same(other.cameras[0], read_kalibr(written(tmp_path, {"cam0": kalibr()})).cameras[0])
    assert other.time_offset == 0.012


def test_second_camera_by_its_pose_on_the_first(tmp_path):
    T_c1_c0 = pose(2)
    second = kalibr(T_cam_imu=None, T_cn_cnm1=T_c1_c0.tolist())
    cameras = read_kalibr(written(tmp_path, {"cam1": second, "cam0": kalibr()})).cameras
    np.testing.assert_allclose(cameras[1].T_b_c, pose(1) @ np.linalg.inv(T_c1_c0), atol=1e-12)


def test_fisheye_by_all_its_names(tmp_path):
    fisheye = {"distortion_model": "equidistant"}
    of_kalibr = read_kalibr(written(tmp_path, {"cam0": kalibr(**fisheye)})).cameras[0]
    of_info = camera_of_info(info(d=RADTAN, distortion_model="fisheye"), pose(1))
    assert of_kalibr.model == of_info.model == "kannala_brandt"
    same(of_kalibr, of_info)
    same(of_info, camera_of_info(info(d=RADTAN, **fisheye), pose(1)))


def test_no_distortion_is_a_pinhole():
    assert camera_of_info(info(d=[0.0] * 5), np.eye(4)).model == "pinhole"
    assert camera_of_info(info(d=[], distortion_model=""), np.eye(4)).model == "pinhole"


def test_rectified_images_have_the_projection_matrix():
    camera = camera_of_info(info(), np.eye(4), is_rectified=True)
    assert (camera.model, camera.intrinsics) == ("pinhole", (400, 400, 370, 240))


def test_rational_polynomial_and_ros_1():
    one = info(d=[0.4, -0.1, 1e-3, 1e-3, 0.02, 0.6, 0, 0], distortion_model="rational_polynomial")
    assert len(camera_of_info(one, np.eye(4)).distortion) == 8
    fields = vars(info())
    ros1 = SimpleNamespace(**{k.upper() if len(k) == 1 else k: v for k, v in fields.items()})
    same(camera_of_info(ros1, np.eye(4)), camera_of_info(info(), np.eye(4)))


def test_imu_noise_of_both_kinds(tmp_path):
    densities = {
        "gyroscope_noise_density": 1.7e-4,
        "accelerometer_noise_density": 2e-3,
        "gyroscope_random_walk": 2e-5,
        "accelerometer_random_walk": 3e-3,
    }
    expected = {"gyro": 1.7e-4, "accel": 2e-3, "gyro_walk": 2e-5, "accel_walk": 3e-3}
    assert read_imu_noise(written(tmp_path, densities)) == expected
    assert read_imu_noise(written(tmp_path, {"imu0": densities})) == expected
    with pytest.raises(EquiError, match="gyroscope_random_walk is 0: give SI densities > 0"):
        read_imu_noise(written(tmp_path, densities | {"gyroscope_random_walk": 0.0}))


def test_a_folder_of_sensors(tmp_path):
    for name in ("cam0", "cam1"):
        (tmp_path / "mav0" / name).mkdir(parents=True)
        (tmp_path / "mav0" / name / "sensor.yaml").write_text(yaml.safe_dump(euroc()))
    assert len(read_calibration(tmp_path).cameras) == 2
    (tmp_path / "mav0" / "cam1" / "sensor.yaml").unlink()
    assert len(read_calibration(tmp_path).cameras) == 1


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ("a: [1, 2", "is not a YAML file"),
        ("- 1\n- 2\n", "must hold names and values"),
        ({"camera": {}}, "no entry cam0; give the camera chain that Kalibr writes"),
        ({"cam0": 3}, "cam0 must hold names and values"),
        ({"cam0": kalibr(intrinsics=None)}, "cam0 the entry intrinsics is missing"),
        ({"cam0": kalibr(intrinsics=[1.0, 2.0])}, "intrinsics must be 4 finite numbers"),
        ({"cam0": kalibr(intrinsics=["a", 1, 2, 3])}, "intrinsics must be 4 finite numbers"),
        ({"cam0": kalibr(resolution=[752])}, "resolution must be 2 finite numbers"),
        ({"cam0": kalibr(camera_model="omni")}, "camera_model 'omni' is not supported"),
        ({"cam0": kalibr(distortion_model="fov")}, "distortion model 'fov' is not supported"),
        ({"cam0": kalibr(distortion_coeffs=[1.0])}, "takes 4 or 5 or 8 distortion coefficients"),
        ({"cam0": kalibr(distortion_coeffs=[[1.0]])}, "distortion_coeffs must be finite numbers"),
        ({"cam0": kalibr(T_cam_imu=None)}, "no T_cam_imu; give the camchain-imucam file"),
        ({"cam0": kalibr(T_cam_imu=[[0.0] * 4] * 4)}, "T_cam_imu is not a rigid transform"),
        ({"cam0": kalibr(T_cam_imu=np.diag([1, 1, -1, 1.0]).tolist())}, "4x4 rigid transform"),
        ({"cam0": kalibr(timeshift_cam_imu=12.0)}, "timeshift_cam_imu must be seconds"),
    ],
)
def test_a_malformed_kalibr_file_is_refused_in_words(tmp_path, tree, words):
    with pytest.raises(EquiError, match=words):
        read_kalibr(written(tmp_path, tree))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"T_BS": [1.0]}, "T_BS must hold names and values"),
        ({"T_BS": {"data": [1.0] * 12}}, "data must be 16 finite numbers"),
        ({"distortion_model": None}, "distortion model None is not supported"),
    ],
)
def test_a_malformed_euroc_sensor_is_refused_in_words(tmp_path, changes, words):
    with pytest.raises(EquiError, match=words):
        read_euroc_sensor(written(tmp_path, euroc(**changes)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"k": [0.0] * 9}, "camera matrix is empty; calibrate the camera"),
        ({"k": []}, "camera matrix is empty"),
        ({"distortion_model": "thin_prism"}, "'thin_prism' is not supported"),
        ({"binning_x": 2}, "binning or a region is set"),
        ({"width": 0}, "image size must be positive"),
    ],
)
def test_an_unusable_camera_info_is_refused_in_words(changes, words):
    with pytest.raises(EquiError, match=words):
        camera_of_info(info(**changes), np.eye(4))


def test_a_missing_or_binary_file_is_refused_in_words(tmp_path):
    with pytest.raises(EquiError, match="Cannot read the calibration .*: No such file"):
        read_calibration(tmp_path / "absent.yaml")
    (tmp_path / "image.yaml").write_bytes(b"\xff\xd8\xff\x00")
    with pytest.raises(EquiError, match="it is not a text"):
        read_calibration(tmp_path / "image.yaml")


@pytest.mark.parametrize(
    ("model", "distortion"),
    [("radtan", tuple(RADTAN)), ("kannala_brandt", tuple(RADTAN)), ("pinhole", ())],
)
def test_what_is_written_is_read_back_to_the_last_bit(tmp_path, model, distortion):
    intrinsics = (458.654 / 7, 457.296 / 7, 367.215 / 7, 248.375 / 7)
    cameras = [Camera(model, 752, 480, intrinsics, distortion, pose(seed)) for seed in (1, 2)]
    write_kalibr(tmp_path / "rig.yaml", Calibration(tuple(cameras), -0.0123456789012345))
    read, time_offset = read_calibration(tmp_path / "rig.yaml")
    assert time_offset == -0.0123456789012345
    for one, other in zip(read, cameras):
        assert (one.T_b_c == other.T_b_c).all()
        assert (one.model, one.width, one.height) == (model, 752, 480)
        assert (one.intrinsics, one.distortion) == (intrinsics, distortion)


def test_written_noise_is_read_back(tmp_path):
    noise = {"gyro": 1.7e-4, "accel": 2e-3 / 3, "gyro_walk": 1.9e-5, "accel_walk": 3e-3}
    write_imu_noise(tmp_path / "imu.yaml", noise)
    assert read_imu_noise(tmp_path / "imu.yaml") == noise
