"""Which frontier to head for, and when to change one's mind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SAME_PLACE_M = 1.5  # a frontier this near to the one headed for is what became of it
LEAST_GAIN_M = 0.5  # for less nobody turns round


@dataclass
class Target:
    """The frontier that is headed for.

    Attributes:
        goal: (2,) of the plan in the map's frame, metres.
        place: (2,) of the frontier in the map's frame, metres.
        seen: how many cells had been seen when the map last brought news.
        robot: (2,) where the robot was last, metres.
        in_vain: metres driven since the map last brought news.
    """

    goal: np.ndarray
    place: np.ndarray
    seen: int
    robot: np.ndarray
    in_vain: float = 0.0

    def drive_on(self, robot: np.ndarray, seen: int) -> None:
        """Note where the robot is now and how many cells it has seen."""
        driven = float(np.linalg.norm(robot - self.robot))
        self.in_vain = 0.0 if seen > self.seen else self.in_vain + driven
        self.robot, self.seen = robot, seen


def choose(places: np.ndarray, totals: np.ndarray, before: Target | None, margin: float) -> int:
    """Return the number of the place to head for: the cheapest, or the one headed for before.

    To turn round has to gain more than the margin, and more than was driven since the map last
    brought news, so that a robot cannot go to and fro for ever.

    Args:
        places: (F, 2) metres.
        totals: (F,) metres to the goal over each of them.
        before: what was headed for, None if nothing was.
        margin: share of the total that counts as clearly better.
    """
    best = int(np.argmin(totals))
    if before is None or not np.isfinite(totals[best]):
        return best
    away = np.linalg.norm(places - before.place, axis=1)
    near = np.flatnonzero(away < SAME_PLACE_M)
    if not len(near):
        return best
    kept = int(near[np.argmin(totals[near])])
    gain = max(LEAST_GAIN_M, margin * totals[best]) + before.in_vain
    return best if totals[best] < totals[kept] - gain else kept
