"""The map on a path that is flown there and back: loops take drift out, and nothing else moves."""

from __future__ import annotations

import sys
from dataclasses import replace
from multiprocessing import active_children

import cv2
import numpy as np
import pytest

from equi_nodes.config.vio import SlamConfig
from equi_nodes.datasets.euroc import open_euroc
from equi_nodes.datasets.location import data_dir
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.odometry import truth_at
from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.samples import Frame, OdometrySample, Status, Tracks
from equi_nodes.sim.vio_world import WorldConfig, simulate
from equi_nodes.vio.mapping import mapper as mapper_module
from equi_nodes.vio.mapping.bundle import motion_covariance
from equi_nodes.vio.mapping.mapper import Mapper
from equi_nodes.vio.mapping.process import MapProcess
from equi_nodes.vio.tracker import Tracker
from equi_nodes.vio.types import Rig

pytest.importorskip("gtsam")

FORWARD = np.array([[0, 0, 1, 0.1], [-1, 0, 0, 0.0], [0, -1, 0, 0.05], [0, 0, 0, 1.0]])
CAMERA = Camera("pinhole", 752, 480, (458.0, 458.0, 376.0, 240.0), (), FORWARD)
RIG = Rig((CAMERA,))
WORLD = WorldConfig(duration=7.0, speed=1.0, features=80, loss=0.0, pixel_noise=0.3)
HALF = 24  # px, of the patch that each landmark shows
PATCHES = np.random.default_rng(0).integers(0, 255, (4000, 2 * HALF, 2 * HALF), np.uint8)
PATCHES = PATCHES.repeat(4, 1).repeat(4, 2)[:, : 2 * HALF, : 2 * HALF]
REAL = range(100, 290)  # frames of the clip, in motion
FAR = np.array([20.0, -30.0, 5.0])
EVERY = 6  # frames from keyframe to keyframe
POSES = [([0.2, -0.1, 0.5], [1.0, 2.0, 0.3]), ([-0.4, 0.3, 2.0], [2.5, 1.0, 0.8])]


@pytest.fixture(scope="module")
def recording():
    return simulate((CAMERA,), WORLD, 5)


@pytest.fixture(scope="module")
def path(recording):
    """Frames there and back: true poses, tracks and pictures."""
    there = [
        (T, tracks, picture_of(recording, tracks))
        for T, tracks in zip(recording.T_w_b, recording.tracks)
    ]
    last = recording.tracks[-1].stamp_ns
    back = [
        (T, replace(tracks, stamp_ns=2 * last - tracks.stamp_ns, ids=tracks.ids + 10**6), image)
        for T, tracks, image in there[-2::-1]
    ]
    return there + back


def picture_of(recording, tracks):
    """Paint the patch of every landmark where it is seen."""
    image = np.full((480 + 4 * HALF, 752 + 4 * HALF), 128, np.uint8)
    pixels = np.round(CAMERA.pixels(tracks.left)).astype(int) + 2 * HALF
    for landmark, (x, y) in zip(recording.landmark_of_id[tracks.ids], pixels):
        image[y - HALF : y + HALF, x - HALF : x + HALF] = PATCHES[landmark]
    return np.ascontiguousarray(image[2 * HALF : -2 * HALF, 2 * HALF : -2 * HALF])


def estimate_at(stamp_ns, T_w_b, drifted=0.0):
    """Return what a filter says that knows how far it may have drifted, metres."""
    zero = np.zeros(3)
    variances = np.array([1e-6, 1e-6, 1e-8 + (0.3 * drifted) ** 2, *[1e-8 + drifted**2] * 3])
    covariance = np.diag([*variances, *np.full(9, 1e-6)])
    return OdometrySample(
        stamp_ns, Status.TRACKING, "", T_w_b, zero, zero, zero, zero, covariance
    )  # fmt: skip


