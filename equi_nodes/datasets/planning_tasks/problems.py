"""Shortest-path problems on graphs of equal size, with the expert's answer at every node."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

MOST = 16  # neighbours of a node; the nearest are kept
TIE = 1e-5  # of two ways, relative: both are best


@dataclass(frozen=True)
class Problems:
    """A batch of graphs. Letters: B graphs, N nodes, M neighbours, S scalars, K views, W columns.

    Attributes:
        positions: (B, N, 2) float32.
        neighbours: (B, N, M) int64; the node itself where ``mask`` is False.
        mask: (B, N, M) bool, the edges that a policy can choose.
        passable: (B, N, M) bool; who chooses another edge stays where it is.
        goal: (B, N) bool, where an episode ends well.
        cost_to_go: (B, N) float64 to the goal along passable edges, inf where none leads there.
        scalars: (B, N, S) float32, what is known of the nodes.
        blocked: (B, N) bool, nodes in an obstacle.
        known_blocked: (B, N) bool, those of them that a policy is told.
        views: (B, N, K, W, C) uint8 pictures or float32 patches, K directions; None where nothing
            is seen.
    """

    positions: np.ndarray
    neighbours: np.ndarray
    mask: np.ndarray
    passable: np.ndarray
    goal: np.ndarray
    cost_to_go: np.ndarray
    scalars: np.ndarray
    blocked: np.ndarray
    known_blocked: np.ndarray
    views: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.positions)

    def part(self, rows: np.ndarray | slice) -> Problems:
        """Return some of the graphs."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{k: v[rows] for k, v in own.items() if v is not None})

    @property
    def lengths(self) -> np.ndarray:
        """Length of every edge, (B, N, M) float64."""
        ends = at_neighbours(self.positions, self.neighbours)
        return np.linalg.norm(ends - self.positions[:, :, None], axis=-1).astype(np.float64)

    @property
    def asked(self) -> np.ndarray:
        """The nodes from which the goal can be reached, but itself, (B, N) bool."""
        return np.isfinite(self.cost_to_go) & ~self.goal

    @property
    def best(self) -> np.ndarray:
        """The expert's choice, (B, N, M) float32: evenly spread over equally good edges."""
        cost = np.where(self.mask & self.passable, self.lengths, np.inf)
        total = cost + at_neighbours(self.cost_to_go, self.neighbours)
        least = total.min(-1, keepdims=True)
        good = (total <= least * (1 + TIE)) & np.isfinite(least)
        return (good / np.maximum(good.sum(-1, keepdims=True), 1)).astype(np.float32)


def at_neighbours(values: np.ndarray, neighbours: np.ndarray) -> np.ndarray:
    """Return (B, N, ...) values of the neighbours, (B, N, M, ...)."""
    return values[np.arange(len(values))[:, None, None], neighbours]


def solve(problems: Problems) -> Problems:
    """Return the problems with their costs-to-go: one search over all graphs side by side."""
    graphs, nodes = problems.goal.shape
    open_edges = problems.mask & problems.passable
    graph, node, slot = np.nonzero(open_edges)
    ends = graph * nodes + problems.neighbours[graph, node, slot]
    lengths = np.maximum(problems.lengths[graph, node, slot], 1e-9)
    size = graphs * nodes
    backwards = coo_matrix((lengths, (ends, graph * nodes + node)), (size, size)).tocsr()
    goals = np.flatnonzero(problems.goal)
    cost = dijkstra(backwards, indices=goals, min_only=True)
    return replace(problems, cost_to_go=cost.reshape(graphs, nodes))


def nearest(positions: np.ndarray, count: int) -> np.ndarray:
    """Join each of (N, 2) points to its ``count`` nearest, both ways, (N, N) bool."""
    _, near = cKDTree(positions).query(positions, count + 1)
    joined = np.zeros((len(positions),) * 2, bool)
    np.put_along_axis(joined, near, True, 1)
    np.fill_diagonal(joined, False)
    return joined | joined.T


def padded(joined: np.ndarray, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the matrix of edges (N, N) bool as lists.

    Returns:
        neighbours (N, M) int64 by rising distance and mask (N, M) bool, M the largest degree or
        ``MOST``.
    """
    apart = np.linalg.norm(positions[:, None] - positions, axis=-1)
    order = np.argsort(np.where(joined, apart, np.inf), 1, kind="stable")
    order = order[:, : min(max(int(joined.sum(1).max()), 1), MOST)]
    mask = np.take_along_axis(joined, order, 1)
    return np.where(mask, order, np.arange(len(positions))[:, None]), mask


def stacked(lists: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Return lists of neighbours and masks of many graphs as (B, N, M), M the largest of all."""
    width = max(mask.shape[1] for _, mask in lists)
    own = np.arange(len(lists[0][0]))[:, None]
    neighbours = np.tile(own, (len(lists), 1, width))
    masks = np.zeros(neighbours.shape, bool)
    for number, (index, mask) in enumerate(lists):
        neighbours[number, :, : mask.shape[1]] = index
        masks[number, :, : mask.shape[1]] = mask
    return neighbours, masks
