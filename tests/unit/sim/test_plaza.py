"""The simulated crowd is the same for the same seed, and does what people in a street do."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.sim import plaza


@pytest.fixture(scope="module")
def minute():
    """One minute of a crowd of 16."""
    rng = np.random.default_rng(3)
    return list(plaza.simulate(rng, agents=16, seconds=60.0, rate_hz=5.0))


def simulate(seed):
    rng = np.random.default_rng(seed)
    return list(plaza.simulate(rng, agents=6, seconds=4.0, rate_hz=10.0))


def test_the_same_seed_gives_the_same_people_and_another_others():
    first, again, other = simulate(1), simulate(1), simulate(2)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.ids, b.ids)
        np.testing.assert_array_equal(a.positions, b.positions)
    assert not np.array_equal(first[-1].positions, other[-1].positions)


def test_stamps_are_evenly_spaced(minute):
    stamps = np.array([sample.stamp_ns for sample in minute])
    assert len(stamps) == 300
    assert set(np.diff(stamps)) == {200_000_000}


def test_positions_follow_from_velocities(minute):
    before, after = minute[10], minute[11]
    ids, rows, later = np.intersect1d(before.ids, after.ids, return_indices=True)
    moved = after.positions[later] - before.positions[rows]
    mean = (after.velocities[later] + before.velocities[rows]) / 2.0
    assert len(ids) > 10
    assert np.abs(moved / 0.2 - mean).max() < 0.3


def test_people_keep_coming_and_going(minute):
    counts = [len(sample.ids) for sample in minute]
    assert min(counts) >= 10 and max(counts) <= 16
    assert len(set(minute[0].ids) - set(minute[-1].ids)) >= 5
    for sample in minute:
        assert len(np.unique(sample.ids)) == len(sample.ids)


def test_nobody_walks_through_a_building_or_faster_than_people_do(minute):
    for sample in minute:
        low, high = plaza.BUILDINGS[:, 0], plaza.BUILDINGS[:, 1]
        here = sample.positions[:, None, :2]
        assert not ((here > low) & (here < high)).all(axis=-1).any()
        assert np.linalg.norm(sample.velocities, axis=-1).max() < 2.6


def test_some_stand_and_some_turn_the_corner(minute):
    tracks = {}
    for sample in minute:
        for name, velocity in zip(sample.ids, sample.velocities[:, :2]):
            tracks.setdefault(name, []).append(velocity)
    long = [np.array(track) for track in tracks.values() if len(track) > 50]
    stands = [(np.linalg.norm(track, axis=1) < 0.15).sum() > 25 for track in long]
    turns = [np.degrees(np.ptp(np.unwrap(np.arctan2(*track.T)))) > 60 for track in long]
    assert any(stands) and any(turns) and not all(stands)


def test_a_tracker_jitters_by_its_noise_and_says_so(minute):
    rng = np.random.default_rng(0)
    seen = [(sample, plaza.tracked(sample, 0.05, rng)) for sample in minute]
    errors = [t.positions[:, :2] - s.positions[np.isin(s.ids, t.ids), :2] for s, t in seen]
    assert np.concatenate(errors).std() == pytest.approx(0.05, rel=0.05)
    missed = sum(len(s.ids) - len(t.ids) for s, t in seen)
    assert 0 < missed < 0.03 * sum(len(s.ids) for s, _ in seen)
    assert seen[0][1].covariances[0, 0, 0] == pytest.approx(0.05**2)
    assert np.isnan(seen[0][1].velocities).all()


def test_a_perfect_tracker_changes_nothing(minute):
    assert plaza.tracked(minute[0], 0.0, np.random.default_rng(0)) is minute[0]
