"""Promises of the scores of tracks: a perfect tracker is perfect, faults are counted as such."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.evaluation.tracking import TrackScore
from equi_nodes.samples import TrackSample

ALL = np.ones(3, bool)


def crowd(ids=(1, 2, 3), shift=0.0):
    """Return three people on a line, at rest."""
    places = np.column_stack([np.arange(3.0) * 4.0 + shift, np.zeros(3), np.zeros(3)])
    covariances = np.broadcast_to(0.01 * np.eye(3), (3, 3, 3))
    ids = np.array(ids, np.int64)
    still = np.zeros((3, 3))
    return TrackSample(1, "odom", ids, places, still, covariances, covariances)


def some(sample, rows):
    names = ("ids", "positions", "velocities", "covariances", "velocity_covariances")
    return replace(sample, **{name: getattr(sample, name)[rows] for name in names})


def score(*sweeps):
    """Score sweeps of tracks and of who of the crowd can be seen."""
    kept = TrackScore()
    kept.begin()
    for tracks, visible in sweeps:
        kept.add(tracks, crowd(), visible)
    return kept.figures()


def test_the_truth_is_perfect():
    figures = score(*[(crowd(), ALL)] * 4)
    assert (figures["mota"], figures["idf1"], figures["motp_m"]) == (1.0, 1.0, 0.0)
    assert figures["objects"] == 12


def test_an_error_of_one_sigma_on_an_axis_has_an_nees_of_one():
    figures = score((crowd(shift=0.1), ALL))
    assert figures["nees_position"] == pytest.approx(1.0)
    assert figures["motp_m"] == pytest.approx(0.1)


def test_faults_are_counted_by_kind():
    figures = score(
        (crowd(), ALL),
        (crowd(ids=(1, 2, 9)), ALL),
        (some(crowd(), [0, 1]), ALL),
        (crowd(shift=1.5), ALL),
    )
    assert figures["id_switches"] == 1
    assert figures["misses"] == 1 + 3
    assert figures["false_positives"] == 3
    assert figures["mota"] == pytest.approx(1.0 - 8 / 12)


def test_who_cannot_be_seen_counts_neither_way():
    hidden = np.array([True, True, False])
    assert score((crowd(), hidden))["mota"] == 1.0
    assert score((some(crowd(), [0, 1]), hidden))["mota"] == 1.0


def test_runs_add_up():
    one, two = TrackScore(), TrackScore()
    for kept, tracks in ((one, crowd()), (two, some(crowd(), [0]))):
        kept.begin()
        kept.add(tracks, crowd(), ALL)
    assert TrackScore.of_all([one, two]).figures()["mota"] == pytest.approx(1.0 - 2 / 6)
