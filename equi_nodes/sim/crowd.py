"""People who walk to and fro in a building, and make way for the robot as for each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.samples import TrackSample
from equi_nodes.sim import social_force
from equi_nodes.sim.boxes import Obstacles

BODY_RADIUS = 0.2  # m
REACHED = 0.5  # m, a corner of a route counts as reached
STRIDE = 1.4  # m, in which both legs swing once
STOPPING = (2.5, 4.0)  # m ahead of the robot that somebody stops short, and for how many seconds
YIELDING, YIELD_RANGE = 3.0, 0.3  # m/s^2 away from a robot that touches, and m in which it fades
BLOCKED = (0.2, 2.0)  # m/s, slower than that for so many seconds, and people turn back
TURNING = 0.3  # s, in which a body turns to where it walks


@dataclass(frozen=True, eq=False)
class Person:
    """One person and what this person is about to do.

    Attributes:
        route: (W, 2) corners in the world, metres, walked to and fro; one: stands there.
        start: (2,) where the person is at first, metres.
        leg: index of the corner that is walked to first.
        speed: desired, m/s.
        group: those with the same number walk together.
        pause: s, to stand at the ends of the route.
        stops_short: stops once, right in front of the robot.
        height: m.
    """

    route: np.ndarray
    start: np.ndarray
    leg: int
    speed: float
    group: int
    pause: float = 1.0
    stops_short: bool = False
    height: float = 1.75


class Crowd:
    """All people of a scenario.

    Attributes:
        positions, velocities: (A, 2) in the world, m and m/s.
        headings: (A,) rad.
        phases: (A,) rad, of the swing of their legs.
    """

    def __init__(
        self, people: tuple[Person, ...], obstacles: Obstacles, robot_radius: float
    ) -> None:
        """Put everybody at the start, beside a robot of a radius in metres."""
        self._people, self._obstacles = people, obstacles
        self._from_robot = robot_radius + BODY_RADIUS
        self.positions = np.array([p.start for p in people], float).reshape(-1, 2)
        self.velocities = np.zeros_like(self.positions)
        self._speeds = np.array([p.speed for p in people])
        self._groups = np.array([p.group for p in people], int)
        self._legs = [p.leg for p in people]
        self._ways = [1] * len(people)  # forth or back along the route
        self._waits, self._blocked = np.zeros(len(people)), np.zeros(len(people))
        self._is_startled = [not p.stops_short for p in people]
        self.headings = np.array([_heading(p) for p in people])
        self.phases = np.arange(len(people)) * 1.0

    def __len__(self) -> int:
        return len(self.positions)

    def sample(self, stamp_ns: int, frame_id: str) -> TrackSample:
        """Return where everybody is and how they move, without any error."""
        velocities = np.pad(self.velocities, ((0, 0), (0, 1)))
        places = np.pad(self.positions, ((0, 0), (0, 1)))
        ids = np.arange(len(self), dtype=np.int64)
        return TrackSample(stamp_ns, frame_id, ids, places, velocities, np.zeros((len(self), 3, 3)))

    def step(self, time_step: float, robot: np.ndarray, robot_velocity: np.ndarray) -> None:
        """Go on for a time in seconds beside a robot at (2,) with a velocity (2,)."""
        if not len(self):
            return
        self._stop_short(robot, robot_velocity)
        velocities = self.velocities + time_step * self._forces(robot, robot_velocity)
        top = social_force.TOP_SPEED_RATIO * self._speeds
        speed = np.linalg.norm(velocities, axis=1)
        velocities *= np.minimum(1.0, top / np.maximum(speed, social_force.TINY))[:, None]
        before = self.positions
        moved = _apart(before + time_step * velocities)
        moved = self._obstacles.pushed_out(moved, BODY_RADIUS)
        self.positions, self.velocities = moved, (moved - before) / time_step
        self._arrive(time_step)
        self._swing(time_step)

    def give_way(self, robot: np.ndarray) -> None:
        """Push people out of the robot at (2,); they yield when touched."""
        gap, away = self._from(robot)
        self.positions = self.positions + np.maximum(-gap, 0.0)[:, None] * away

    def _from(self, robot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (A,) metres between the robot and everybody, and (A, 2) directions away."""
        offset = self.positions - robot
        distance = np.maximum(np.linalg.norm(offset, axis=1), social_force.TINY)
        return distance - self._from_robot, offset / distance[:, None]

    def _forces(self, robot: np.ndarray, robot_velocity: np.ndarray) -> np.ndarray:
        goals = np.array([p.route[leg] for p, leg in zip(self._people, self._legs)])
        goals = np.where((self._waits > 0)[:, None], self.positions, goals)
        everybody = np.vstack([self.positions, robot])
        moving = np.vstack([self.velocities, robot_velocity])
        gap, away = self._from(robot)
        return (
            social_force.driving_force(self.positions, self.velocities, goals, self._speeds)
            + social_force.interaction_force(everybody, moving)[:-1]
            + social_force.group_force(self.positions, self.velocities, self._groups)
            + self._obstacles.force(self.positions)
            + YIELDING * np.exp(-gap / YIELD_RANGE)[:, None] * away
        )

    def _stop_short(self, robot: np.ndarray, robot_velocity: np.ndarray) -> None:
        """Have those stop who wanted to, as soon as the robot comes up to them."""
        near, seconds = STOPPING
        for k, is_startled in enumerate(self._is_startled):
            offset = self.positions[k] - robot
            if not is_startled and np.linalg.norm(offset) < near and offset @ robot_velocity > 0:
                self._waits[k], self._is_startled[k] = seconds, True

    def _arrive(self, time_step: float) -> None:
        """Go on to the next corner from one that was reached, and turn back where it is blocked."""
        is_waiting = self._waits > 0
        self._waits = np.maximum(self._waits - time_step, 0.0)
        slow, patience = BLOCKED
        is_slow = (np.linalg.norm(self.velocities, axis=1) < slow) & ~is_waiting
        self._blocked = np.where(is_slow, self._blocked + time_step, 0.0)
        for k in np.flatnonzero(~is_waiting):
            route, corner = self._people[k].route, self._people[k].route[self._legs[k]]
            is_there = np.linalg.norm(corner - self.positions[k]) < REACHED
            if len(route) > 1 and (is_there or self._blocked[k] > patience):
                self._turn(k, is_there)

    def _turn(self, k: int, is_there: bool) -> None:
        """Have somebody walk to the next corner of the route, or to the last one again."""
        ends = range(len(self._people[k].route))
        self._blocked[k] = 0.0
        if not is_there:
            self._ways[k] *= -1
        elif self._legs[k] + self._ways[k] not in ends:
            self._ways[k] *= -1
            self._waits[k] = self._people[k].pause
        self._legs[k] = int(np.clip(self._legs[k] + self._ways[k], ends[0], ends[-1]))

    def _swing(self, time_step: float) -> None:
        speed = np.linalg.norm(self.velocities, axis=1)
        self.phases = self.phases + 2 * np.pi * speed * time_step / STRIDE
        wanted = np.arctan2(self.velocities[:, 1], self.velocities[:, 0])
        turn = np.remainder(wanted - self.headings + np.pi, 2 * np.pi) - np.pi
        share = min(1.0, time_step / TURNING)
        self.headings = self.headings + np.where(speed > 0.2, share * turn, 0.0)


def _apart(positions: np.ndarray) -> np.ndarray:
    """Return the positions (A, 2), those whose bodies would overlap half pushed apart each."""
    offset = positions[:, None] - positions
    distance = np.maximum(np.linalg.norm(offset, axis=-1, keepdims=True), 1e-9)
    overlap = np.maximum(2 * BODY_RADIUS - distance, 0.0)
    return positions + (0.5 * overlap * offset / distance).sum(1)


def _heading(person: Person) -> float:
    ahead = person.route[person.leg] - person.start
    return float(np.arctan2(ahead[1], ahead[0])) if ahead.any() else 1.7 * person.group
