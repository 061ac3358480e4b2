"""How high points are above the ground, on floors, slopes and ramps.

A plane is found by consensus among the lowest points around. What it leaves over, kerbs and ramps,
is followed outwards from the sensor, direction by direction: the ground of a place is its lowest
point, if that is within a step of the ground before it.
"""

from __future__ import annotations

import numpy as np

CELL = 1.0  # m, of each the lowest point votes
TRIALS = 64  # planes tried
STEEPEST = 0.35  # m/m, of a plane that may be the ground
AGREEMENT = 0.08  # m between a plane and a point that speaks for it
NEAR = 4.0  # m; cells farther from the sensor have less of a vote
FEWEST = 6  # cells that must agree, else the plane of before stays
SECTORS, STRIDE = 120, 0.5  # directions, and metres between two places along each
STEP, HIGHEST_STEP = 0.08, 0.2  # m between places that follow each other, and after a gap
USUAL_HEIGHT = 0.5  # m of a sensor above the ground, taken before any ground was seen


class Ground:
    """Finds the ground in each sweep; where too little of it is seen, the last one still holds."""

    def __init__(self, seed: int = 0) -> None:
        """Know no ground; ``seed`` draws the planes that are tried."""
        self._seed = seed
        self.clear()

    def clear(self) -> None:
        """Forget the ground."""
        self._generator = np.random.default_rng(self._seed)
        self._plane: np.ndarray | None = None

    def heights(self, points: np.ndarray, sensor: np.ndarray) -> np.ndarray:
        """Return the heights (N,) above the ground, metres.

        Args:
            points: (N, 3) metres, in a frame with z up.
            sensor: (3,) where they were seen from.
        """
        self._plane = self._fit(_lowest(points, sensor), sensor)
        above = points[:, 2] - self.at(points)
        return above - _walked(points[:, :2] - sensor[:2], above)

    def at(self, places: np.ndarray) -> np.ndarray:
        """Return z (P,) of the ground's plane at places (P, 2 or more)."""
        slope_x, slope_y, offset = self._plane
        return slope_x * places[:, 0] + slope_y * places[:, 1] + offset

    def _fit(self, lowest: np.ndarray, sensor: np.ndarray) -> np.ndarray:
        """Return (3,) slopes along x and y and the offset of the ground's plane."""
        flat = np.array([0.0, 0.0, sensor[2] - USUAL_HEIGHT])
        before = flat if self._plane is None else self._plane
        if len(lowest) < FEWEST:
            return before
        planes = np.vstack([before, self._tried(lowest)])
        rest = lowest[:, 2] - planes[:, :2] @ lowest[:, :2].T - planes[:, 2:]
        agree = np.abs(rest) < AGREEMENT
        near = 1.0 / (1.0 + (((lowest - sensor)[:, :2] / NEAR) ** 2).sum(1))
        votes = (agree.astype(float) - (rest < -AGREEMENT)) @ near  # nothing is below the ground
        chosen = lowest[agree[votes.argmax()]]
        if len(chosen) < FEWEST:
            return before
        homogeneous = np.column_stack([chosen[:, :2], np.ones(len(chosen))])
        return np.linalg.lstsq(homogeneous, chosen[:, 2], rcond=None)[0]

    def _tried(self, lowest: np.ndarray) -> np.ndarray:
        """Return planes (P, 3) through three points each, as far as they may be a ground."""
        corner, left, right = lowest[self._generator.integers(0, len(lowest), (3, TRIALS))]
        normal = np.cross(left - corner, right - corner)
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = -normal[:, :2] / normal[:, 2:]
        is_ground = np.hypot(*slopes.T) < STEEPEST  # of three points on a line this is false
        slopes, corner = slopes[is_ground], corner[is_ground]
        offset = corner[:, 2] - (slopes * corner[:, :2]).sum(1)
        return np.column_stack([slopes, offset])


def _lowest(points: np.ndarray, sensor: np.ndarray) -> np.ndarray:
    """Return the lowest point (C, 3) of each cell that has one below the sensor."""
    below = points[points[:, 2] < sensor[2]]
    below = below[np.argsort(-below[:, 2], kind="stable")]
    cells = np.floor(below[:, :2] / CELL).astype(np.int64)
    key = cells[:, 0] * 1_000_003 + cells[:, 1]
    _, last = np.unique(key[::-1], return_index=True)
    return below[::-1][last]


def _walked(offsets: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Return what the ground at each point (N,) is above the plane, metres."""
    sector = np.floor((np.arctan2(offsets[:, 1], offsets[:, 0]) / (2 * np.pi) + 0.5) * SECTORS)
    sector = np.minimum(sector.astype(np.int64), SECTORS - 1)
    place = (np.hypot(offsets[:, 0], offsets[:, 1]) / STRIDE).astype(np.int64)
    lowest = np.full((SECTORS, place.max(initial=0) + 1), np.inf)
    np.minimum.at(lowest, (sector, place), above)
    ground, step = np.zeros(SECTORS), np.full(SECTORS, STEP)
    for low in lowest.T:
        is_ground = np.abs(low - ground) < step
        ground = np.where(is_ground, low, ground)
        step = np.where(is_ground, STEP, np.minimum(step + STEP, HIGHEST_STEP))
        low[:] = ground
    return lowest[sector, place]
