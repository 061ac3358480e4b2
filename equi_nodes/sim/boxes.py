"""Solid cells as few boxes, and what keeps people and robots out of them."""

from __future__ import annotations

import cv2
import numpy as np

from equi_nodes.samples import GridSample
from equi_nodes.sim import social_force

SKIN = 0.3  # m of a wall that is built; what is deeper inside can be seen by nobody
OCCUPIED = 50  # per cent from which a cell is solid


def merged(solid: np.ndarray) -> np.ndarray:
    """Return (O, 4) rectangles that cover the solid cells and no others, none twice.

    Args:
        solid: (H, W) bool.

    Returns:
        rows and columns: first row, first column, end row, end column (exclusive), int.
    """
    left = solid.copy()
    found = []
    for row in range(len(left)):
        while (columns := np.flatnonzero(left[row])).size:
            first = columns[0]
            gap = np.flatnonzero(~left[row, first:])
            end = first + gap[0] if gap.size else left.shape[1]
            is_full = left[row:, first:end].all(1)
            high = row + (len(is_full) if is_full.all() else int(np.argmin(is_full)))
            left[row:high, first:end] = False
            found.append((row, first, high, end))
    return np.array(found, int).reshape(-1, 4)


def skin(solid: np.ndarray, resolution: float) -> np.ndarray:
    """Return (H, W) bool, the solid cells that are near to free ones."""
    reach = int(np.ceil(SKIN / resolution))
    free = np.pad((~solid).astype(np.uint8), 1)
    kernel = np.ones((2 * reach + 1,) * 2, np.uint8)
    return solid & (cv2.dilate(free, kernel)[1:-1, 1:-1] > 0)


class Obstacles:
    """Boxes that stand on a floor, whose axes may be turned in the world.

    Attributes:
        boxes: (O, 2, 2) low and high corners, metres, in the floor's axes.
        origin: (3,) x, y and yaw of these axes in the world.
    """

    def __init__(self, boxes: np.ndarray, origin: np.ndarray) -> None:
        """Take the boxes (O, 2, 2) and the place of their axes (3,)."""
        self.boxes, self.origin = boxes, np.asarray(origin, float)
        cos, sin = np.cos(origin[2]), np.sin(origin[2])
        self._R = np.array([[cos, -sin], [sin, cos]])

    @classmethod
    def of_floor(cls, floor: GridSample) -> Obstacles:
        """Return the walls of a floor; they are built as deep as ``SKIN``."""
        cells = merged(skin(floor.cells >= OCCUPIED, floor.resolution))
        corners = cells.reshape(-1, 2, 2)[:, :, ::-1] * floor.resolution
        return cls(corners, floor.origin)

    def with_boxes(self, boxes: np.ndarray) -> Obstacles:
        """Return these and more boxes (M, 2, 2) of the same axes."""
        return Obstacles(np.concatenate([self.boxes, boxes.reshape(-1, 2, 2)]), self.origin)

    def to_floor(self, points: np.ndarray) -> np.ndarray:
        """Return world points (N, 2) in the floor's axes."""
        return (points - self.origin[:2]) @ self._R

    def to_world(self, points: np.ndarray) -> np.ndarray:
        """Return points of the floor's axes (N, 2) in the world."""
        return points @ self._R.T + self.origin[:2]

    def force(self, points: np.ndarray) -> np.ndarray:
        """Return (N, 2) the acceleration that people at world points (N, 2) feel, m/s^2."""
        return social_force.wall_force(self.to_floor(points), self.boxes) @ self._R.T

    def gaps(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (N,) metres to the next box, negative inside, and (N, 2) directions away from it.

        Args:
            points: (N, 2) in the world.
        """
        at = self.to_floor(points)
        offset = at[:, None] - np.clip(at[:, None], self.boxes[:, 0], self.boxes[:, 1])
        distance = np.linalg.norm(offset, axis=-1)
        nearest, rows = distance.argmin(1), np.arange(len(at))
        gap, away = distance[rows, nearest], offset[rows, nearest]
        for k in np.flatnonzero(gap == 0.0):
            gap[k], away[k] = _way_out(at[k], self.boxes[nearest[k]])
        length = np.maximum(np.linalg.norm(away, axis=1, keepdims=True), 1e-12)
        return gap, away / length @ self._R.T

    def pushed_out(self, points: np.ndarray, radius: float) -> np.ndarray:
        """Return the points (N, 2), moved until discs of a radius around them touch no box."""
        for _ in range(3):  # a corner has two sides, a door two posts
            gap, away = self.gaps(points)
            points = points + np.maximum(radius - gap, 0.0)[:, None] * away
        return points


def _way_out(point: np.ndarray, box: np.ndarray) -> tuple[float, np.ndarray]:
    """Return how deep a point is inside a box, negative, and the direction (2,) out of it."""
    depths = np.concatenate([point - box[0], box[1] - point])
    side = int(depths.argmin())
    away = np.zeros(2)
    away[side % 2] = -1.0 if side < 2 else 1.0
    return -float(depths[side]), away
