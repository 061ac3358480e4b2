"""What tracking is without a motion model: the nearest cluster is the same person as before."""

from __future__ import annotations

import numpy as np

from equi_nodes.tracking.candidates import Candidates
from equi_nodes.tracking.tracker import Tracker

NEAREST = 0.6  # m that somebody may be from where he was a sweep before
UNKNOWN_SPEED = 1.0  # m/s, spread of velocities that nobody estimates


class NearestTracker(Tracker):
    """Takes the same clusters and the same score of shapes; who is not seen is gone."""

    def predict(self, dt: float) -> None:
        """Leave everybody where he was seen."""
        self.tracks.age += dt
        self.tracks.unseen += dt

    def _matched(self, seen: Candidates, evidence: np.ndarray) -> np.ndarray:
        matches = np.full(len(self.tracks), -1)
        away = np.linalg.norm(self.tracks.states[:, None, :2] - seen.positions, axis=-1)
        for flat in np.argsort(away, axis=None):
            row, column = np.unravel_index(flat, away.shape)
            if away[row, column] > NEAREST:
                break
            if matches[row] < 0 and column not in matches:
                matches[row] = column
        return matches

    def _correct(self, matches: np.ndarray, seen: Candidates, evidence: np.ndarray) -> None:
        tracks, rows = self.tracks, np.flatnonzero(matches >= 0)
        found = seen.take(matches[rows])
        tracks.states[rows, :2] = found.positions
        tracks.covariances[rows, :2, :2] = found.noise
        tracks.covariances[:, 2:, 2:] = UNKNOWN_SPEED**2 * np.eye(2)
        tracks.note_shapes(rows, evidence[matches[rows]])
        tracks.hits[rows] += 1
        tracks.unseen[rows] = 0.0
        tracks.sizes[rows] = found.sizes
        tracks.motion[:] = 0.0  # nothing is known of it, for or against

    def _alive(self, matches: np.ndarray) -> np.ndarray:
        return np.flatnonzero(matches >= 0)
