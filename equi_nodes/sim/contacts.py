"""What a robot bumps into, and who is to blame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.sim.boxes import Obstacles
from equi_nodes.sim.crowd import BODY_RADIUS, Crowd

MOVING = 0.05  # m/s towards the other, from which a robot is to blame
PARTED = 0.05  # m, from which the next touch is another collision
WALL = -1


@dataclass(frozen=True, eq=False)
class Collision:
    """One touch.

    Attributes:
        stamp_ns: when it began.
        person: id of the person, None for a wall or furniture.
        position: (2,) of the robot in the world, metres.
        speed: of the robot towards the other, m/s.
        is_fault: the robot drove into it; otherwise a person walked into the robot.
    """

    stamp_ns: int
    person: int | None
    position: np.ndarray
    speed: float
    is_fault: bool


class Contacts:
    """Watches a round robot among obstacles and people.

    Attributes:
        collisions: all so far, in order.
        nearest_person: metres between the outlines of the robot and the next person, infinite
            without people.
    """

    def __init__(self, radius: float, obstacles: Obstacles, crowd: Crowd) -> None:
        """Watch a robot of a radius in metres."""
        self._radius, self._obstacles, self._crowd = radius, obstacles, crowd
        self._touching: set[int] = set()
        self.collisions: tuple[Collision, ...] = ()
        self.nearest_person = np.inf

    def check(self, stamp_ns: int, position: np.ndarray, velocity: np.ndarray) -> None:
        """Judge the robot at a position (2,) with a velocity (2,), m and m/s in the world."""
        gap, away = self._obstacles.gaps(position[None])
        self._judge(WALL, stamp_ns, position, gap[0] - self._radius, -velocity @ away[0])
        offsets = self._crowd.positions - position
        distances = np.linalg.norm(offsets, axis=1)
        gaps = distances - self._radius - BODY_RADIUS
        self.nearest_person = float(gaps.min(initial=np.inf))
        for k in np.flatnonzero(gaps < PARTED):
            self._judge(int(k), stamp_ns, position, gaps[k], velocity @ offsets[k] / distances[k])
        self._touching -= set(np.flatnonzero(gaps >= PARTED).tolist())

    def _judge(
        self, other: int, stamp_ns: int, position: np.ndarray, gap: float, speed: float
    ) -> None:
        if gap >= PARTED:
            self._touching.discard(other)
        if gap > 0.0 or other in self._touching:
            return
        self._touching.add(other)
        person = None if other == WALL else other
        is_fault = bool(speed > MOVING)
        record = Collision(stamp_ns, person, position.copy(), float(speed), is_fault)
        self.collisions = (*self.collisions, record)
