"""Scattered points over a maze that nobody knows: walls are told from camera pictures alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from equi_nodes.datasets.planning_tasks.mazes import SIZE, maze
from equi_nodes.datasets.planning_tasks.problems import Problems
from equi_nodes.datasets.planning_tasks.scattered import NODES, joined
from equi_nodes.datasets.planning_tasks.views import WALL, look_around

REACH = 8.0  # cells


def seen_mazes(count: int, seed: int) -> Problems:
    """Return points over mazes, the goal's place and the pictures at each; those in walls block."""
    rng = np.random.default_rng(seed)
    drawn = [_points(rng) for _ in range(count)]
    positions, walls, pictures = (np.stack(part) for part in zip(*drawn))
    goal = np.zeros(walls.shape, bool)
    goal[:, 0] = True
    problems = joined(positions, goal, walls)
    return replace(
        problems,
        scalars=problems.scalars[..., :1],
        known_blocked=np.zeros_like(walls),
        views=pictures,
    )


def _points(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return points (N, 2), the goal first, which of them lie in walls, and their pictures."""
    walls, (row, column) = maze(rng)
    points = rng.uniform(1, SIZE - 1, (NODES, 2))
    points[0] = column + 0.5, row + 0.5
    columns, rows = points.astype(int).T
    pictures, _, _ = look_around(WALL * walls, points, REACH, rng)
    return points, walls[rows, columns], pictures
