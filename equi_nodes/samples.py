"""What flows between the rooms of this package: plain arrays, free of ROS and of torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class TrackSample:
    """The tracked agents of one instant.

    Attributes:
        stamp_ns: time of the newest measurement used, nanoseconds.
        frame_id: the fixed frame of all vectors, for example ``odom`` or ``map``.
        ids: (A,) int64, one per agent, unique while the track lives.
        positions: (A, 3) float64, metres.
        velocities: (A, 3) float64, m/s; a row of NaN where the tracker gives none.
        covariances: (A, 3, 3) float64, m^2, of the positions; zero where unknown.
    """

    stamp_ns: int
    frame_id: str
    ids: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray
    covariances: np.ndarray

    @classmethod
    def of_positions(
        cls, stamp_ns: int, frame_id: str, ids: Sequence[int], positions: Sequence
    ) -> TrackSample:
        """Return a sample of positions alone, (A, 2) or (A, 3) metres."""
        ids = np.asarray(ids, np.int64)
        planar = np.asarray(positions, np.float64).reshape(len(ids), -1 if len(ids) else 2)
        positions = np.zeros((len(ids), 3))
        positions[:, : planar.shape[1]] = planar
        unknown = np.full((len(ids), 3), np.nan)
        return cls(stamp_ns, frame_id, ids, positions, unknown, np.zeros((len(ids), 3, 3)))


@dataclass(frozen=True)
class PredictionSample:
    """What the agents of one instant will do, modes sorted by falling probability.

    Step ``t`` of a path (t = 0 .. F-1) is at ``stamp_ns + (t + 1) * time_step_ns``.

    Attributes:
        stamp_ns: time of the tracks that were predicted from, nanoseconds.
        frame_id: frame of all vectors, that of the tracks.
        time_step_ns: time between two steps, nanoseconds.
        ids: (A,) int64, the predicted agents.
        positions: (A, 3) float64, metres, where each agent was at ``stamp_ns``.
        observed_steps: (A,) int, how many past steps each prediction rests on.
        paths: (A, K, F, 2) float64, metres.
        probabilities: (A, K) float64, each row sums to 1.
        covariances: (A, K, F, 2, 2) float64, m^2, of each path's points.
        interactions: (A, A) float64 in 0..1, how strongly agent j (column) acts on agent i (row).
        is_fallback: the model failed, these are constant-velocity paths.
        rejected: reason by track id, for every track that was not predicted.
        notes: what else a user should know of this step, in sentences.
    """

    stamp_ns: int
    frame_id: str
    time_step_ns: int
    ids: np.ndarray
    positions: np.ndarray
    observed_steps: np.ndarray
    paths: np.ndarray
    probabilities: np.ndarray
    covariances: np.ndarray
    interactions: np.ndarray
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
