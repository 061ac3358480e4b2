"""A path as a line that a robot is somewhere along."""

from __future__ import annotations

import numpy as np

SPACING = 0.05  # m between the places that are looked at


class PathAhead:
    """Corners of a path, measured by the way along it; beyond its end it goes straight on.

    Attributes:
        length: metres.
        end: (3,) x, y in metres and yaw in rad of the last pose.
    """

    def __init__(self, poses: np.ndarray) -> None:
        """Take (P, 3) poses, one at least; those on one spot count as one."""
        points = poses[:, :2]
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        kept = np.append(True, steps > 1e-6)
        self._points = points[kept]
        self._gone = np.append(0.0, np.cumsum(steps[steps > 1e-6]))
        self.length, self.end = float(self._gone[-1]), poses[-1]

    def along(self, position: np.ndarray) -> float:
        """Return how many metres along the path its nearest point to a position (2,) is."""
        if len(self._points) == 1:
            return 0.0
        starts, edges = self._points[:-1], np.diff(self._points, axis=0)
        squares = (edges**2).sum(1)
        shares = np.clip(((position - starts) * edges).sum(1) / squares, 0.0, 1.0)
        away = np.linalg.norm(starts + shares[:, None] * edges - position, axis=1)
        nearest = int(away.argmin())
        return float(self._gone[nearest] + shares[nearest] * np.sqrt(squares[nearest]))

    def at(self, gone: np.ndarray) -> np.ndarray:
        """Return the points (..., 2) after so many metres (...)."""
        x, y = (np.interp(gone, self._gone, column) for column in self._points.T)
        beyond = np.maximum(gone - self.length, 0.0)[..., None]
        return np.stack([x, y], -1) + beyond * self._last_direction()

    def aim(self, gone: float, reach: tuple[float, float], tolerance: float) -> float:
        """Return how many metres ahead a straight way leads that stays beside the path.

        Args:
            gone: metres along the path where the way begins.
            reach: least and most metres ahead.
            tolerance: metres that the path may be away from the way.
        """
        ahead = np.arange(reach[0], reach[1] + SPACING, SPACING)
        between = self.at(gone + np.arange(0.0, ahead[-1] + 1e-9, SPACING))
        start, ends = self.at(np.array(gone)), self.at(gone + ahead)
        best = reach[0]
        for reached, end in zip(ahead[1:], ends[1:]):
            passed = between[: int(reached / SPACING) + 1] - start
            way = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9)
            aside = np.abs(passed[:, 0] * way[1] - passed[:, 1] * way[0])
            if aside.max() > tolerance:
                break
            best = reached
        return min(float(best), reach[1])

    def _last_direction(self) -> np.ndarray:
        if len(self._points) == 1:
            return np.array([np.cos(self.end[2]), np.sin(self.end[2])])
        step = self._points[-1] - self._points[-2]
        return step / np.linalg.norm(step)


def arc(pose: np.ndarray, curvature: float, gone: np.ndarray) -> np.ndarray:
    """Return the points (N, 2) after metres (N,) on a circle that begins along the heading."""
    half = 0.5 * curvature * gone
    chord = gone * np.sinc(half / np.pi)
    return pose[:2] + chord[:, None] * np.stack([np.cos(pose[2] + half), np.sin(pose[2] + half)], 1)
