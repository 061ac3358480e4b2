"""Tracks against the truth: CLEAR-MOT, errors of the velocities, and whether covariances hold.

People whom the sensor cannot see are neither missed nor invented: they and the tracks on them are
left out of the counts of that sweep, but who comes back with another id counts as switched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import motmetrics
import numpy as np

from equi_nodes.samples import TrackSample

SAME = 0.5  # m between a track and the person that it is of
COUNTS = {
    "num_objects": "objects", "num_misses": "misses", "num_false_positives": "false_positives",
    "num_switches": "id_switches", "num_fragmentations": "fragmentations",
    "num_unique_objects": "people", "mostly_tracked": "mostly_tracked",
    "mostly_lost": "mostly_lost",
}  # fmt: skip
SHARES = ("mota", "idf1")
INSIDE_90 = (0.103, 5.991)  # 90 % of the squared normalised errors in two dimensions lie between


class Run(NamedTuple):
    """One run: what counts for CLEAR-MOT, and tracks and people of each sweep."""

    counts: motmetrics.MOTAccumulator
    sweeps: list[tuple[TrackSample, TrackSample]]


class TrackScore:
    """Collects the sweeps of any number of runs."""

    def __init__(self) -> None:
        """Start without a run."""
        self._runs: list[Run] = []

    @classmethod
    def of_all(cls, scores: Iterable[TrackScore]) -> TrackScore:
        """Return the score of the runs of several."""
        whole = cls()
        for score in scores:
            whole._runs += score._runs
        return whole

    def begin(self) -> None:
        """Begin a run, whose ids have nothing to do with those before."""
        self._runs.append(Run(motmetrics.MOTAccumulator(auto_id=True), []))

    def add(self, tracks: TrackSample, people: TrackSample, visible: np.ndarray) -> None:
        """Add a sweep.

        Args:
            tracks: what was said.
            people: the truth at the same time.
            visible: (P,) bool, who of them could be seen.
        """
        away = distances(people, tracks)
        told, seen = _counted(away, visible), np.flatnonzero(visible)
        near = away[np.ix_(seen, told)]
        near = np.where(near <= SAME, near, np.nan)
        counts, sweeps = self._runs[-1]
        counts.update(people.ids[seen].tolist(), tracks.ids[told].tolist(), near)
        sweeps.append((tracks, people))

    def figures(self) -> dict[str, float]:
        """Return CLEAR-MOT over all runs, errors in metres and m/s, and NEES: 2 is honest."""
        names = [*SHARES, "motp", *COUNTS]
        table = motmetrics.metrics.create().compute_many(
            [run.counts for run in self._runs], metrics=names, generate_overall=True
        )
        overall = table.loc["OVERALL"]
        errors = np.array([error for run in self._runs for error in _errors(run)]).reshape(-1, 4)
        place, speed, nees, nees_velocity = errors.T
        inside = (nees > INSIDE_90[0]) & (nees < INSIDE_90[1])
        return (
            {name: float(overall[name]) for name in SHARES}
            | {ours: int(overall[theirs]) for theirs, ours in COUNTS.items()}
            | {
                "motp_m": float(overall["motp"]),
                "position_rmse_m": float(np.sqrt(place.mean())),
                "velocity_rmse_mps": float(np.sqrt(speed.mean())),
                "nees_position": float(nees.mean()),
                "nees_velocity": float(nees_velocity.mean()),
                "nees_inside_90": float(inside.mean()),
            }
        )


def distances(people: TrackSample, tracks: TrackSample) -> np.ndarray:
    """Return the metres (P, K) from each person to each track, seen from above."""
    offsets = people.positions[:, None, :2] - tracks.positions[None, :, :2]
    return np.linalg.norm(offsets, axis=-1)


def _counted(away: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """Return the tracks that count: all but those on somebody hidden."""
    hidden = away[~visible].min(0, initial=np.inf)
    return np.flatnonzero((hidden > SAME) | (away[visible].min(0, initial=np.inf) < hidden))


def _errors(run: Run) -> list[tuple[float, float, float, float]]:
    """Return of all pairs the squared errors of place and velocity, plain and normalised."""
    events = run.counts.mot_events
    pairs = events[events.Type.isin(("MATCH", "SWITCH"))].reset_index()
    found = []
    for frame, person, track in zip(pairs.FrameId, pairs.OId, pairs.HId, strict=True):
        tracks, people = run.sweeps[frame]
        row, true = int(np.argmax(tracks.ids == track)), int(np.argmax(people.ids == person))
        away = (tracks.positions[row] - people.positions[true])[:2]
        slip = (tracks.velocities[row] - people.velocities[true])[:2]
        found.append(
            (
                float(away @ away),
                float(slip @ slip),
                _normalised(away, tracks.covariances[row]),
                _normalised(slip, tracks.velocity_covariances[row]),
            )
        )
    return found


def _normalised(error: np.ndarray, covariance: np.ndarray) -> float:
    return float(error @ np.linalg.solve(covariance[:2, :2], error))
