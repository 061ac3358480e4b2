"""Promises of the tracking pipeline: people and nothing else, the same every time, in any frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lidar_scene import HEIGHT, SECOND, SWEEP, Scene, room

from equi_nodes.config.lidar_tracker import LidarTrackerConfig
from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.pipelines.track import LidarTracker

FURNITURE = [(-3.0, -3.0, -2.0, -2.4, 0.75), (-5.9, 1.0, -5.4, 2.6, 1.9)]
COUNT = 30


def people(number):
    """Return two who walk side by side, one beside the wall, and one who goes the other way."""
    way = 0.08 * number
    return [(5.0 - way, -0.35), (5.0 - way, 0.35), (1.5 * way - 2.0, 5.6), (-3.5, 1.0 - way)]


def recorded(T=None):
    scene = Scene(boxes=room() + FURNITURE)
    return [scene.sweep(number, T, people(number)) for number in range(COUNT)]


@pytest.fixture(scope="module")
def sweeps():
    return recorded()


def last(sweeps, tracker=None):
    tracker = tracker or LidarTracker()
    return [tracker.step(sweep) for sweep in sweeps][-1]


def test_all_who_walk_are_told_and_no_furniture(sweeps):
    tracks = last(sweeps).tracks
    true = np.array(people(COUNT - 1))
    away = np.linalg.norm(tracks.positions[:, None, :2] - true, axis=-1)
    assert len(tracks.ids) == len(true)
    assert (away.min(0) < 0.15).all()
    speed = np.linalg.norm(tracks.velocities, axis=1)[away.argmin(0)]
    assert speed == pytest.approx([0.8, 0.8, 1.2, 0.8], abs=0.15)
    assert not tracks.coasted.any()


def test_crops_are_the_points_of_people(sweeps):
    result = last(sweeps)
    assert set(result.crop_ids.tolist()) == set(result.tracks.ids.tolist())
    for number, place in zip(result.tracks.ids, result.tracks.positions, strict=True):
        points = result.crops[result.crop_ids == number]
        assert np.linalg.norm(points[:, :2] - place[:2], axis=1).max() < 0.5


def test_the_same_sweeps_give_the_same_tracks(sweeps):
    first, again = last(sweeps), last(sweeps)
    for name in ("ids", "positions", "velocities", "covariances", "existence"):
        assert np.array_equal(getattr(first.tracks, name), getattr(again.tracks, name))


def test_a_turned_sensor_tells_the_same_people():
    T = rigid(exp_so3(np.array([0.0, 0.0, 1.3])), np.array([0.2, -0.3, HEIGHT]))
    tracks = last(recorded(T)).tracks
    away = np.linalg.norm(tracks.positions[:, None, :2] - np.array(people(COUNT - 1)), axis=-1)
    assert (away.min(0) < 0.15).all()


def test_after_a_reset_nobody_is_known(sweeps):
    tracker = LidarTracker()
    last(sweeps, tracker)
    tracker.reset()
    assert len(tracker.step(sweeps[0]).tracks.ids) == 0


@pytest.mark.parametrize(("seconds", "words"), [(-1, "went back by 1"), (9, "jumped by 9")])
def test_a_jump_of_the_stamps_begins_all_tracks_anew(sweeps, seconds, words):
    tracker = LidarTracker()
    end = last(sweeps, tracker).stamp_ns
    moved = replace(sweeps[-1].cloud, stamp_ns=end + seconds * SECOND)
    result = tracker.step(replace(sweeps[-1], cloud=moved))
    assert words in result.notes[0]
    assert len(result.tracks.ids) == 0


def test_rays_that_met_nothing_are_no_points(sweeps):
    cloud = sweeps[0].cloud
    none = replace(cloud, is_return=np.zeros(len(cloud.points), bool))
    assert LidarTracker().step(replace(sweeps[0], cloud=none)).figures["obstacle_points"] == 0


def test_the_tracks_are_those_of_the_end_of_a_sweep_with_times(sweeps):
    tracker = LidarTracker(LidarTrackerConfig(max_range=8.0))
    timed = []
    for sweep in sweeps:
        count = len(sweep.cloud.points)
        times = np.full(count, SWEEP / SECOND, np.float32)
        timed.append(replace(sweep, cloud=replace(sweep.cloud, times=times)))
    result = last(timed, tracker)
    assert result.stamp_ns == result.tracks.stamp_ns
    assert abs(result.stamp_ns - sweeps[-1].cloud.stamp_ns - SWEEP) < 10


def test_a_sweep_that_repeats_the_one_before_is_told_and_not_used(sweeps):
    tracker = LidarTracker()
    before = last(sweeps, tracker)
    again = replace(sweeps[-1], cloud=replace(sweeps[-1].cloud, stamp_ns=before.stamp_ns + SWEEP))
    result = tracker.step(again)
    assert "repeats" in result.notes[0]
    assert result.tracks.ids.tolist() == before.tracks.ids.tolist()
    assert result.tracks.coasted.all() and not len(result.crops)