def fly(path, config=SlamConfig(), drift=0.0, stated=1.0, rig=RIG):
    """Return the map of keyframes along a path, the errors of corrected poses, and corrections.

    The filter drifts by ``drift`` a frame, m and 0.3 rad, and states ``stated`` times that.
    """
    mapper, errors, corrections = Mapper(rig, config), [], []
    for number, (T_w_b, tracks, image) in enumerate(path):
        if number % EVERY:
            continue
        turn = exp_so3(np.array([0.0, 0.0, 0.3 * drift * number]))
        drifted = rigid(turn, np.array([1.0, -0.5, 0.0]) * drift * number) @ T_w_b
        estimate = estimate_at(tracks.stamp_ns, drifted, stated * drift * number)
        T_map_w = mapper.add(estimate, tracks, image)
        corrections.append(T_map_w)
        errors.append(np.linalg.norm((T_map_w @ drifted)[:3, 3] - T_w_b[:3, 3]))
    return mapper, np.array(errors), corrections


def test_points_of_the_map_are_where_they_are(path, recording):
    mapper, _, corrections = fly(path)
    assert len(mapper.keyframes) > 15 and len(mapper.points) > 100
    off = [
        np.linalg.norm(at - recording.landmarks[recording.landmark_of_id[point % 10**6]])
        for point, at in mapper.points.items()
    ]
    assert np.median(off) < 0.03
    assert not mapper.loops and np.array_equal(corrections[-1], np.eye(4))


