"""Every camera model maps rays to pixels and back, and says what is wrong with its numbers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equi_nodes.errors import EquiError
from equi_nodes.geometry.camera import Camera

EUROC = (-0.28340811, 0.07395907, 0.00019359, 1.76187114e-05)
FISHEYE = (-0.0136, 0.0247, -0.0263, 0.0082)
RATIONAL = (0.4, -0.1, 1e-3, -5e-4, 0.02, 0.6, -0.05, 0.01)


def camera(model, distortion, **changes) -> Camera:
    """Return a 752x480 camera at the body's origin."""
    focal = 190.0 if model == "kannala_brandt" else 458.0
    numbers = {"intrinsics": (focal, focal + 1.5, 367.2, 248.4), "T_b_c": np.eye(4)}
    numbers |= {"model": model, "width": 752, "height": 480, "distortion": distortion}
    return Camera(**(numbers | changes))


CAMERAS = {
    "pinhole": camera("pinhole", ()),
    "radtan": camera("radtan", EUROC),
    "radtan5": camera("radtan", (*EUROC, -0.005)),
    "rational": camera("radtan", RATIONAL),
    "fisheye": camera("kannala_brandt", FISHEYE),
}
EVERY = pytest.mark.parametrize("name", CAMERAS)


@EVERY
@given(x=st.floats(0, 751), y=st.floats(0, 479), distance=st.floats(0.01, 1000))
def test_a_pixel_comes_back(name, x, y, distance):
    camera = CAMERAS[name]
    normalised = camera.normalise(np.array([[x, y]]))
    if np.isnan(normalised).any():
        assert name == "fisheye"  # its corners lie outside 140 degrees
        return
    ray = np.append(normalised[0], 1.0) * distance
    np.testing.assert_allclose(camera.project(ray[None]), [[x, y]], atol=5e-3)


@EVERY
def test_many_pixels_at_once_are_as_one_by_one(name):
    camera = CAMERAS[name]
    pixels = np.random.default_rng(1).uniform((50, 50), (700, 430), (40, 2))
    one_by_one = np.concatenate([camera.normalise(pixel[None]) for pixel in pixels])
    np.testing.assert_array_equal(camera.normalise(pixels), one_by_one)


def test_projection_is_that_of_opencv():
    points = np.random.default_rng(2).uniform((-1, -0.7, 1), (1, 0.7, 3), (100, 3))
    for name in ("radtan", "radtan5", "rational", "fisheye"):
        mine = CAMERAS[name]
        fx, fy, cx, cy = mine.intrinsics
        K, D = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), np.array(mine.distortion)
        library = cv2.fisheye if name == "fisheye" else cv2
        shape = points[None] if name == "fisheye" else points
        theirs = library.projectPoints(shape, np.zeros(3), np.zeros(3), K, D)[0].reshape(-1, 2)
        np.testing.assert_allclose(mine.project(points), theirs, atol=1e-9, err_msg=name)


def test_fisheye_normalisation_is_that_of_opencv():
    mine = CAMERAS["fisheye"]
    fx, fy, cx, cy = mine.intrinsics
    K, D = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]]), np.array(mine.distortion)
    pixels = np.random.default_rng(3).uniform((230, 110), (500, 380), (100, 2))
    theirs = cv2.fisheye.undistortPoints(pixels[:, None], K, D)[:, 0]
    np.testing.assert_allclose(mine.normalise(pixels), theirs, atol=1e-6)


@EVERY
def test_jacobian_is_the_slope_of_normalise(name):
    camera = CAMERAS[name]
    pixels = np.random.default_rng(4).uniform((200, 100), (550, 400), (30, 2))
    jacobian = camera.jacobian(camera.normalise(pixels))
    for axis, step in enumerate(np.eye(2) * 0.05):
        slope = (camera.normalise(pixels + step) - camera.normalise(pixels - step)) / 0.1
        np.testing.assert_allclose(jacobian[:, :, axis], slope, rtol=2e-3, atol=1e-6)


def test_a_pinhole_jacobian_is_one_over_the_focal_length():
    expected = np.diag([1 / 458.0, 1 / 459.5])
    np.testing.assert_allclose(CAMERAS["pinhole"].jacobian(np.zeros((1, 2)))[0], expected)


@EVERY
def test_behind_and_beside_the_camera_is_nothing(name):
    points = np.array([[0, 0, -1.0], [0, 0, 0], [100, 0, 1], [np.nan, 0, 1]])
    assert np.isnan(CAMERAS[name].project(points)).all()


def test_a_folding_lens_ends_where_it_folds():
    folding = camera("radtan", (-0.5, 0.0, 0.0, 0.0))
    assert folding.reach == pytest.approx(np.sqrt(1 / 1.5), rel=1e-2)
    assert np.isnan(folding.project(np.array([[1.0, 0, 1.0]]))).all()


def test_fisheye_shows_140_degrees():
    camera = CAMERAS["fisheye"]
    angles = np.radians([69.0, 71.0])
    rays = np.stack([np.sin(angles), np.zeros(2), np.cos(angles)], 1)
    assert np.isnan(camera.project(rays)).any(1).tolist() == [False, True]


def test_no_pixels_no_points():
    for camera in CAMERAS.values():
        assert camera.normalise(np.zeros((0, 2))).shape == (0, 2)
        assert camera.project(np.zeros((0, 3))).shape == (0, 2)
        assert camera.jacobian(np.zeros((0, 2))).shape == (0, 2, 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "omni"}, "model 'omni' is not known"),
        ({"width": 0}, "image size must be positive"),
        ({"intrinsics": (1.0, 2.0, 3.0)}, "four numbers"),
        ({"intrinsics": (-458.0, 458.0, 0.0, 0.0)}, "focal lengths must be positive"),
        ({"intrinsics": (float("nan"), 458.0, 0.0, 0.0)}, "not finite"),
        ({"distortion": (0.1,)}, "takes 4 or 5 or 8 distortion coefficients"),
        ({"T_b_c": np.zeros((4, 4))}, "rigid"),
        ({"T_b_c": np.diag([1.0, 1.0, -1.0, 1.0])}, "rigid"),
        ({"T_b_c": np.eye(3)}, "rigid"),
    ],
)
def test_a_malformed_camera_is_refused_in_words(changes, words):
    numbers = {"model": "radtan", "distortion": EUROC} | changes
    with pytest.raises(EquiError, match=words):
        camera(**numbers)
