"""Mazes of square cells: every cell a node, walls too, joined to the four beside it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import label

from equi_nodes.datasets.planning_tasks.problems import Problems, solve

SIZE = 15  # cells a side
WINDOW = 2  # moves, how far is seen
AROUND = ((0, 1), (1, 0), (0, -1), (-1, 0))  # row, column: east, north, west, south


def maze(rng: np.random.Generator, size: int = SIZE) -> tuple[np.ndarray, tuple[int, int]]:
    """Return the walls (size, size) bool of a maze and a goal in it.

    A depth-first maze of which each wall inside is opened with one probability, itself drawn
    evenly; drawn anew until half of the inside can be reached from the goal.
    """
    while True:
        walls = _carved(rng, size)
        inside = np.zeros_like(walls)
        inside[1:-1, 1:-1] = rng.random((size - 2, size - 2)) < rng.random()
        goal = tuple(rng.integers(1, size - 1, 2))
        walls &= ~inside
        walls[goal] = False
        parts, _ = label(~walls)
        if (parts == parts[goal]).sum() * 2 >= (size - 2) ** 2:
            return walls, goal


def _carved(rng: np.random.Generator, size: int) -> np.ndarray:
    walls, way = np.ones((size, size), bool), [(1, 1)]
    walls[1, 1] = False
    while way:
        row, column = way[-1]
        for side in rng.permutation(4):
            down, right = AROUND[side]
            ahead = row + 2 * down, column + 2 * right
            if 0 < min(ahead) and max(ahead) < size - 1 and walls[ahead]:
                walls[row + down, column + right] = walls[ahead] = False
                way.append(ahead)
                break
        else:
            way.pop()
    return walls


def grid_problems(walls: np.ndarray, goals: np.ndarray) -> Problems:
    """Return (B, H, W) walls and (B, 2) goals as problems; what is known is goal and wall."""
    graphs, height, width = walls.shape
    blocked = walls.reshape(graphs, -1)
    goal = np.zeros_like(walls)
    goal[np.arange(graphs), goals[:, 0], goals[:, 1]] = True
    goal = goal.reshape(graphs, -1)
    rows, columns = np.divmod(np.arange(height * width), width)
    near = np.stack([rows, columns], -1)[:, None] + np.array(AROUND)
    mask = ((near >= 0) & (near < (height, width))).all(-1)
    own = np.arange(height * width)[:, None]
    neighbours = np.where(mask, near[..., 0] * width + near[..., 1], own)
    many = np.broadcast_to(neighbours, (graphs, *neighbours.shape)).copy()
    masks = np.broadcast_to(mask, many.shape).copy()
    positions = np.stack([columns, rows], -1).astype(np.float32)
    return solve(
        Problems(
            positions=np.broadcast_to(positions, (graphs, *positions.shape)).copy(),
            neighbours=many,
            mask=masks,
            passable=masks & ~blocked[:, :, None] & ~blocked[:, neighbours],
            goal=goal,
            cost_to_go=np.zeros(goal.shape),
            scalars=np.stack([goal, blocked], -1).astype(np.float32),
            blocked=blocked,
            known_blocked=blocked,
        )
    )


def mazes(count: int, seed: int, size: int = SIZE) -> Problems:
    """Return ``count`` mazes with known walls and a goal."""
    rng = np.random.default_rng(seed)
    walls, goals = zip(*(maze(rng, size) for _ in range(count)))
    return grid_problems(np.stack(walls), np.array(goals))


def neighbourhood(size: int = SIZE) -> np.ndarray:
    """Return which cells are seen from each, (N, N) bool: those within two moves, walls or not.

    The same at training and test, and the same after a turn or a reflection.
    """
    place = np.stack(np.divmod(np.arange(size * size), size), -1)
    return np.abs(place[:, None] - place).sum(-1) <= WINDOW


def observed(problems: Problems, seen: np.ndarray) -> Problems:
    """Return mazes of which (B, N) cells were seen; the goal's place is known from the start."""
    states = [problems.goal, seen & ~problems.blocked, seen & problems.blocked, ~seen]
    scalars = np.stack(states, -1).astype(np.float32)
    return replace(problems, scalars=scalars, known_blocked=seen & problems.blocked)
