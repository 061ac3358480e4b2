"""The filter on simulated flights: what it finds, and what it says when something is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vio_runs import TOLD, errors_of, fly

from equi_nodes.samples import Status
from equi_nodes.sim.vio_world import WorldConfig
from equi_nodes.vio import estimator as estimator_module

SHORT = WorldConfig(duration=6.0)


def position_error(flight):
    errors, _ = errors_of(flight)
    return np.linalg.norm(errors[:, 3:6], axis=1)


@pytest.fixture(scope="module")
def flight():
    return fly(SHORT)


def test_stereo_answers_every_frame_and_stays_close(flight):
    assert len(flight.samples) == len(flight.truth.tracks)
    assert position_error(flight).max() < 0.06
    assert flight.samples[-1].status is Status.TRACKING
    assert flight.samples[0].status is Status.DEGRADED


def test_equal_input_gives_equal_output(flight):
    again = fly(SHORT)
    for one, other in zip(flight.samples, again.samples):
        assert np.array_equal(one.T_w_b, other.T_w_b)
        assert np.array_equal(one.covariance, other.covariance)


def test_without_images_the_velocity_is_less_certain_and_the_status_says_so():
    blind = range(60, 90)

    def spoil(index, tracks):
        return None if index in blind else tracks

    flight = fly(SHORT, spoil=spoil)
    spread = [np.sqrt(np.trace(sample.covariance[6:9, 6:9])) for sample in flight.samples]
    assert position_error(flight)[60:].max() < 0.25
    assert flight.samples[60].status is Status.DEGRADED
    assert "no image" in flight.samples[60].reason
    assert flight.samples[-1].status is Status.TRACKING
    assert spread[60] > spread[59]


def test_empty_frames_degrade_within_a_second_and_recover():
    def spoil(index, tracks):
        if index not in range(60, 90):
            return tracks
        none = np.zeros(0, bool)
        empty = {f: getattr(tracks, f)[: len(none)] for f in ("ids", "left", "right")}
        empty |= {f: getattr(tracks, f)[:0] for f in ("left_covariance", "right_covariance")}
        return replace(tracks, **empty)

    samples = fly(SHORT, spoil=spoil).samples
    assert samples[79].status is Status.DEGRADED
    assert "no features" in samples[79].reason
    assert samples[-1].status is Status.TRACKING


def test_missing_right_images_are_survived():
    def spoil(index, tracks):
        return replace(tracks, right=np.full_like(tracks.right, np.nan)) if index > 60 else tracks

    flight = fly(SHORT, spoil=spoil)
    assert position_error(flight).max() < 0.15
    assert flight.samples[-1].status is Status.TRACKING


@pytest.mark.parametrize("length", [0.1, 1.0])
def test_a_gap_of_the_imu_is_bridged_and_told(length):
    flight = fly(SHORT, imu_passes=lambda t: not 2.0 < t < 2.0 + length)
    told = [s for s in flight.samples[40:65] if s.status is not Status.TRACKING]
    assert any("no IMU" in sample.reason for sample in told)
    assert flight.samples[-1].status is Status.TRACKING
    assert flight.estimator.resets == 0


def test_a_time_offset_of_20_ms_is_found_to_1_ms_and_no_surer_than_it_is():
    """With the velocity unknown too, so that offset times velocity must not mislead."""
    world = replace(SHORT, duration=15.0, time_offset=0.02)
    for seed in (0, 1):
        last = fly(world, replace(TOLD, prior_time_offset=0.02), seed=seed).samples[-1]
        assert last.time_offset == pytest.approx(0.02, abs=1e-3)
        assert abs(last.time_offset - 0.02) < 3 * last.time_offset_spread
        assert last.time_offset_spread < 5e-4


def test_errors_are_as_large_as_the_covariance_says():
    """Mean normalised errors of a few short flights; 1 is expected of each degree of freedom."""
    means = []
    for seed in range(8):
        errors, covariances = errors_of(fly(SHORT, seed=seed, is_start_drawn=True))
        for part in (slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 12), slice(12, 15)):
            inverse = np.linalg.inv(covariances[10:, part, part])
            e = errors[10:, part]
            means.append(np.einsum("fi,fij,fj->f", e, inverse, e).mean() / 3)
    means = np.reshape(means, (8, 5)).mean(0)
    assert (means > 0.5).all() and (means < 1.7).all(), means


def test_after_a_contradiction_the_place_is_as_uncertain_as_the_estimate_went_astray():
    flight = fly(SHORT)
    estimator, seen, at = flight.estimator, flight.truth.tracks[-1], flight.samples[-1].T_w_b
    push = at[:3, :3].T @ np.array([8.0, 0.0, 9.8])  # while the images show a body that stands
    places = []
    for _ in range(200):
        for tick in range(1, 11):
            estimator.add_imu(seen.stamp_ns + tick * 5_000_000, np.zeros(3), push)
        seen = replace(seen, stamp_ns=seen.stamp_ns + 50_000_000)
        places.append(estimator.step(seen).T_w_b[:3, 3])
        if estimator.resets:
            break
    assert estimator.resets
    astray = np.linalg.norm(places[-1] - places[0])
    assert astray > 3.0
    anew = estimator.step(replace(seen, stamp_ns=seen.stamp_ns + 50_000_000))
    assert (np.sqrt(np.diag(anew.covariance)[3:6]) > 0.8 * astray).all()


def test_a_filter_that_diverged_says_so_and_starts_anew(monkeypatch):
    flight = fly(replace(SHORT, duration=2.0))
    estimator, seen = flight.estimator, flight.truth.tracks[-1]
    apply_tracks = estimator_module.apply_tracks

    def broken_once(state, update, is_additive):
        monkeypatch.setattr(estimator_module, "apply_tracks", apply_tracks)
        state.velocity[:] = np.nan

    monkeypatch.setattr(estimator_module, "apply_tracks", broken_once)
    after = []
    for _ in range(5):
        for tick in range(1, 11):
            estimator.add_imu(seen.stamp_ns + tick * 5_000_000, np.zeros(3), np.array([0, 0, 9.8]))
        seen = replace(seen, stamp_ns=seen.stamp_ns + 50_000_000)
        after.append(estimator.step(seen))
    assert after[0].status is Status.LOST and "diverged" in after[0].reason
    assert estimator.resets == 1
    assert after[-1].status is not Status.LOST
    for sample in after:
        for values in (sample.T_w_b, sample.velocity, sample.covariance):
            assert np.isfinite(values).all()


def test_time_that_went_back_starts_anew_and_a_late_frame_is_skipped():
    flight = fly(replace(SHORT, duration=1.0))
    estimator, first = flight.estimator, flight.truth.tracks[0]
    before = flight.samples[-1]
    late = replace(first, stamp_ns=before.stamp_ns)
    assert estimator.step(late) is before
    assert estimator.skipped == 1
    estimator.step(replace(first, stamp_ns=first.stamp_ns - 5_000_000_000))
    assert estimator.resets == 1


def test_propagated_moves_on_with_the_imu_and_is_less_certain(flight):
    last = flight.samples[-1]
    ahead = flight.estimator.propagated(last.stamp_ns + 50_000_000)
    moved = np.linalg.norm(ahead.T_w_b[:3, 3] - last.T_w_b[:3, 3])
    assert moved == pytest.approx(0.05 * np.linalg.norm(last.velocity), rel=0.2, abs=2e-3)
    assert np.trace(ahead.covariance[3:6, 3:6]) > np.trace(last.covariance[3:6, 3:6])
