"""A crossing of two streets with people who walk, turn, walk in groups, stop to talk and go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from equi_nodes.samples import TrackSample
from equi_nodes.sim import social_force

FRAME = "map"
START_NS = 1_700_000_000_000_000_000  # any plausible wall time: zero means "unset" in ROS
HALF_LENGTH = 14.0  # m, from the middle of the crossing to the end of a street
HALF_WIDTH = 4.0  # m, of a street
WALL_MARGIN = 0.8  # m, free space that routes keep from the buildings
RUN_IN = 15.0  # s, simulated before the first sample, so that the crowd has mixed
LONGEST_STEP = 0.05  # s, of the integration
GROUP_SIZES = (0.58, 0.30, 0.12)  # shares of one, two and three people, after Moussaid 2010
STANDING_SHARE = 0.2  # of the arriving parties, who stop in the crossing
STANDING_TIME = (8.0, 25.0)  # s, they stand for
REACHED = 0.6  # m, a waypoint counts as reached
MISS_RATE = 0.01  # share of detections that a noisy tracker loses

_FAR = 10.0 * HALF_LENGTH
BUILDINGS = np.array(
    [
        [[HALF_WIDTH, HALF_WIDTH], [_FAR, _FAR]],
        [[-_FAR, HALF_WIDTH], [-HALF_WIDTH, _FAR]],
        [[-_FAR, -_FAR], [-HALF_WIDTH, -HALF_WIDTH]],
        [[HALF_WIDTH, -_FAR], [_FAR, -HALF_WIDTH]],
    ]
)
STREETS = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])


@dataclass(frozen=True)
class Crowd:
    """Everybody in the plaza; one row per person.

    Attributes:
        ids: (A,) int64.
        groups: (A,) int64, people with the same number walk together.
        positions, velocities: (A, 2) metres and m/s.
        speeds: (A,) desired, m/s.
        routes: (A, 2, 2) metres: a point inside the crossing, then the exit.
        pauses: (A,) seconds still to stand at the first point of the route.
        legs: (A,) int, the point of the route that is walked to; 2: has left.
    """

    ids: np.ndarray
    groups: np.ndarray
    positions: np.ndarray
    velocities: np.ndarray
    speeds: np.ndarray
    routes: np.ndarray
    pauses: np.ndarray
    legs: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def where(self, keep: np.ndarray) -> Crowd:
        """Return the crowd of the rows that an (A,) mask keeps."""
        return Crowd(*(column[keep] for column in vars(self).values()))

    def joined_by(self, other: Crowd) -> Crowd:
        """Return the crowd of both."""
        pairs = zip(vars(self).values(), vars(other).values())
        return Crowd(*(np.concatenate(pair) for pair in pairs))


def simulate(
    rng: np.random.Generator, *, agents: int, seconds: float, rate_hz: float
) -> Iterator[TrackSample]:
    """Yield the true positions and velocities of about ``agents`` people at a steady rate.

    Args:
        rng: the same generator state gives the same people.
        agents: people in the plaza at a time; who leaves is replaced at the end of a street.
        seconds: length of the recording.
        rate_hz: samples per second.
    """
    substeps = int(np.ceil(1.0 / (rate_hz * LONGEST_STEP)))
    time_step = 1.0 / (rate_hz * substeps)
    crowd = _populate(rng, agents)
    for _ in range(round(RUN_IN / time_step)):
        crowd = _refill(step(crowd, time_step), rng, agents)
    for index in range(round(seconds * rate_hz)):
        yield _sample(crowd, START_NS + round(index * 1e9 / rate_hz))
        for _ in range(substeps):
            crowd = _refill(step(crowd, time_step), rng, agents)


def tracked(sample: TrackSample, noise: float, rng: np.random.Generator) -> TrackSample:
    """Return what a tracker reports: jittered by ``noise`` metres, some missed, no velocity.

    Without noise the tracker is perfect and reports the sample as it is.
    """
    if noise == 0.0:
        return sample
    seen = rng.random(len(sample.ids)) >= MISS_RATE
    positions = sample.positions[seen, :2]
    jittered = positions + rng.normal(0.0, noise, positions.shape)
    measured = TrackSample.of_positions(
        sample.stamp_ns, sample.frame_id, sample.ids[seen], jittered
    )
    covariances = measured.covariances + np.diag([noise**2, noise**2, 0.0])
    return replace(measured, covariances=covariances)


def step(crowd: Crowd, time_step: float) -> Crowd:
    """Return the crowd after ``time_step`` seconds; who reached the exit is gone."""
    goals = crowd.routes[np.arange(len(crowd)), crowd.legs]
    acceleration = (
        social_force.driving_force(crowd.positions, crowd.velocities, goals, crowd.speeds)
        + social_force.interaction_force(crowd.positions, crowd.velocities)
        + social_force.wall_force(crowd.positions, BUILDINGS)
        + social_force.group_force(crowd.positions, crowd.velocities, crowd.groups)
    )
    velocities = crowd.velocities + time_step * acceleration
    top = social_force.TOP_SPEED_RATIO * crowd.speeds
    speed = np.linalg.norm(velocities, axis=-1)
    velocities *= np.minimum(1.0, top / np.maximum(speed, social_force.TINY))[:, None]
    positions = crowd.positions + time_step * velocities
    is_there = np.linalg.norm(goals - positions, axis=-1) < REACHED
    pauses = crowd.pauses - time_step * (is_there & (crowd.legs == 0))
    legs = crowd.legs + (is_there & ((pauses <= 0.0) | (crowd.legs == 1)))
    moved = replace(crowd, positions=positions, velocities=velocities, pauses=pauses, legs=legs)
    return moved.where(legs < 2)


def _populate(rng: np.random.Generator, agents: int) -> Crowd:
    """Return the first people, spread along their routes."""
    crowd = _party(rng, 0, agents)
    while len(crowd) < agents:
        crowd = crowd.joined_by(_party(rng, int(crowd.ids[-1]) + 1, agents - len(crowd)))
    _, group = np.unique(crowd.groups, return_inverse=True)
    share = rng.random(group.max() + 1)[group, None]
    ahead = crowd.routes[:, 0] - crowd.positions
    return replace(crowd, positions=crowd.positions + share * ahead)


def _refill(crowd: Crowd, rng: np.random.Generator, agents: int) -> Crowd:
    """Return the crowd with at most one more party at the end of a street."""
    missing = agents - len(crowd)
    if missing <= 0:
        return crowd
    newest = int(crowd.ids.max(initial=-1))
    party = _party(rng, newest + 1, missing)
    gaps = np.linalg.norm(party.positions[:, None] - crowd.positions[None], axis=-1)
    return crowd.joined_by(party) if gaps.min(initial=np.inf) > 1.5 else crowd


def _party(rng: np.random.Generator, first_id: int, most: int) -> Crowd:
    """Return one to three people who enter a street side by side and walk the same way."""
    size = min(1 + rng.choice(len(GROUP_SIZES), p=GROUP_SIZES), most)
    entry, leave = rng.choice(len(STREETS), size=2, replace=False)
    free = HALF_WIDTH - WALL_MARGIN
    abreast = (np.arange(size) - (size - 1) / 2.0)[:, None] * social_force.GROUP_DISTANCE
    is_standing = rng.random() < STANDING_SHARE
    middle = rng.uniform(-free, free, 2) * (1.0 if is_standing else 0.8)
    speed = rng.normal(social_force.DESIRED_SPEED, social_force.DESIRED_SPEED_SD)
    routes = np.stack(
        [middle + abreast * _left(STREETS[entry]), _gate(rng, leave, free - 0.8, abreast)], axis=1
    )
    positions = _gate(rng, entry, free - 0.8, abreast)
    speed = max(speed, 0.6) * (1.0 if size == 1 else 0.85)
    return Crowd(
        ids=first_id + np.arange(size),
        groups=np.full(size, first_id),
        positions=positions,
        velocities=np.tile(-speed * STREETS[entry], (size, 1)),
        speeds=np.full(size, speed),
        routes=routes,
        pauses=np.full(size, rng.uniform(*STANDING_TIME) if is_standing else 0.0),
        legs=np.zeros(size, np.int64),
    )


def _gate(rng: np.random.Generator, street: int, free: float, abreast: np.ndarray) -> np.ndarray:
    """Return (size, 2) points side by side at the end of a street."""
    outwards = STREETS[street]
    return HALF_LENGTH * outwards + (rng.uniform(-free, free) + abreast) * _left(outwards)


def _left(direction: np.ndarray) -> np.ndarray:
    """Return the direction a quarter turn to the left."""
    return np.array([-direction[1], direction[0]])


def _sample(crowd: Crowd, stamp_ns: int) -> TrackSample:
    """Return the crowd as tracks, sorted by id, with true velocities."""
    sample = TrackSample.of_positions(stamp_ns, FRAME, crowd.ids, crowd.positions)
    velocities = np.pad(crowd.velocities, ((0, 0), (0, 1)))
    return replace(sample, velocities=velocities)
