"""The front end on rendered images: a textured plane moves, and the truth is known."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from equi_nodes.config.vio import TrackerConfig
from equi_nodes.geometry.camera import Camera
from equi_nodes.samples import Frame
from equi_nodes.vio.tracker import Tracker
from equi_nodes.vio.types import Prediction, Rig

WIDTH, HEIGHT, FOCAL = 376, 240, 230.0
PLANE = 4.0  # m ahead
TEXTURE_SCALE = 120.0  # px a metre
STEP_NS = 50_000_000
CONFIG = TrackerConfig(max_tracks=80)


def camera(x: float = 0.0) -> Camera:
    """Return a pinhole that looks along z of the body, ``x`` metres to its right."""
    T = np.eye(4)
    T[0, 3] = x
    return Camera("pinhole", WIDTH, HEIGHT, (FOCAL, FOCAL, 188.0, 120.0), (), T)


STEREO = Rig((camera(), camera(0.2)))
MONO = Rig((camera(),))


@pytest.fixture(scope="module")
def texture():
    """Returns a picture with structure of several sizes."""
    rng = np.random.default_rng(7)
    sizes = [(1500, side) for side in (1.5, 4.0, 10.0)]
    layers = [cv2.GaussianBlur(rng.normal(size=(n, n)), (0, 0), s) * s for n, s in sizes]
    total = sum(layers)
    return np.clip(128 + 45 * total / total.std(), 0, 255).astype(np.float32)


def pose(x=0.0, y=0.0, z=0.0, turn=(0.0, 0.0, 0.0)) -> np.ndarray:
    """Return T_w_b of a body that looks along z of the world."""
    T = np.eye(4)
    T[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
    T[:3, 3] = (x, y, z)
    return T


def render(texture: np.ndarray, T_w_b: np.ndarray, eye: Camera) -> np.ndarray:
    """Return what a pinhole sees of the plane z = PLANE."""
    T_w_c = T_w_b @ eye.T_b_c
    fx, fy, cx, cy = eye.intrinsics
    K = np.array([[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
    middle = texture.shape[0] / 2
    to_world = np.array([[1, 0, -middle], [0, 1, -middle], [0, 0, TEXTURE_SCALE * PLANE]])
    shift = np.outer(T_w_c[:3, 3], (0, 0, 1 / PLANE))  # of plane points, which have z = PLANE
    homography = K @ T_w_c[:3, :3].T @ (np.eye(3) - shift) @ to_world
    size = (eye.width, eye.height)
    return np.round(cv2.warpPerspective(texture, homography, size, flags=cv2.INTER_CUBIC)).astype(
        np.uint8
    )


def film(texture, poses, rig=STEREO, without_right=()) -> list[Frame]:
    """Return the frames of a body on its way, some without a right image."""
    frames = []
    for number, T in enumerate(poses):
        images = [render(texture, T, eye) for eye in rig.cameras]
        right = images[1] if len(images) > 1 and number not in without_right else None
        frames.append(Frame(number * STEP_NS, images[0], right))
    return frames


def follow(frames, rig=STEREO, config=CONFIG, poses=None):
    """Return the tracks of all frames, predicted by the true poses if they are given."""
    tracker, found = Tracker(rig, config), []
    for number, frame in enumerate(frames):
        guess = Prediction(poses[number - 1], poses[number]) if poses and number else None
        found.append(tracker.track(frame, guess))
    return found


def landmarks(tracks, T_w_b, eye, points) -> np.ndarray:
    """Return (N, 3) world points where the rays of normalised points meet the plane."""
    T = T_w_b @ eye.T_b_c
    rays = np.concatenate([points, np.ones((len(points), 1))], 1) @ T[:3, :3].T
    return T[:3, 3] + rays * ((PLANE - T[2, 3]) / rays[:, 2])[:, None]


def pixel_errors(found, poses, eye=STEREO.cameras[0], side="left") -> np.ndarray:
    """Return how far each track is from where it began, in pixels of the first sighting."""
    first, errors = {}, []
    for tracks, T in zip(found, poses):
        points = getattr(tracks, side)
        seen = landmarks(tracks, T, eye, points)
        for i, place in zip(tracks.ids.tolist(), seen):
            if np.isfinite(place).all():
                errors.append(np.linalg.norm(place - first.setdefault(i, place)) * FOCAL / PLANE)
    return np.array(errors)


SWAY = [pose(0.03 * i, 0.01 * i, 0.02 * i, (0.002 * i, -0.003 * i, 0.004 * i)) for i in range(10)]
STAND = [pose()] * 12


def test_tracks_a_moving_plane_to_a_tenth_of_a_pixel(texture):
    found = follow(film(texture, SWAY))
    errors = pixel_errors(found, SWAY)
    assert len(found[-1].ids) > 50
    assert np.median(errors) < 0.1
    assert np.percentile(errors, 95) < 0.5
    kept = np.isin(found[0].ids, found[-1].ids)
    assert kept.mean() > 0.6


def test_stereo_tells_the_depth(texture):
    tracks = follow(film(texture, SWAY[:2]))[-1]
    both = np.isfinite(tracks.right).all(1)
    disparity = (tracks.left - tracks.right)[both, 0]
    assert both.mean() > 0.7
    T = SWAY[1]
    plane = landmarks(tracks, T, STEREO.cameras[0], tracks.left[both]) - T[:3, 3]
    depth = plane @ T[:3, 2]
    wrong = np.abs(0.2 / disparity / depth - 1)
    assert np.median(wrong) < 0.01
    assert np.percentile(wrong, 95) < 0.03


def test_a_prediction_finds_what_jumps(texture):
    jump = [pose(), pose(turn=(0.0, 0.45, 0.0))]
    frames = film(texture, jump, MONO)
    blind, guided = follow(frames, MONO), follow(frames, MONO, poses=jump)
    kept = [np.isin(found[0].ids, found[1].ids).sum() for found in (blind, guided)]
    assert kept[1] > max(20, 2 * kept[0])
    assert np.median(pixel_errors(guided, jump)) < 0.15


def test_a_distance_by_id_aims_the_guess(texture):
    jump = [pose(), pose(x=1.0)]
    frames = film(texture, jump, MONO)
    tracker = Tracker(MONO, CONFIG)
    first = tracker.track(frames[0])
    by_id = dict.fromkeys(first.ids.tolist(), 4.2)
    kept = tracker.track(frames[1], Prediction(*jump, distance=0.5, distance_by_id=by_id))
    assert np.isin(first.ids, kept.ids).sum() > 20


def test_lost_right_image_leaves_the_left_tracks_and_comes_back(texture):
    found = follow(film(texture, SWAY, without_right=(3, 4, 5)))
    seen = [np.isfinite(tracks.right).all(1).sum() for tracks in found]
    assert min(seen[:3]) > 40 and seen[3:6] == [0, 0, 0] and min(seen[6:]) > 40
    assert np.isin(found[2].ids, found[6].ids).mean() > 0.6
    assert [tracks.problems for tracks in found[2:7]] == [
        (),
        *[("the right image is missing",)] * 3,
        (),
    ]


def test_exchanged_images_are_noticed(texture):
    frames = [Frame(f.stamp_ns, f.right, f.left) for f in film(texture, SWAY)]
    found = follow(frames)
    words = "left and right look swapped: all disparities are negative"
    assert sum(words in tracks.problems for tracks in found) >= 8
    assert all(np.isnan(tracks.right).all() for tracks in found if words in tracks.problems)


def pitched(degrees):
    """Return the rig with its right camera pitched."""
    T = STEREO.cameras[1].T_b_c.copy()
    T[:3, :3] = Rotation.from_euler("x", degrees, degrees=True).as_matrix()
    return Rig((STEREO.cameras[0], replace(STEREO.cameras[1], T_b_c=T)))


def misfits_told(frames, rig):
    """Return of each frame whether the images are said not to fit their calibration."""
    found = follow(frames, rig)
    return ["do not fit their calibration" in " ".join(tracks.problems) for tracks in found]


@pytest.mark.parametrize(("degrees", "is_told"), [(0.0, False), (0.5, True)])
def test_a_right_camera_that_is_not_where_the_calibration_says_is_named(texture, degrees, is_told):
    told = misfits_told(film(texture, SWAY), pitched(degrees))  # seen by the cameras of STEREO
    assert any(told) == is_told


def test_without_a_right_image_left_and_right_are_no_longer_said_not_to_fit(texture):
    told = misfits_told(film(texture, STAND, without_right=(10,)), pitched(0.5))
    assert told == [False] * 9 + [True] + [False] * 2


@pytest.mark.parametrize(("level", "name"), [(0, "black"), (255, "white"), (128, "of one grey")])
def test_an_empty_image_is_named_and_passed_over(texture, level, name):
    frames = film(texture, SWAY)
    frames[4] = Frame(frames[4].stamp_ns, np.full((HEIGHT, WIDTH), level, np.uint8), None)
    found = follow(frames, poses=SWAY)
    assert found[4].problems == (f"the left image is {name}",)
    assert found[4].left.shape == (0, 2) and found[4].right_covariance.shape == (0, 2, 2)
    assert np.isin(found[3].ids, found[5].ids).mean() > 0.6
    assert np.median(pixel_errors(found, SWAY)) < 0.1


def test_an_empty_right_image_is_named(texture):
    frames = film(texture, SWAY[:3])
    frames[2] = Frame(frames[2].stamp_ns, frames[2].left, np.zeros((HEIGHT, WIDTH), np.uint8))
    last = follow(frames)[-1]
    assert last.problems == ("the right image is black",)
    assert len(last.ids) > 40 and np.isnan(last.right).all()


def test_half_an_image_is_named_and_used(texture):
    frames = film(texture, SWAY[:4])
    for frame in frames[2:]:
        frame.left[HEIGHT // 2 :] = 0
    found = follow(frames)
    assert found[3].problems == ("a part of the left image is empty",)
    pixels = STEREO.cameras[0].pixels(found[3].left)
    assert len(pixels) > 15 and pixels[:, 1].max() < HEIGHT / 2 + 4


def test_a_frozen_image_gives_no_tracks(texture):
    frames = film(texture, SWAY)
    for i in (4, 5):
        frames[i] = Frame(frames[i].stamp_ns, frames[3].left.copy(), frames[3].right.copy())
    found = follow(frames, poses=SWAY)
    said = ("the left image repeats the one before",)
    assert [tracks.problems for tracks in found[3:7]] == [(), said, said, ()]
    assert [len(tracks.ids) for tracks in found[4:6]] == [0, 0]
    assert np.isin(found[3].ids, found[6].ids).mean() > 0.5
    assert np.median(pixel_errors(found, SWAY)) < 0.1


def test_a_frozen_right_image_is_not_used(texture):
    frames = film(texture, SWAY[:3])
    frames[2] = Frame(frames[2].stamp_ns, frames[2].left, frames[1].right.copy())
    last = follow(frames)[-1]
    assert last.problems == ("the right image repeats the one before",)
    assert np.isnan(last.right).all()


def test_a_standing_robot_sees_equal_images_and_that_is_fine(texture):
    found = follow(film(texture, STAND), poses=STAND)
    assert all(tracks.problems == () for tracks in found)
    assert found[0].still == 0.0 and found[-1].still == 1.0


def test_still_needs_time_and_no_motion(texture):
    creeping = [pose(x=0.004 * i) for i in range(24)]  # 0.25 px a frame
    shown = [tracks.still for tracks in follow(film(texture, creeping))]
    assert max(shown[:8]) == 0.0
    moving = [pose(x=0.02 * i) for i in range(12)]
    assert max(tracks.still for tracks in follow(film(texture, moving))) == 0.0


def test_turning_is_no_standing(texture):
    turning = [pose(turn=(0, 0.01 * i, 0)) for i in range(12)]
    assert max(tracks.still for tracks in follow(film(texture, turning))) == 0.0


def test_an_image_of_another_size_is_refused_in_words(texture):
    small = Frame(0, np.zeros((120, 160), np.uint8), None)
    tracks = Tracker(STEREO, CONFIG).track(small)
    assert tracks.problems == ("the left image is 160x120 but its calibration is for 376x240",)
    wide = Frame(0, film(texture, SWAY[:1])[0].left.astype(np.uint16), None)
    assert "instead of 8 bits" in Tracker(STEREO, CONFIG).track(wide).problems[0]


def test_what_moves_alone_is_an_outlier(texture):
    poses = [pose(0.04 * i, z=0.03 * i) for i in range(8)]
    frames = film(texture, poses)
    for i, frame in enumerate(frames):
        patch = texture[600:670, 500:590]
        frame.left[60 + 6 * i : 130 + 6 * i, 100:190] = patch
    found = follow(frames)
    pixels = STEREO.cameras[0].pixels(found[-1].left)
    old = np.isin(found[-1].ids, found[3].ids)
    inside = (abs(pixels[:, 0] - 145) < 38) & (abs(pixels[:, 1] - 137) < 28)
    assert (old & inside).sum() == 0
    assert (old & ~inside).sum() > 20


def test_two_runs_are_equal_to_the_bit(texture):
    frames = film(texture, SWAY)
    for rig in (STEREO, MONO):
        one, other = follow(frames, rig, poses=SWAY), follow(frames, rig, poses=SWAY)
        for a, b in zip(one, other):
            for name in ("ids", "left", "right", "left_covariance", "right_covariance", "still"):
                np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_a_reset_gives_new_ids(texture):
    frames = film(texture, SWAY[:2])
    tracker = Tracker(STEREO, CONFIG)
    first = tracker.track(frames[0])
    tracker.reset()
    assert not set(first.ids) & set(tracker.track(frames[1]).ids)


def test_mono_has_no_right_points(texture):
    found = follow(film(texture, SWAY, MONO), MONO)
    assert len(found[-1].ids) > 40 and found[-1].problems == ()
    assert np.isnan(found[-1].right).all() and np.isnan(found[-1].right_covariance).all()
    assert np.median(pixel_errors(found, SWAY)) < 0.1


def test_noise_is_in_normalised_units(texture):
    tracks = follow(film(texture, SWAY[:1]))[0]
    expected = (0.7 / FOCAL) ** 2 * np.eye(2)
    np.testing.assert_allclose(tracks.left_covariance, np.tile(expected, (len(tracks.ids), 1, 1)))
    both = np.isfinite(tracks.right).all(1)
    np.testing.assert_array_equal(np.isfinite(tracks.right_covariance).all((1, 2)), both)


def test_a_fisheye_pair_is_followed(texture):
    """The epipolar check and the guesses hold for curves as they do for lines."""
    fisheye = [
        Camera("kannala_brandt", WIDTH, HEIGHT, (130.0, 130.0, 188.0, 120.0),
               (-0.01, 0.02, -0.02, 0.008), camera(x).T_b_c) for x in (0.0, 0.2)
    ]  # fmt: skip
    rig = Rig(tuple(fisheye))
    frames = []
    wide = [
        Camera("pinhole", 1200, 900, (230.0, 230.0, 600.0, 450.0), (), e.T_b_c) for e in fisheye
    ]
    x, y = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    points = fisheye[0].normalise(np.stack([x.ravel(), y.ravel()], 1).astype(float))
    maps = (points * 230.0 + (600.0, 450.0)).reshape(HEIGHT, WIDTH, 2).astype(np.float32)
    for number, T in enumerate(SWAY[:5]):
        images = [cv2.remap(render(texture, T, eye), maps, None, cv2.INTER_CUBIC) for eye in wide]
        frames.append(Frame(number * STEP_NS, *images))
    found = follow(frames, rig)
    assert np.isfinite(found[-1].right).all(1).sum() > 25
    assert np.median(pixel_errors(found, SWAY[:5])) < 0.25
