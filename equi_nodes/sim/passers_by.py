"""Who is in a building: people on their ways, in groups, standing about, or stopping short."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from equi_nodes.sim import social_force
from equi_nodes.sim.crowd import Person
from equi_nodes.sim.walkways import Walkways, length_of

LEAST_WAY = 4.0  # m, the shortest way that people walk to and fro
FROM_ROBOT = 2.5  # m, nobody is nearer to the robot at the start
APART = 0.7  # m, between two people at the start
STANDING = 0.15  # share of the parties that stand about
ELBOW_ROOM = 1.1  # m from walls that people stand about at, so that a robot can pass
GROUP_SIZES = (0.65, 0.25, 0.10)  # shares of parties of one, two and three
TRIES = 200


@dataclass(frozen=True, eq=False)
class Meeting:
    """Where people come from who shall meet the robot on its way.

    Attributes:
        way: (P, 2) corners of the robot's way.
        share: of the people, who walk to or from places on it; others walk anywhere.
    """

    way: np.ndarray
    share: float


def passers_by(
    count: int, walkways: Walkways, meeting: Meeting, rng: np.random.Generator
) -> tuple[Person, ...]:
    """Return people in the axes of the floor; one of them stops short in front of the robot.

    Args:
        count: how many.
        walkways: where people can walk.
        meeting: the robot's way, which starts where nobody is.
        rng: what everything is drawn from.
    """
    people: list[Person] = []
    group = 0
    for _ in range(TRIES):
        if len(people) >= count:
            break
        party = _party(group, count - len(people), walkways, meeting, rng)
        taken = np.array([p.start for p in people]).reshape(-1, 2)
        gaps = [np.linalg.norm(taken - p.start, axis=1).min(initial=np.inf) for p in party]
        if party and min(gaps) > APART:
            people, group = people + party, group + 1
    walking = [k for k, p in enumerate(people) if len(p.route) > 1]
    if walking:
        people[walking[0]] = replace(people[walking[0]], stops_short=True)
    return tuple(people)


def _party(
    group: int, most: int, walkways: Walkways, meeting: Meeting, rng: np.random.Generator
) -> list[Person]:
    """Return one to three people who walk or stand together, none if there was no room."""
    size = min(1 + int(rng.choice(len(GROUP_SIZES), p=GROUP_SIZES)), most)
    speed = max(0.7, rng.normal(social_force.DESIRED_SPEED, social_force.DESIRED_SPEED_SD))
    speed *= 0.85 if size > 1 else 1.0
    route = _route(walkways, meeting, rng)
    is_standing = len(route) == 1
    ahead = rng.normal(size=2) if is_standing else route[1] - route[0]
    across = np.array([-ahead[1], ahead[0]]) / np.linalg.norm(ahead)
    shifts = (np.arange(size) - (size - 1) / 2) * social_force.GROUP_DISTANCE
    starts = route[0] + shifts[:, None] * across
    from_robot = np.linalg.norm(starts - meeting.way[0], axis=1).min()
    is_free = all(walkways.is_clear(route[0], start) for start in starts)
    if from_robot < FROM_ROBOT or not is_free or 0.0 < length_of(route) < LEAST_WAY:
        return []
    return [
        Person(
            route=start[None] if is_standing else route,
            start=start,
            leg=0 if is_standing else 1,
            speed=float(speed),
            group=group,
            pause=float(rng.uniform(0.5, 4.0)),
            height=float(rng.uniform(1.55, 1.9)),
        )
        for start in starts
    ]


def _route(walkways: Walkways, meeting: Meeting, rng: np.random.Generator) -> np.ndarray:
    """Return the corners (W, 2) of a way, one only of those who stand about."""
    roomy = np.flatnonzero(walkways.clearance > ELBOW_ROOM)
    if rng.random() < STANDING and len(roomy):
        return walkways.points[rng.choice(roomy)][None]
    return walkways.path(*_ends(walkways, meeting, rng))


def _ends(
    walkways: Walkways, meeting: Meeting, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return where a way starts and ends, (2,) each; some lead to the robot's way or from it."""
    start, end = walkways.points[rng.integers(len(walkways.points), size=2)]
    if rng.random() < meeting.share:
        legs = np.linalg.norm(np.diff(meeting.way, axis=0), axis=1)
        k = int(rng.choice(len(legs), p=legs / legs.sum()))
        end = meeting.way[k] + rng.random() * (meeting.way[k + 1] - meeting.way[k])
    return (start, end) if rng.random() < 0.5 else (end, start)
