"""The filter on simulated flights: what it finds, and what it says when something is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vio_runs import errors_of, fly

from equi_nodes.samples import Status
from equi_nodes.sim.vio_world import WorldConfig

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
    assert flight.samples[0].status is Status.INITIALISING


def test_equal_input_gives_equal_output(flight):
    again = fly(SHORT)
    for one, other in zip(flight.samples, again.samples):
        assert np.array_equal(one.T_w_b, other.T_w_b)
        assert np.array_equal(one.covariance, other.covariance)


def test_without_images_the_covariance_grows_and_the_status_says_so():
    blind = range(60, 90)

    def spoil(index, tracks):
        return None if index in blind else tracks

    flight = fly(SHORT, spoil=spoil)
    spread = [np.sqrt(np.trace(sample.covariance[3:6, 3:6])) for sample in flight.samples]
    assert position_error(flight)[60:].max() < 0.25
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
