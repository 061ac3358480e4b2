"""Who is in a building: people on their ways, in groups, standing about, or stopping short."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from equi_nodes.sim import social_force
from equi_nodes.sim.crowd import Person
from equi_nodes.sim.walkways import Walkways

LEAST_WAY = 4.0  # m, the shortest way that people walk to and fro
FROM_ROBOT = 2.5  # m, nobody is nearer to the robot at the start
APART = 0.7  # m, between two people at the start
STANDING = 0.15  # share of the parties that stand about
GROUP_SIZES = (0.65, 0.25, 0.10)  # shares of parties of one, two and three
TRIES = 200


@dataclass(frozen=True, eq=False)
class Meeting:
    """Where people come from who shall meet the robot on its way.

    Attributes:
        way: (P, 2) corners of the robot's way.
        share: of the people, who walk along that way or across it; others walk anywhere.
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
    start, end = _ends(walkways, meeting, rng)
    route = walkways.path(start, end)
    if rng.random() < STANDING:
        route = route[:1]
    elif np.linalg.norm(np.diff(route, axis=0), axis=1).sum() < LEAST_WAY:
        return []
    leg = min(1, len(route) - 1)
    ahead = route[leg] - route[0] if leg else rng.normal(size=2)
    across = np.array([-ahead[1], ahead[0]]) / max(np.linalg.norm(ahead), 1e-9)
    party = []
    for number in range(size):
        shift = (number - (size - 1) / 2) * social_force.GROUP_DISTANCE * across
        begin = route[0] + shift
        if np.linalg.norm(begin - meeting.way[0]) < FROM_ROBOT or not walkways.is_clear(
            route[0], begin
        ):
            return []
        own = begin[None] if leg == 0 else route
        pause = float(rng.uniform(0.5, 4.0))
        height = float(rng.uniform(1.55, 1.9))
        party.append(Person(own, begin, leg, float(speed), group, pause, False, height))
    return party


def _ends(
    walkways: Walkways, meeting: Meeting, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return where a way starts and ends, (2,) each; some meet the robot's way at its corners."""
    start, end = walkways.points[rng.integers(len(walkways.points), size=2)]
    if rng.random() < meeting.share:
        legs = np.linalg.norm(np.diff(meeting.way, axis=0), axis=1)
        k = int(rng.choice(len(legs), p=legs / legs.sum()))
        end = meeting.way[k] + rng.random() * (meeting.way[k + 1] - meeting.way[k])
    return (start, end) if rng.random() < 0.5 else (end, start)
