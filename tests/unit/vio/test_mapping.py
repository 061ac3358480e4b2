"""The map on a path that is flown there and back: loops take drift out, and nothing else moves."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.config.vio import SlamConfig
from equi_nodes.errors import EquiError
from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.samples import OdometrySample, Status
from equi_nodes.sim.vio_world import WorldConfig, simulate
from equi_nodes.vio.mapping.mapper import Mapper
from equi_nodes.vio.types import Rig

pytest.importorskip("gtsam")

FORWARD = np.array([[0, 0, 1, 0.1], [-1, 0, 0, 0.0], [0, -1, 0, 0.05], [0, 0, 0, 1.0]])
CAMERA = Camera("pinhole", 752, 480, (458.0, 458.0, 376.0, 240.0), (), FORWARD)
RIG = Rig((CAMERA,))
WORLD = WorldConfig(duration=7.0, speed=1.0, features=80, loss=0.0, pixel_noise=0.3)
HALF = 24  # px, of the patch that each landmark shows
PATCHES = np.random.default_rng(0).integers(0, 255, (4000, 2 * HALF, 2 * HALF), np.uint8)
PATCHES = PATCHES.repeat(4, 1).repeat(4, 2)[:, : 2 * HALF, : 2 * HALF]
FRAME_NS = 50_000_000


@pytest.fixture(scope="module")
def path():
    """Frames there and back: true poses, tracks and pictures."""
    recording = simulate((CAMERA,), WORLD, 5)
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


def fly(path, config=SlamConfig(), drift=0.0):
    """Return the mapper, and the position error of the corrected pose at every frame."""
    mapper, errors, corrections = Mapper(RIG, config), [], []
    for number, (T_w_b, tracks, image) in enumerate(path):
        turn = exp_so3(np.array([0.0, 0.0, 0.3 * drift * number]))
        drifted = rigid(turn, np.array([1.0, -0.5, 0.0]) * drift * number) @ T_w_b
        zero = np.zeros(3)
        estimate = OdometrySample(
            tracks.stamp_ns, Status.TRACKING, "", drifted, zero, zero, zero, zero,
            1e-6 * np.eye(15),
        )  # fmt: skip
        T_map_w = mapper.add(estimate, tracks, image)
        corrections.append(T_map_w)
        errors.append(np.linalg.norm((T_map_w @ drifted)[:3, 3] - T_w_b[:3, 3]))
    return mapper, np.array(errors), corrections


def test_without_drift_the_map_stays_on_the_filter(path):
    mapper, errors, _ = fly(path)
    assert len(mapper.keyframes) > 15 and len(mapper.points) > 100
    assert errors.max() < 0.02


def test_a_loop_takes_drift_out(path):
    with_loops, errors, _ = fly(path, drift=6e-4)
    without, drifting, _ = fly(path, SlamConfig(close_loops=False), drift=6e-4)
    assert with_loops.loops and not without.loops
    assert drifting[-1] > 0.15
    assert errors[-1] < 0.6 * drifting[-1]


def test_corrections_keep_gravity_and_are_repeatable(path):
    _, _, corrections = fly(path, drift=6e-4)
    _, _, again = fly(path, drift=6e-4)
    assert np.array_equal(corrections, again)
    assert all(np.allclose(T[2, :3], (0, 0, 1)) for T in corrections)


def test_old_keyframes_are_forgotten(path):
    mapper, errors, _ = fly(path, SlamConfig(max_keyframes=20))
    assert len(mapper.keyframes) == 20
    seen = np.concatenate([keyframe.ids for keyframe in mapper.keyframes])
    assert set(mapper.points) <= set(seen.tolist())
    assert errors.max() < 0.02


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
