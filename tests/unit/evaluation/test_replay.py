"""A replay is deterministic, and joins each prediction to what the agent then really did."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.evaluation.matching import Trajectories, match
from equi_nodes.evaluation.replay import ReplayResult, measure, replay
from equi_nodes.samples import PredictionSample, TrackSample

STEP_NS = 400_000_000
VELOCITIES = np.array([[1.0, 0.0], [0.0, -0.5], [0.0, 0.0]])
STARTS = np.array([[0.0, 0.0], [3.0, 4.0], [-2.0, 1.0]])


def walkers(count=30, period_ns=STEP_NS, start_ns=10**9):
    """Tracks of three agents, two of whom walk straight on."""
    stamps = [start_ns + i * period_ns for i in range(count)]
    return [TrackSample.of_positions(t, "map", [4, 7, 9], where(t - start_ns)) for t in stamps]


def where(elapsed_ns):
    return STARTS + elapsed_ns / 1e9 * VELOCITIES


class Straight:
    """Predicts that everybody walks at the true velocity, and a second, less likely stop."""

    def __init__(self, modes=2):
        self.modes = modes

    def step(self, sample):
        agents, ahead = len(sample.ids), np.arange(1, 13) * 0.4
        here = sample.positions[:, None, None, :2]
        velocities = VELOCITIES[np.searchsorted([4, 7, 9], sample.ids)]
        walk = here + ahead[:, None] * velocities[:, None, None]
        stop = np.broadcast_to(here, walk.shape)
        paths = np.concatenate([walk, stop], axis=1)[:, : self.modes]
        chances = np.tile([0.7, 0.3][: self.modes], (agents, 1)) / sum([0.7, 0.3][: self.modes])
        covariances = np.broadcast_to(0.04 * np.eye(2), (*paths.shape, 2))
        return PredictionSample(
            sample.stamp_ns, sample.frame_id, STEP_NS, sample.ids, sample.positions,
            np.full(agents, 8), paths, chances, covariances, np.zeros((agents, agents)),
            rejected={99: "observed for 1 of the 2 steps needed"},
        )  # fmt: skip


def test_the_hash_is_that_of_the_predictions_and_not_of_the_time_they_took():
    first, second = replay(Straight(), walkers()), replay(Straight(), walkers())
    assert first.hash == second.hash
    assert not np.array_equal(first.latencies, second.latencies)
    assert replace(first, latencies=first.latencies + 1.0).hash == first.hash


@pytest.mark.parametrize("part", ["paths", "covariances", "probabilities", "positions"])
def test_the_hash_sees_a_change_of_any_part(part):
    result = replay(Straight(), walkers())
    changed = getattr(result.predictions[3], part).copy()
    changed.flat[0] += 1e-3
    others = list(result.predictions)
    others[3] = replace(others[3], **{part: changed})
    assert replace(result, predictions=tuple(others)).hash != result.hash


def test_the_hash_has_the_precision_of_the_message():
    result = replay(Straight(), walkers())
    read = [
        replace(p, covariances=p.covariances.astype(np.float32).astype(np.float64))
        for p in result.predictions
    ]
    assert replace(result, predictions=tuple(read)).hash == result.hash


def test_a_perfect_prediction_has_no_error_and_constant_velocity_neither():
    tracks = walkers()
    result = replay(Straight(), tracks)
    matched = match(result.predictions, tracks, tracks)
    figures = measure(result, matched)
    assert len(matched) == 3 * (30 - 12)  # the last twelve instants lack a whole horizon
    assert figures["ade"] == pytest.approx(0.0, abs=1e-9)
    assert figures["top1"]["fde"] == pytest.approx(0.0, abs=1e-9)
    # The first instant has no step before it, so constant velocity must stand there.
    later = matched.instant > 0
    np.testing.assert_allclose(matched.straight[later], matched.truth[later], atol=1e-9)


def test_the_past_is_that_of_the_tracks_and_unseen_steps_are_nan():
    tracks = walkers()
    matched = match(replay(Straight(), tracks).predictions, tracks, tracks)
    third = (matched.instant == 2) & (matched.ids == 4)
    past = matched.past[third][0]
    assert np.isnan(past[:5]).all()
    np.testing.assert_allclose(past[5:, 0], [0.0, 0.4, 0.8], atol=1e-9)


def test_truth_is_interpolated_between_samples_of_another_rate():
    tracks = walkers(count=50, period_ns=150_000_000)
    matched = match(replay(Straight(), tracks).predictions, tracks, tracks)
    np.testing.assert_allclose(matched.truth, matched.paths[:, 0], atol=1e-9)


def test_truth_is_never_interpolated_over_a_gap():
    tracks = [t for i, t in enumerate(walkers(count=40)) if not 20 <= i < 23]
    matched = match(replay(Straight(), tracks).predictions, tracks, tracks)
    stamps = np.array([t.stamp_ns for t in tracks])[matched.instant]
    steps = (stamps - 10**9) // STEP_NS
    assert not np.isin(steps, np.arange(8, 20)).any()
    assert np.isin([0, 7, 23], steps).all()


def test_a_separate_truth_is_what_counts():
    tracks = walkers()
    shifted = [replace(t, positions=t.positions + [0.0, 0.0, 0.0] + 0.5) for t in tracks]
    matched = match(replay(Straight(), tracks).predictions, tracks, shifted)
    np.testing.assert_allclose(matched.truth - matched.paths[:, 0], 0.5, atol=1e-9)


def test_agents_who_leave_are_not_scored_and_nobody_is_no_error():
    tracks = walkers(count=30)
    tracks = tracks[:10] + [
        TrackSample.of_positions(t.stamp_ns, "map", t.ids[:1], t.positions[:1]) for t in tracks[10:]
    ]
    result = replay(Straight(), tracks)
    assert set(match(result.predictions, tracks, tracks).ids) == {4}
    short = replay(Straight(), walkers(count=5))
    assert match(short.predictions, walkers(count=5), walkers(count=5)) is None
    assert measure(short, None)["scored"] == 0


def test_fallbacks_of_fewer_modes_are_scored_beside_the_others():
    tracks = walkers()
    both = [Straight(2 if i < 5 else 1).step(sample) for i, sample in enumerate(tracks)]
    matched = match(both, tracks, tracks)
    assert matched.probabilities.shape[1] == 2
    np.testing.assert_allclose(matched.probabilities.sum(axis=1), 1.0)
    assert measure(ReplayResult(tuple(both), np.ones(30), 30), matched)["ade"] < 1e-9


def test_figures_can_be_written_as_json_and_count_what_was_lost():
    tracks = walkers()
    result = replay(Straight(), tracks)
    lossy = ReplayResult(result.predictions[:-2], result.latencies[:-2], result.sent)
    figures = measure(lossy, match(lossy.predictions, tracks, tracks))
    assert json.loads(json.dumps(figures)) == figures
    assert (figures["frames"], figures["drops"]) == (30, 2)
    assert figures["rejected"] == {"observed for 1 of the 2 steps needed": 28}
    assert figures["latency_ms"]["p50"] <= figures["latency_ms"]["p99"]


def test_where_an_agent_was_is_unknown_before_and_after_it_was_seen():
    paths = Trajectories(walkers(count=3), max_gap_ns=STEP_NS)
    stamps = np.array([[10**9 - STEP_NS, 10**9, 10**9 + 3 * STEP_NS]])
    found = paths.at(np.array([7]), stamps)[0]
    np.testing.assert_array_equal(np.isnan(found[:, 0]), [True, False, True])
    assert np.isnan(paths.at(np.array([5]), stamps)).all()
    none, vectors = np.zeros(0, np.int64), np.zeros((0, 3))
    empty = TrackSample(10**9, "map", none, vectors, vectors, np.zeros((0, 3, 3)))
    assert np.isnan(Trajectories([empty], STEP_NS).at(np.array([7]), stamps)).all()
