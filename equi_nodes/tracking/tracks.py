"""The tracks that live, and what speaks for each of them being a person."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

LATEST = 0.15  # how much the newest sweep counts in the mean of what shapes say
MOVED = 0.6  # m from where it began, beyond what is unsure: it walks
MOVED_SIGMAS = 3.0
WALKS, STANDS = 3.0, -1.5  # log odds for having walked, and against never having moved
PATIENCE = 4.0  # s after which standing still begins to tell


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
        origins: (K, 2) where it was first seen, metres.
        walked: (K,) whether it was ever seen to move.
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
    origins: np.ndarray = _rows(2)
    walked: np.ndarray = _rows(kind=bool)
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
        standing = np.clip(self.age / PATIENCE - 1.0, 0.0, 1.0) * STANDS
        person = self.shapes + np.where(self.walked, WALKS, standing)
        return _probability(person) * _probability(self.presence)

    def note_shapes(self, rows: np.ndarray, evidence: np.ndarray) -> None:
        """Take what the shapes of the newest clusters of some tracks say, log odds."""
        share = np.maximum(LATEST, 1.0 / (self.hits[rows] + 1))
        self.shapes[rows] += share * (evidence - self.shapes[rows])

    def note_motion(self, rows: np.ndarray) -> None:
        """Mark those of some tracks that are surely elsewhere than where they began."""
        away = np.linalg.norm(self.states[rows, :2] - self.origins[rows], axis=1)
        spread = np.sqrt(self.covariances[rows][:, [0, 1], [0, 1]].max(-1, initial=0.0))
        self.walked[rows] |= away > MOVED + MOVED_SIGMAS * spread


def _probability(log_odds: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-log_odds))