def test_without_a_place_seen_again_nothing_is_corrected(path):
    mapper, _, corrections = fly(path[: len(path) // 2], drift=2e-3)
    assert len(mapper.points) > 100
    assert all(np.array_equal(T_map_w, np.eye(4)) for T_map_w in corrections)


@pytest.mark.parametrize(
    ("stated", "left"), [(1.0, 0.5), (0.1, 0.7)], ids=["honest filter", "filter too sure"]
)
def test_a_loop_takes_drift_out(path, stated, left):
    with_loops, errors, _ = fly(path, drift=6e-4, stated=stated)
    without, drifting, _ = fly(path, SlamConfig(close_loops=False), drift=6e-4)
    assert with_loops.loops and not without.loops
    assert drifting[-1] > 0.15
    assert errors[-1] < left * drifting[-1]


def test_a_loop_closes_on_real_images():
    """A flight there and, the film run backwards in worse light, back, of a filter that drifts."""
    try:
        clip = open_euroc(data_dir("euroc_mh01_30s"))
    except EquiError as reason:
        pytest.skip(str(reason))
    rows = [*REAL, *REAL[-2::-1]]
    stamps = [clip.frames[row].stamp_ns for row in REAL]
    stamps += [2 * stamps[-1] - stamp for stamp in stamps[-2::-1]]
    rig = Rig(clip.cameras[:1])
    tracker, flight = Tracker(rig), []
    for number, (row, stamp_ns) in enumerate(zip(rows, stamps)):
        image = clip.images(row)[0]
        if number >= len(REAL):
            image = cv2.convertScaleAbs(image, alpha=0.8)
        tracks = tracker.track(Frame(stamp_ns, image), None)
        flight.append((truth_at(clip.ground_truth, clip.frames[row].stamp_ns), tracks, image))
    mapper, errors, _ = fly(flight, drift=3e-4, rig=rig)
    _, drifting, _ = fly(flight, SlamConfig(close_loops=False), drift=3e-4, rig=rig)
    assert mapper.loops
    assert drifting[-1] > 0.1
    assert errors[-1] < 0.3 * drifting[-1]


def test_corrections_keep_gravity_and_are_repeatable(path):
    _, _, corrections = fly(path, drift=6e-4)
    _, _, again = fly(path, drift=6e-4)
    assert np.array_equal(corrections, again)
    assert all(np.allclose(T[2, :3], (0, 0, 1)) for T in corrections)


def test_a_loop_puts_the_robot_exactly_where_its_keyframe_is(path, monkeypatch):
    """Even if the adjustment tilts the map, which the correction may not, far from its origin."""
    correct = mapper_module.correct
    tilt = rigid(exp_so3(np.array([0.02, -0.01, 0.0])), np.array([0.0, 0.0, 0.1]))

    def tilted(*given):
        return [tilt @ T_map_b for T_map_b in correct(*given)]

    monkeypatch.setattr(mapper_module, "correct", tilted)
    flight = [(rigid(np.eye(3), FAR) @ T, tracks, image) for T, tracks, image in path]
    mapper, _, corrections = fly(flight, drift=6e-4)
    numbers = {keyframe.index: number for number, keyframe in enumerate(mapper.keyframes)}
    last = mapper.keyframes[numbers[mapper.loops[-1].new]]
    T_map_w = corrections[numbers[last.index]]
    assert np.allclose(T_map_w[2], (0, 0, 1, T_map_w[2, 3]))
    assert np.allclose((T_map_w @ last.T_w_b)[:3, 3], last.T_map_b[:3, 3], atol=1e-9)


def test_the_motion_between_keyframes_is_as_uncertain_as_the_filter_grew():
    """A filter that drifts in heading and position by known steps, turned about any axis."""
    mapper = Mapper(RIG)
    empty = Tracks(0, np.zeros(0, np.int64), *np.zeros((2, 0, 2)), *np.zeros((2, 0, 2, 2)))
    image = np.zeros((480, 752), np.uint8)
    first, step = np.diag([1e-6, 1e-6, 4e-6, 1e-4, 4e-4, 9e-4]), np.diag([4e-6, 1e-4, 2e-4, 3e-4])
    poses = [rigid(exp_so3(np.array(v)), np.array(t)) for v, t in POSES]
    carry = np.eye(6)
    carry[3:5, 2] = [-(poses[1] - poses[0])[1, 3], (poses[1] - poses[0])[0, 3]]
    second = carry @ first @ carry.T
    second[2:, 2:] += step
    for stamp_ns, (T_w_b, covariance) in enumerate(zip(poses, (first, second))):
        full = np.eye(15)
        full[:6, :6] = covariance
        mapper.add(replace(estimate_at(stamp_ns, T_w_b), covariance=full), empty, image)
    found = motion_covariance(*mapper.keyframes)
    to_world = np.kron(np.eye(2), poses[1][:3, :3])
    assert np.allclose((to_world @ found @ to_world.T)[2:, 2:], step, atol=1e-9)


def test_a_process_answers_smoothly_and_repeatably(path):
    """What is far off at once comes in bit by bit."""
    config = SlamConfig(latency=5)
    runs = [flown_beside(path, config) for _ in range(2)]
    assert np.array_equal(*runs)
    moved = np.linalg.norm(np.diff(runs[0][:, :3, 3], axis=0), axis=1)
    assert 0.1 < moved.sum() < 1.0
    assert moved.max() < 0.1 * moved.sum()


def flown_beside(path, config):
    """Return every T_map_w of the map in a process, of a filter that slips at the turn."""
    beside, found = MapProcess(RIG, config), []
    slip = rigid(np.eye(3), np.array([0.25, 0.1, 0.0]))
    for number, (T_w_b, tracks, image) in enumerate(path):
        back = number > len(path) // 2
        estimate = estimate_at(tracks.stamp_ns, slip @ T_w_b if back else T_w_b, 0.2 * back)
        found.append(beside.add(estimate, tracks, image))
    assert not beside.problem
    return np.array(found)


def test_a_map_that_died_says_so_and_leaves_the_odometry_alone(path):
    before = set(active_children())
    beside = MapProcess(RIG)
    (child,) = set(active_children()) - before
    child.kill()
    child.join(10)
    for T_w_b, tracks, image in path[:20]:
        T_map_w = beside.add(estimate_at(tracks.stamp_ns, T_w_b), tracks, image)
    assert "ended" in beside.problem
    assert np.array_equal(T_map_w, np.eye(4))
    beside.reset()


def test_old_keyframes_are_forgotten(path):
    mapper, _, _ = fly(path, SlamConfig(max_keyframes=20))
    assert len(mapper.keyframes) == 20
    seen = np.concatenate([keyframe.ids for keyframe in mapper.keyframes])
    assert set(mapper.points) <= set(seen.tolist())


def test_a_drift_that_cannot_be_is_no_loop(path):
    mapper, _, _ = fly(path, SlamConfig(loop_drift=0.001), drift=4e-3)
    assert not mapper.loops


def test_reset_forgets_the_map(path):
    mapper, _, _ = fly(path[:60])
    mapper.reset()
    assert not mapper.keyframes and not mapper.points


def test_without_the_solver_it_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "gtsam", None)
    with pytest.raises(EquiError, match="pip install gtsam"):
        Mapper(RIG)
