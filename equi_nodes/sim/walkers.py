"""How fast a robot may drive among people: it can always stop, and it gives way in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equi_nodes.samples import PredictionSample, TrackSample

HORIZON_S, STEP_S = 3.0, 0.1  # how far ahead meetings are looked for
STEPS = round(HORIZON_S / STEP_S) + 1
BEHIND = np.cos(np.radians(110.0))  # who is there is not driven towards
GENTLE = 0.5  # share of the braking power that giving way uses
BESIDE = (0.25, 0.6)  # m/s right beside people, and more per metre of gap
NEARER = 0.02  # m, who does not come nearer than now is not met


@dataclass(frozen=True)
class Keep:
    """What a robot keeps from people.

    Attributes:
        distance: metres between the middles, below which they meet.
        contact: metres between the middles, at which they touch.
        reaction: s, until a command shows.
        braking: m/s^2.
        risk: probability of a meeting from which the robot gives way.
    """

    distance: float
    contact: float
    reaction: float
    braking: float
    risk: float


class Walkers:
    """The people around as they will walk, from predictions and from tracks at constant velocity.

    Attributes:
        positions, velocities: (A, 2) now, m and m/s.
        doubts: (A,) m/s, how much faster than that each may be.
    """

    def __init__(self, people: Sequence[PredictionSample | TrackSample], stamp_ns: int) -> None:
        """Read what is known of people.

        Args:
            people: of one frame; who is in several counts as the first of them says.
            stamp_ns: the present, no earlier than they are; 0: each is of the present.
        """
        paths, chances, doubts = [np.zeros((0, 1, STEPS, 2))], [np.ones((0, 1))], [np.zeros(0)]
        known: set[int] = set()
        for sample in people:
            late = max(0, stamp_ns - sample.stamp_ns) * 1e-9 if stamp_ns else 0.0
            is_new = [number not in known for number in sample.ids.tolist()]
            known.update(sample.ids.tolist())
            own, chance = _paths(sample, late + STEP_S * np.arange(STEPS))
            paths.append(own[is_new])
            chances.append(chance[is_new])
            doubts.append(_doubts(sample)[is_new])
        self._paths, self._chances = _stacked(paths), _stacked(chances)
        self.doubts = np.concatenate(doubts)
        mean = (self._chances[..., None, None] * self._paths).sum(1)
        self.positions = mean[:, 0]
        step = round(0.5 / STEP_S)
        self.velocities = (mean[:, step] - mean[:, 0]) / (step * STEP_S)

    def stopping_speed(self, pose: np.ndarray, keep: Keep, backwards: bool = False) -> float:
        """Return the speed in m/s from which the robot stops before it can touch anybody.

        Everybody is taken to come on as now, who was hardly seen yet as fast as may be. Beside
        people it is slow: they may step in.
        """
        sign = -1.0 if backwards else 1.0
        heading = sign * np.array([np.cos(pose[2]), np.sin(pose[2])])
        offsets = self.positions - pose[:2]
        away = np.maximum(np.linalg.norm(offsets, axis=1), 1e-6)
        towards = offsets @ heading / away
        coming = -(offsets * self.velocities).sum(1) / away
        closing = np.maximum(coming + self.doubts, 0.0)
        margin = 0.5 * (keep.distance - keep.contact)
        gap = away - keep.contact - margin - closing * keep.reaction
        half = keep.reaction + closing / keep.braking
        root = np.sqrt(np.maximum(half**2 + 2 * gap / keep.braking, 0.0))
        speeds = np.maximum(keep.braking * (root - half), 0.0)
        is_ahead = towards > 0.1
        beside = BESIDE[0] + BESIDE[1] * np.maximum(gap, 0.0)
        return min(
            float((speeds[is_ahead] / towards[is_ahead]).min(initial=np.inf)),
            float(beside[towards > 0.0].min(initial=np.inf)),
        )

    def yielding_speed(
        self, way: np.ndarray, step: float, speed: float, heading: float, keep: Keep
    ) -> float:
        """Return the speed in m/s at which the robot stops before it meets anybody on its way.

        Args:
            way: (S, 2) points ahead on the path, evenly spaced, the robot first.
            step: metres between two of them.
            speed: m/s with which it would go on.
            heading: rad, where the robot looks.
            keep: what is kept.
        """
        ahead = np.array([np.cos(heading), np.sin(heading)])
        offsets = self.positions - way[0]
        is_seen = offsets @ ahead > BEHIND * np.linalg.norm(offsets, axis=1)
        if not is_seen.any():
            return np.inf
        gone = speed * np.arange(STEPS) * STEP_S
        robot = way[np.minimum(np.rint(gone / step).astype(int), len(way) - 1)]
        apart = np.linalg.norm(self._paths[is_seen] - robot, axis=-1)
        is_near = apart < np.minimum(keep.distance, apart[..., :1] - NEARER)
        risk = (is_near * self._chances[is_seen][..., None]).sum(1).max(0)
        meetings = np.flatnonzero(risk >= keep.risk)
        if not len(meetings):
            return np.inf
        room = gone[meetings[0]] - speed * keep.reaction
        return float(np.sqrt(2 * GENTLE * keep.braking * max(room, 0.0)))


def _paths(
    people: PredictionSample | TrackSample, times: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return paths (A, K, T, 2) at times (T,) in seconds, and their probabilities (A, K)."""
    now = people.positions[:, None, None, :2]
    if isinstance(people, TrackSample):
        velocities = np.nan_to_num(people.velocities[:, None, None, :2])
        return now + times[:, None] * velocities, np.ones((len(people.ids), 1))
    agents, modes, steps = people.paths.shape[:3]
    paths = np.concatenate([np.broadcast_to(now, (agents, modes, 1, 2)), people.paths], 2)
    place = np.minimum(times / (people.time_step_ns * 1e-9), steps)
    before = np.minimum(place.astype(int), steps - 1)
    share = (place - before)[:, None]
    return (1 - share) * paths[:, :, before] + share * paths[:, :, before + 1], people.probabilities


def _doubts(people: PredictionSample | TrackSample) -> np.ndarray:
    """Return (A,) m/s, a standard deviation of velocities; who is predicted was seen for long."""
    if isinstance(people, PredictionSample) or people.velocity_covariances is None:
        return np.zeros(len(people.ids))
    variances = np.trace(people.velocity_covariances[:, :2, :2], axis1=1, axis2=2) / 2
    return np.sqrt(np.maximum(variances, 0.0))


def _stacked(parts: list[np.ndarray]) -> np.ndarray:
    """Join arrays (A, K, ...) of several K along A; what they lack of K is zero."""
    most = max(part.shape[1] for part in parts)
    pads = [[(0, 0), (0, most - part.shape[1])] + [(0, 0)] * (part.ndim - 2) for part in parts]
    return np.concatenate([np.pad(part, pad) for part, pad in zip(parts, pads, strict=True)])
