"""From candidates to tracks: who is who, who is new, who is hidden and who is gone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from equi_nodes.tracking.candidates import Candidates
from equi_nodes.tracking.kalman import corrected, innovations, predicted, seen_as
from equi_nodes.tracking.tracks import STANDS, UNSURE, Tracks
from equi_nodes.tracking.visibility import Horizon

GATE = 11.8  # squared Mahalanobis distance that 99.7 % of the true pairs keep, two dimensions
FARTHEST = 1.5  # m between a track and its candidate, whatever is unsure
FIRST_SPEED = 1.0  # m/s, spread of the velocity of what was never seen before
SEEN, UNSEEN, HIDDEN = 1.5, -1.2, -0.05  # change of the log odds of presence in a sweep
PRESENT = 4.0  # log odds, no more than this
GONE = -2.5  # log odds of a track that ends
STANDING, MOSTLY = 4.0, 0.3  # cost of a candidate that stands for long; share of one that does
DOUBLE = 0.35  # m; a track that is not seen so near to one that is, is the same


@dataclass(frozen=True)
class TrackerSettings:
    """What may be set.

    Attributes:
        acceleration: density of what people do, m/s^2/sqrt(Hz).
        confirmation: sweeps before a track is told of.
        existence: probability from which on it is.
        coast: seconds that a track lives without being seen.
    """

    acceleration: float = 0.5
    confirmation: int = 3
    existence: float = 0.5
    coast: float = 2.0


class Tracker:
    """Follows candidates in the fixed frame.

    Attributes:
        tracks: all that is followed, persons and others.
        matches: (K,) row of the candidate that each track took in the newest sweep, -1 for none.
    """

    def __init__(self, settings: TrackerSettings = TrackerSettings()) -> None:
        """Follow nobody yet."""
        self.settings = settings
        self._next_id = 1
        self.clear()

    def clear(self) -> None:
        """Forget all tracks; ids go on."""
        self.tracks, self.matches = Tracks(), np.zeros(0, np.int64)
        self._dt = 0.0

    def predict(self, dt: float) -> None:
        """Carry all tracks on by ``dt`` seconds."""
        tracks, self._dt = self.tracks, dt
        tracks.states, tracks.covariances = predicted(
            tracks.states, tracks.covariances, dt, self.settings.acceleration
        )
        tracks.age += dt
        tracks.unseen += dt

    def update(self, seen: Candidates, evidence: np.ndarray, horizon: Horizon) -> None:
        """Take the candidates of a sweep and the log odds (D,) that each is a person."""
        matches = self._matched(seen, evidence)
        self._correct(matches, seen, evidence)
        self._judge(matches, horizon)
        kept = self._alive(matches)
        self.tracks, self.matches = self.tracks.take(kept), matches[kept]
        fresh = np.setdiff1d(np.arange(len(seen)), matches)
        self.tracks = self.tracks.joined(self._begun(seen.take(fresh), evidence[fresh]))
        self.matches = np.concatenate([self.matches, fresh])
        tracks = self.tracks
        is_told = (tracks.hits >= self.settings.confirmation) & (tracks.spread < UNSURE)
        tracks.is_person = is_told & (tracks.existence >= self.settings.existence)

    def _matched(self, seen: Candidates, evidence: np.ndarray) -> np.ndarray:
        """Return the row of each track's candidate; persons choose first."""
        matches = np.full(len(self.tracks), -1)
        if not len(seen) or not len(self.tracks):
            return matches
        cost = self._cost(seen, evidence)
        for group in (self.tracks.is_person, ~self.tracks.is_person):
            rows = np.flatnonzero(group)
            free = np.setdiff1d(np.arange(len(seen)), matches)
            some = cost[np.ix_(rows, free)]
            worst = 1e6
            pairs = linear_sum_assignment(np.where(np.isfinite(some), some, worst))
            for row, column in zip(*pairs, strict=True):
                if np.isfinite(some[row, column]):
                    matches[rows[row]] = free[column]
        return matches

    def _cost(self, seen: Candidates, evidence: np.ndarray) -> np.ndarray:
        """Return what each pair costs (K, D): infinite where it is out of the question."""
        tracks = self.tracks
        away, expected = innovations(
            tracks.states[:, None],
            tracks.covariances[:, None],
            seen.positions,
            seen.noise,
            seen_as(seen.ages),
        )
        squared = (away[..., None, :] @ np.linalg.solve(expected, away[..., None]))[..., 0, 0]
        is_near = (squared < GATE) & ((away**2).sum(-1) < FARTHEST**2)
        cost = squared + np.log(np.linalg.det(expected)) - evidence + STANDING * seen.standing
        return np.where(is_near, cost, np.inf)

    def _correct(self, matches: np.ndarray, seen: Candidates, evidence: np.ndarray) -> None:
        tracks, rows = self.tracks, np.flatnonzero(matches >= 0)
        found = seen.take(matches[rows])
        tracks.states[rows], tracks.covariances[rows] = corrected(
            tracks.states[rows],
            tracks.covariances[rows],
            found.positions,
            found.noise,
            seen_as(found.ages),
        )
        tracks.note_shapes(rows, evidence[matches[rows]])
        tracks.hits[rows] += 1
        tracks.unseen[rows] = 0.0
        tracks.sizes[rows] = found.sizes
        tracks.note_standing(rows, found.standing, self._dt)
        tracks.note_motion(rows[(evidence[matches[rows]] > 0.0) & (found.standing < MOSTLY)])

    def _judge(self, matches: np.ndarray, horizon: Horizon) -> None:
        """Change what is thought of each track's presence."""
        tracks = self.tracks
        missed = np.where(horizon.hides(tracks.states[:, :2]), HIDDEN, UNSEEN)
        change = np.where(matches >= 0, SEEN, missed)
        tracks.presence = np.minimum(tracks.presence + change, PRESENT)

    def _alive(self, matches: np.ndarray) -> np.ndarray:
        """Return the rows of the tracks that go on."""
        tracks = self.tracks
        is_seen = matches >= 0
        places = tracks.states[:, :2]
        apart = np.linalg.norm(places[:, None] - places[is_seen], axis=-1).min(1, initial=np.inf)
        alive = (tracks.presence > GONE) & (tracks.unseen <= self.settings.coast)
        alive &= is_seen | (apart > DOUBLE)
        return np.flatnonzero(alive & (is_seen | (tracks.hits > 1)))

    def _begun(self, seen: Candidates, evidence: np.ndarray) -> Tracks:
        """Return a track for each candidate that nobody took."""
        count = len(seen)
        ids = self._next_id + np.arange(count)
        self._next_id += count
        covariances = np.zeros((count, 4, 4))
        covariances[:, :2, :2] = seen.noise
        covariances[:, 2:, 2:] = FIRST_SPEED**2 * np.eye(2)
        return Tracks(
            ids=ids,
            states=np.column_stack([seen.positions, np.zeros((count, 2))]),
            covariances=covariances,
            shapes=evidence.copy(),
            presence=np.zeros(count),
            hits=np.ones(count, np.int64),
            age=np.zeros(count),
            unseen=np.zeros(count),
            anchors=seen.positions.copy(),
            motion=np.full(count, STANDS),
            sizes=seen.sizes,
            is_person=np.zeros(count, bool),
        )
