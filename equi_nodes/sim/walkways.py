"""Where somebody of some width can walk on a floor, and the ways from place to place."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

CELL = 0.1  # m, of the graph, about
COMFORT = 0.9  # m from the next wall, at which a way costs no more than its length
DISCOMFORT = 1.0  # times its length that a way right beside a wall costs more
STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # rows, columns; the others are these backwards


class Walkways:
    """The largest part of a floor that hangs together for a body of some width.

    Attributes:
        points: (N, 2) x and y in metres, in the axes of the floor's lower left corner.
        clearance: (N,) metres from each point to the next obstacle.
    """

    def __init__(self, solid: np.ndarray, resolution: float, keep: float) -> None:
        """Find the ways.

        Args:
            solid: (H, W) bool, row 0 at y = 0.
            resolution: metres per cell.
            keep: metres that the middle of the body stays away from obstacles.
        """
        factor = max(1, round(CELL / resolution))
        self._cell = factor * resolution
        distance = cv2.distanceTransform((~solid).astype(np.uint8), cv2.DIST_L2, 5)
        clearance = (distance - 0.5) * resolution  # to the edge of a solid cell, not to its middle
        clearance = clearance[factor // 2 :: factor, factor // 2 :: factor]
        self._roomy = _largest(clearance >= keep)
        rows, columns = np.nonzero(self._roomy)
        self.points = (np.stack([columns, rows], 1) * factor + factor // 2 + 0.5) * resolution
        self.clearance = clearance[self._roomy]
        self._number = np.full(self._roomy.shape, -1)
        self._number[rows, columns] = np.arange(len(rows))
        self._graph = self._edges()

    @property
    def area(self) -> float:
        """Return how much can be walked, m^2."""
        return len(self.points) * self._cell**2

    def costs(self, start: np.ndarray) -> np.ndarray:
        """Return (N,) what the ways from a place (2,) cost: metres, more beside walls."""
        return dijkstra(self._graph, directed=False, indices=self._nearest(start))

    def path(self, start: np.ndarray, goal: np.ndarray) -> np.ndarray:
        """Return (P, 2) corners of the way between two places, from start to goal, metres."""
        first, last = self._nearest(start), self._nearest(goal)
        _, before = dijkstra(self._graph, directed=False, indices=first, return_predecessors=True)
        nodes = [last]
        while nodes[-1] != first:
            nodes.append(before[nodes[-1]])
        return self._straightened(self.points[nodes[::-1]])

    def is_clear(self, start: np.ndarray, end: np.ndarray) -> bool:
        """Return whether the straight way between two places (2,) can be walked."""
        count = int(np.ceil(np.linalg.norm(end - start) / (0.5 * self._cell))) + 1
        line = start + np.linspace(0.0, 1.0, count)[:, None] * (end - start)
        columns, rows = np.floor(line / self._cell).astype(int).T
        height, width = self._roomy.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        return bool(inside.all() and self._roomy[rows, columns].all())

    def _nearest(self, place: np.ndarray) -> int:
        return int(np.argmin(((self.points - place) ** 2).sum(1)))

    def _edges(self) -> csr_matrix:
        ends, costs = [], []
        strain = 1.0 + DISCOMFORT * np.clip(1.0 - self.clearance / COMFORT, 0.0, 1.0)
        for down, right in STEPS:
            beside = np.full_like(self._number, -1)
            source = self._number[: len(self._number) - down]
            if right >= 0:
                beside[down:, right:] = source[:, : source.shape[1] - right]
            else:
                beside[down:, :right] = source[:, -right:]
            joined = (self._number >= 0) & (beside >= 0)
            a, b = self._number[joined], beside[joined]
            ends.append(np.stack([a, b]))
            costs.append(self._cell * np.hypot(down, right) * 0.5 * (strain[a] + strain[b]))
        size = len(self.points)
        return csr_matrix((np.concatenate(costs), np.concatenate(ends, 1)), (size, size))

    def _straightened(self, path: np.ndarray) -> np.ndarray:
        kept, at = [0], 0
        while at < len(path) - 1:
            ahead = range(len(path) - 1, at + 1, -1)
            at = next((k for k in ahead if self.is_clear(path[at], path[k])), at + 1)
            kept.append(at)
        return path[kept]


def length_of(path: np.ndarray) -> float:
    """Return the metres along (P, 2) points."""
    return float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())


def _largest(mask: np.ndarray) -> np.ndarray:
    count, labels, figures, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=4
    )
    return labels == (1 + np.argmax(figures[1:, cv2.CC_STAT_AREA]) if count > 1 else -1)
