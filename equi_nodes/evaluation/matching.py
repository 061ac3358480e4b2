"""Joining predictions to what the agents then did, found in the later tracks of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from equi_nodes.evaluation.prediction import constant_velocity
from equi_nodes.samples import PredictionSample, TrackSample

SAME_INSTANT_NS = 1_000_000  # stamps this close are one instant
LONGEST_GAP = 1.5  # median periods of the recording, over which a position is interpolated


class Trajectories:
    """Where each agent of a recording was at any time."""

    def __init__(self, samples: Sequence[TrackSample], max_gap_ns: int) -> None:
        """Index the samples; positions are interpolated over gaps up to ``max_gap_ns``."""
        ids = np.concatenate([sample.ids for sample in samples])
        stamps = np.concatenate([np.full(len(s.ids), s.stamp_ns) for s in samples])
        positions = np.concatenate([sample.positions[:, :2] for sample in samples])
        self._agents, agent = np.unique(ids, return_inverse=True)
        self._start = stamps.min() if len(stamps) else 0
        self._length = int(np.ptp(stamps)) if len(stamps) else 0
        self._max_gap = max_gap_ns
        keys = self._keys(agent, stamps)
        order = np.argsort(keys, kind="stable")
        self._sorted_keys, self._positions = keys[order], positions[order]

    def at(self, ids: np.ndarray, stamps: np.ndarray) -> np.ndarray:
        """Return (N, M, 2) metres where agents (N,) were at times (N, M) ns; NaN: unknown."""
        if not len(self._sorted_keys):
            return np.full((*stamps.shape, 2), np.nan)
        agent = np.searchsorted(self._agents, ids).clip(max=len(self._agents) - 1)
        wanted = self._keys(agent[:, None], stamps)
        after = np.searchsorted(self._sorted_keys, wanted - SAME_INSTANT_NS)
        after = after.clip(max=len(self._sorted_keys) - 1)
        before = (after - 1).clip(min=0)
        ahead = self._sorted_keys[after] - wanted
        gap = self._sorted_keys[after] - self._sorted_keys[before]
        is_between = (ahead >= 0) & (gap > 0) & (gap <= self._max_gap) & (ahead <= gap)
        is_here = np.abs(ahead) <= SAME_INSTANT_NS
        share = np.where(is_between & ~is_here, ahead / np.maximum(gap, 1), 0.0)[..., None]
        positions = (1 - share) * self._positions[after] + share * self._positions[before]
        is_known = (self._agents[agent] == ids)[:, None] & (is_here | is_between)
        return np.where(is_known[..., None], positions, np.nan)

    def _keys(self, agent: np.ndarray, stamps: np.ndarray) -> np.ndarray:
        """Return int64 keys that sort by agent, then time, with a wide gap between agents."""
        margin = self._max_gap + 10 * SAME_INSTANT_NS
        inside = np.clip(stamps - self._start, -margin, self._length + margin)
        return agent * (self._length + 4 * margin) + inside


@dataclass(frozen=True)
class Matched:
    """Predictions beside what came true; one row for an agent at an instant.

    Attributes:
        instant: (N,) int, which of the predictions the row is from.
        ids: (N,) int64.
        past: (N, T, 2) metres, the tracks up to the present; NaN where unseen.
        truth: (N, F, 2) metres.
        paths: (N, K, F, 2) metres, most probable first.
        probabilities: (N, K).
        covariances: (N, K, F, 2, 2) m^2.
        straight: (N, F, 2) metres, constant velocity of the last step.
        time_step: seconds between two steps.
    """

    instant: np.ndarray
    ids: np.ndarray
    past: np.ndarray
    truth: np.ndarray
    paths: np.ndarray
    probabilities: np.ndarray
    covariances: np.ndarray
    straight: np.ndarray
    time_step: float

    def __len__(self) -> int:
        return len(self.ids)


def match(
    predictions: Sequence[PredictionSample],
    tracks: Sequence[TrackSample],
    truth: Sequence[TrackSample],
    past_steps: int = 8,
) -> Matched | None:
    """Return the predictions whose agents are seen over the whole horizon; None: there are none.

    Args:
        predictions: of the tracks.
        tracks: what the predictor was given.
        truth: where the agents really were; the tracks themselves if nothing better is known.
        past_steps: T, of the past to look back on.
    """
    predictions = [(i, p) for i, p in enumerate(predictions) if len(p.ids)]
    if not predictions:
        return None
    time_step_ns = predictions[0][1].time_step_ns
    gap = max(time_step_ns, int(LONGEST_GAP * _period_ns(tracks)))
    instant = np.concatenate([np.full(len(p.ids), i) for i, p in predictions])
    stamps = np.concatenate([np.full(len(p.ids), p.stamp_ns) for _, p in predictions])
    ids = np.concatenate([p.ids for _, p in predictions])
    modes = max(p.paths.shape[1] for _, p in predictions)
    alike = [with_modes(p, modes) for _, p in predictions]
    paths, probabilities, covariances = (
        np.concatenate([getattr(p, name) for p in alike])
        for name in ("paths", "probabilities", "covariances")
    )
    ahead = time_step_ns * np.arange(1, paths.shape[2] + 1)
    back = time_step_ns * np.arange(1 - past_steps, 1)
    future = Trajectories(truth, gap).at(ids, stamps[:, None] + ahead)
    past = Trajectories(tracks, gap).at(ids, stamps[:, None] + back)
    keep = np.isfinite(future).all(axis=(1, 2)) & np.isfinite(past[:, -1]).all(axis=1)
    if not keep.any():
        return None
    return Matched(
        instant[keep], ids[keep], past[keep], future[keep], paths[keep], probabilities[keep],
        covariances[keep], _straight(past[keep], len(ahead)), time_step_ns / 1e9,
    )  # fmt: skip


def with_modes(prediction: PredictionSample, modes: int) -> PredictionSample:
    """Return a prediction of K = ``modes``, at least its own; those added are impossible."""
    missing = modes - prediction.paths.shape[1]
    take = np.minimum(np.arange(modes), prediction.paths.shape[1] - 1)
    return replace(
        prediction,
        paths=prediction.paths[:, take],
        probabilities=np.pad(prediction.probabilities, ((0, 0), (0, missing))),
        covariances=prediction.covariances[:, take],
    )


def _straight(past: np.ndarray, steps: int) -> np.ndarray:
    """Return (N, steps, 2) at constant velocity; who was not seen a step before stands."""
    last = past[:, -2:].copy()
    last[:, 0] = np.where(np.isfinite(last[:, 0]), last[:, 0], last[:, 1])
    return constant_velocity(last, steps)


def _period_ns(samples: Sequence[TrackSample]) -> float:
    stamps = np.array([sample.stamp_ns for sample in samples])
    return float(np.median(np.diff(stamps))) if len(stamps) > 1 else 0.0
