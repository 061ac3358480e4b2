"""The sparse graph of the space that was seen: well-kept nodes, frontiers, and ways between them.

Every open cell belongs to its nearest node along the ground; two nodes are joined where their
cells touch, by the cheapest way over that border. The graph is connected exactly where the grid
is, so nothing that can be reached is lost by searching the graph.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numba
import numpy as np

from equi_nodes.planning.search import DIAGONAL, Field, field_from, path_to

_STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))  # each pair of neighbouring cells once


class Roadmap(NamedTuple):
    """Nodes and undirected edges; lengths are costs in cells.

    Attributes:
        cells: (N, 2) row and column of each node; node 0 is the start.
        is_frontier: (N,) bool.
        sizes: (N,) how many cells a frontier has, 0 for other nodes.
        openings: (N,) which connected piece of the frontier it lies in, 0 for other nodes.
        opening_at: (H, W) the same of each cell.
        edges: (E, 2) pairs of nodes, the smaller number first, sorted.
        lengths: (E,) cost of the way between them.
        crossings: (E, 2, 2) the two cells in which that way passes from one to the other.
        field: what belongs to which node.
    """

    cells: np.ndarray
    is_frontier: np.ndarray
    sizes: np.ndarray
    openings: np.ndarray
    opening_at: np.ndarray
    edges: np.ndarray
    lengths: np.ndarray
    crossings: np.ndarray
    field: Field

    def path(self, nodes: np.ndarray) -> np.ndarray:
        """Return the cells (P, 2) of the way along a sequence of neighbouring nodes."""
        number = {tuple(pair): i for i, pair in enumerate(self.edges.tolist())}
        parts = [self.cells[nodes[:1]]]
        for a, b in zip(nodes[:-1].tolist(), nodes[1:].tolist()):
            crossing = self.crossings[number[min(a, b), max(a, b)]]
            leaving, entering = crossing if a < b else crossing[::-1]
            parts += [path_to(self.field, tuple(leaving))[1:]]
            parts += [path_to(self.field, tuple(entering))[::-1]]
        path = np.concatenate(parts)
        moved = np.r_[True, (np.diff(path, axis=0) != 0).any(1)]
        return path[moved]


def reachable(costs: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """Return which cells (H, W) bool can be reached from the start through open ones."""
    _, part = cv2.connectedComponents(np.isfinite(costs).view(np.uint8), connectivity=4)
    return (part == part[start]) & np.isfinite(costs)


def frontier_cells(reached: np.ndarray, is_unknown: np.ndarray) -> np.ndarray:
    """Return which of the reached cells have an unknown one beside them, (H, W) bool."""
    beside = np.zeros_like(reached)
    beside[1:] |= is_unknown[:-1]
    beside[:-1] |= is_unknown[1:]
    beside[:, 1:] |= is_unknown[:, :-1]
    beside[:, :-1] |= is_unknown[:, 1:]
    return beside & reached


def build_roadmap(
    costs: np.ndarray,
    distance: np.ndarray,
    reached: np.ndarray,
    frontier: np.ndarray,
    start: tuple[int, int],
    spacing: int,
    stop: np.ndarray | None = None,
) -> Roadmap:
    """Return the graph of the reached space.

    Args:
        costs: (H, W) of a cell's length in each cell, inf where closed or not seen.
        distance: (H, W) to the nearest obstacle; nodes keep away from them.
        reached: (H, W) bool, what the graph covers.
        frontier: (H, W) bool, reached cells beside the unknown.
        start: row and column of the first node.
        spacing: cells between two nodes, about.
        stop: (1,) bool, as in ``field_from``.
    """
    _, opening_at = cv2.connectedComponents(frontier.view(np.uint8), connectivity=8)
    borders, sizes, openings = _frontier_nodes(opening_at, spacing)
    inner = _inner_nodes(distance, reached & ~frontier, spacing)
    inner = inner[(inner != start).any(1)]
    is_start = (borders == start).all(1)
    cells = np.concatenate([[start], borders[~is_start], inner]).astype(np.int64)
    none = np.zeros(len(inner), np.int64)
    sizes, openings = (
        np.concatenate([[part[is_start].sum()], part[~is_start], none])
        for part in (sizes, openings)
    )
    field = field_from(costs, cells, stop=stop)
    return Roadmap(cells, sizes > 0, sizes, openings, opening_at, *_edges(costs, field), field)


def _frontier_nodes(opening_at: np.ndarray, spacing: int) -> tuple[np.ndarray, ...]:
    """Return a cell near the middle of each piece of the frontier, its size and its opening.

    An opening is what hangs together; one that is wide has several pieces.
    """
    cells = np.argwhere(opening_at)
    key = np.column_stack([opening_at[tuple(cells.T)], cells // spacing])
    pieces, piece, sizes = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    piece = piece.ravel()
    if not len(cells):
        return cells, sizes, sizes
    middle = np.stack([np.bincount(piece, axis_) for axis_ in cells.T], -1) / sizes[:, None]
    away = np.abs(cells - middle[piece]).sum(1)
    order = np.lexsort((np.arange(len(cells)), away, piece))
    first = order[np.r_[True, np.diff(piece[order]) != 0]]
    return cells[first], sizes, pieces[:, 0]


@numba.njit(cache=True, nogil=True)
def _inner_nodes(distance: np.ndarray, reached: np.ndarray, spacing: int) -> np.ndarray:
    """Return in each block of cells the reached one that is farthest from obstacles."""
    height, width = reached.shape
    columns = (width - 1) // spacing + 1
    best = np.full(((height - 1) // spacing + 1) * columns, -1)
    for row in range(height):
        for column in range(width):
            if reached[row, column]:
                block = row // spacing * columns + column // spacing
                old = best[block]
                if old < 0 or distance[row, column] > distance[old // width, old % width]:
                    best[block] = row * width + column
    chosen = best[best >= 0]
    return np.stack((chosen // width, chosen % width), -1)


def _edges(costs: np.ndarray, field: Field) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of nodes whose cells touch, the cheapest way over the border, and where."""
    found = [_touching(costs, field, *step) for step in _STEPS]
    low, high, cost, one, two = (np.concatenate(part) for part in zip(*found))
    order = np.lexsort((one, cost, high, low))
    low, high = low[order], high[order]
    first = np.r_[True, (np.diff(low) != 0) | (np.diff(high) != 0)] if len(low) else order > 0
    width = costs.shape[1]
    cells = np.stack([np.stack(np.divmod(c[order][first], width), -1) for c in (one, two)], 1)
    return np.stack([low[first], high[first]], -1), cost[order][first], cells


def _touching(costs: np.ndarray, field: Field, down: int, right: int) -> tuple[np.ndarray, ...]:
    """Return, for cells of two nodes one step apart: the nodes, the way's cost, both cells."""
    height, width = costs.shape
    here = (slice(0, height - down), slice(max(0, -right), width - max(0, right)))
    there = (slice(down, height), slice(max(0, right), width - max(0, -right)))
    a, b = field.source[here], field.source[there]
    apart = (a != b) & (a >= 0) & (b >= 0)
    if down and right:  # no corner is cut
        side = costs[here[0], there[1]], costs[there[0], here[1]]
        apart &= np.isfinite(side[0]) & np.isfinite(side[1])
    row, column = np.nonzero(apart)
    first = (row, column + here[1].start)
    second = (row + down, column + there[1].start)
    step = (DIAGONAL if down and right else 1.0) * 0.5 * (costs[first] + costs[second])
    cost = field.cost[first] + step + field.cost[second]
    a, b = a[row, column].astype(np.int64), b[row, column].astype(np.int64)
    one, two = first[0] * width + first[1], second[0] * width + second[1]
    swap = a > b
    one, two = np.where(swap, two, one), np.where(swap, one, two)
    return np.minimum(a, b), np.maximum(a, b), cost, one, two
