"""What one sweep sees of the space around it, from above: a scan made of rays of any direction.

The rays of one azimuth share the cells they pass over. What counts in a cell is the lowest of them:
one that passes above an obstacle does not say that it has gone.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

AZIMUTHS = 720  # of half a degree: a spinning LiDAR has a ray in each, so nothing leaks between
DROP = 0.2  # m below the ground a ray is in a hole, and what is beneath it is no floor
NEAREST = 1e-3  # m, a shorter ray has no direction


class Rays(NamedTuple):
    """The rays of one sweep, from one place.

    Attributes:
        origin: (3,) x, y of the sensor in the fixed frame and its height above the ground, metres.
        ends: (N, 3) x, y and height where each ray ended.
        is_hit: (N,) bool, it ended in an obstacle; else on the floor, or nothing came back.
        is_lasting: (N,) bool, the obstacle belongs in the map: it is no person.
    """

    origin: np.ndarray
    ends: np.ndarray
    is_hit: np.ndarray
    is_lasting: np.ndarray


class View(NamedTuple):
    """Seen space by azimuth.

    Attributes:
        directions: (A, 2) unit vectors; zero where no ray went.
        reaches: (A,) metres that are seen: to the nearest obstacle, else as far as rays went.
        slopes: (A, S) rise per metre of the lowest ray that passes each step of distance; inf for
            none.
        step: metres, the distance of two steps.
    """

    directions: np.ndarray
    reaches: np.ndarray
    slopes: np.ndarray
    step: float


def is_obstacle(
    heights: np.ndarray, distances: np.ndarray, band: tuple[float, float], floor_slope: float
) -> np.ndarray:
    """Return which ends (N,) are too high for the floor and too low to drive beneath.

    Args:
        heights: (N,) above the ground at the robot, metres.
        distances: (N,) from the sensor, metres.
        band: lowest and highest height of an obstacle.
        floor_slope: metres that the floor, or the error of its height, may rise in one of distance.
    """
    return (heights >= band[0] + floor_slope * distances) & (heights <= band[1])


def look(rays: Rays, reach: float, step: float) -> View:
    """Return what is seen within ``reach`` metres, in steps of ``step`` metres."""
    slopes = np.full((AZIMUTHS, int(reach / step) + 1), np.inf, np.float32)
    farthest = np.zeros(AZIMUTHS)
    nearest = np.full(AZIMUTHS, reach)
    directions = np.zeros((AZIMUTHS, 2))
    _collect(
        rays.origin, rays.ends, rays.is_hit, reach, step, slopes, farthest, nearest, directions
    )
    return View(directions, np.minimum(farthest, nearest), slopes, step)


@numba.njit(cache=True, nogil=True)
def _collect(origin, ends, is_hit, reach, step, slopes, farthest, nearest, directions):  # noqa: ANN001, ANN202
    """Sort the rays by azimuth; then each step has the lowest of all rays that go farther."""
    count, steps = slopes.shape
    for ray in range(len(ends)):
        x, y = ends[ray, 0] - origin[0], ends[ray, 1] - origin[1]
        distance = np.hypot(x, y)
        if distance < NEAREST:
            continue
        turn = int((np.arctan2(y, x) / (2 * np.pi) + 0.5) * count) % count
        slope = (ends[ray, 2] - origin[2]) / distance
        # The last cell before an obstacle may be a part of it; one of the floor is floor.
        passed = distance - step if is_hit[ray] else distance
        if slope < 0:
            passed = min(passed, (-DROP - origin[2]) / slope)
        if is_hit[ray]:
            nearest[turn] = min(nearest[turn], distance - step)
        passed = min(passed, reach)
        if passed <= 0:
            continue
        last = min(int(passed / step), steps - 1)
        slopes[turn, last] = min(slopes[turn, last], slope)
        if passed > farthest[turn]:
            farthest[turn] = passed
            directions[turn, 0], directions[turn, 1] = x / distance, y / distance
    for turn in range(count):
        for place in range(steps - 2, -1, -1):
            slopes[turn, place] = min(slopes[turn, place], slopes[turn, place + 1])
