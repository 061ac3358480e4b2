"""Scattered points joined to their nearest, some of them blocked."""

from __future__ import annotations

import numpy as np

from equi_nodes.datasets.planning_tasks.problems import (
    Problems,
    at_neighbours,
    nearest,
    padded,
    solve,
    stacked,
)

NODES, NEAREST, SIDE = 128, 10, 15.0
BLOCKED = NODES // 10


def scattered(count: int, seed: int, nodes: int = NODES) -> Problems:
    """Return graphs of points drawn evenly in a square, of which a tenth is blocked and known."""
    rng = np.random.default_rng(seed)
    positions = rng.uniform(0, SIDE, (count, nodes, 2))
    rank = rng.permuted(np.tile(np.arange(nodes), (count, 1)), axis=1)
    return joined(positions, rank == 0, (rank > 0) & (rank <= nodes // 10))


def joined(positions: np.ndarray, goal: np.ndarray, blocked: np.ndarray) -> Problems:
    """Join each point to its nearest; an edge is passable if both of its ends are free.

    Args:
        positions: (B, N, 2).
        goal, blocked: (B, N) bool.
    """
    neighbours, mask = stacked([padded(nearest(points, NEAREST), points) for points in positions])
    passable = mask & ~blocked[:, :, None] & ~at_neighbours(blocked, neighbours)
    return solve(
        Problems(
            positions=positions.astype(np.float32),
            neighbours=neighbours,
            mask=mask,
            passable=passable,
            goal=goal,
            cost_to_go=np.zeros(goal.shape),
            scalars=np.stack([goal, blocked], -1).astype(np.float32),
            blocked=blocked,
            known_blocked=blocked,
        )
    )
