"""The tracks that live, and what speaks for each of them being a person."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

LATEST = 0.15  # how much the newest sweep counts in the mean of what shapes say
MOVED, MOVED_SIGMAS = 0.4, 3.0  # m, beyond so many sigmas, from where it last stood: it walks
SPEED, SPEED_SIGMAS = 0.3, 3.0  # m/s, or that many sigmas: it walks too
WALKS, STANDS = 2.5, -2.0  # log odds of being a person for walking, and for never having moved
FORGOTTEN = 0.4  # log odds that having walked loses a second
STUCK = 10.0  # log odds that it loses a second at a place where something stands for long
PERSON_SHAPE = 2.0  # mean log odds from which on a shape that never moved is a person
UNSURE = 0.7  # m; where a track may be so far off, nothing is told of it


def _rows(*shape: int, kind: type = float) -> np.ndarray:
    return field(default_factory=lambda: np.zeros((0, *shape), kind))


@dataclass
class Tracks:
    """All that is followed, a row each.

    Attributes:
        ids: (K,) never given again.
        states: (K, 4) x, y, vx, vy in metres and m/s.
        covariances: (K, 4, 4).
        shapes: (K,) mean of the log odds that the shapes of its clusters gave.
        presence: (K,) log odds of there being anything at all.
        hits: (K,) sweeps that it was seen in.
        age: (K,) seconds since the first.
        unseen: (K,) seconds since the last.
        anchors: (K, 2) where it last was before it moved on, metres.
        motion: (K,) log odds of being a person that its motion gives.
        sizes: (K, 3) of the newest cluster, metres.
        is_person: (K,) whether it was told of as a person.
    """

    ids: np.ndarray = _rows(kind=np.int64)
    states: np.ndarray = _rows(4)
    covariances: np.ndarray = _rows(4, 4)
    shapes: np.ndarray = _rows()
    presence: np.ndarray = _rows()
    hits: np.ndarray = _rows(kind=np.int64)
    age: np.ndarray = _rows()
    unseen: np.ndarray = _rows()
    anchors: np.ndarray = _rows(2)
    motion: np.ndarray = _rows()
    sizes: np.ndarray = _rows(3)
    is_person: np.ndarray = _rows(kind=bool)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> Tracks:
        """Return some rows."""
        return Tracks(*(getattr(self, one.name)[rows] for one in fields(self)))

    def joined(self, others: Tracks) -> Tracks:
        """Return these and the others behind them."""
        names = [one.name for one in fields(self)]
        return Tracks(*(np.concatenate([getattr(self, n), getattr(others, n)]) for n in names))

    @property
    def existence(self) -> np.ndarray:
        """Return how likely each is a person that is there (K,)."""
        return _probability(self.shapes + self.motion) * _probability(self.presence)

    @property
    def spread(self) -> np.ndarray:
        """Return the larger standard deviation of each position (K,), metres."""
        return np.sqrt(self.covariances[:, [0, 1], [0, 1]].max(-1, initial=0.0))

    def note_shapes(self, rows: np.ndarray, evidence: np.ndarray) -> None:
        """Take what the shapes of the newest clusters of some tracks say, log odds."""
        share = np.maximum(LATEST, 1.0 / (self.hits[rows] + 1))
        self.shapes[rows] += share * (evidence - self.shapes[rows])

    @property
    def may_be_person(self) -> np.ndarray:
        """Return which are not to be taken for something that stands (K,)."""
        return (self.motion > STANDS) | (self.shapes > PERSON_SHAPE)

    def note_standing(self, rows: np.ndarray, standing: np.ndarray, dt: float) -> None:
        """Forget motion as time goes on, fast where some tracks are on what stands (share)."""
        self.motion -= FORGOTTEN * dt
        self.motion[rows] -= STUCK * dt * standing
        self.motion = np.maximum(self.motion, STANDS)

    def note_motion(self, rows: np.ndarray) -> None:
        """See which of some tracks walk."""
        away = np.linalg.norm(self.states[rows, :2] - self.anchors[rows], axis=1)
        speed = np.linalg.norm(self.states[rows, 2:], axis=1)
        unsure = np.sqrt(self.covariances[rows][:, [2, 3], [2, 3]].max(-1, initial=0.0))
        is_quick = speed > np.maximum(SPEED, SPEED_SIGMAS * unsure)
        walks = rows[is_quick | (away > MOVED + MOVED_SIGMAS * self.spread[rows])]
        self.motion[walks] = WALKS
        self.anchors[walks] = self.states[walks, :2]


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-log_odds))
