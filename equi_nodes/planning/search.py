"""Shortest paths on a grid of costs: A*, and the distance to the nearest of many sources.

A cell has eight neighbours; a diagonal step needs both cells beside it to be open. A step costs
its length in cells times the mean cost of its two cells, so that it costs the same both ways.
Ties are broken by the cells' numbers: the same grid gives the same path.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

DIAGONAL = np.sqrt(2.0)
NEVER = np.zeros(1, bool)
GLANCES = 1024  # cells between two looks at whether to stop
_ROWS = np.array([0, 1, 0, -1, 1, 1, -1, -1])
_COLUMNS = np.array([1, 0, -1, 0, 1, -1, -1, 1])


class Field(NamedTuple):
    """What a search found; cells are numbered row by row.

    Attributes:
        cost: (H, W) float64 from the nearest source, in cells; inf where it did not come.
        parent: (H, W) int32, the cell before on the way from the source; -1 at sources.
        source: (H, W) int32, which source is nearest; -1 where the search did not come.
    """

    cost: np.ndarray
    parent: np.ndarray
    source: np.ndarray


def a_star(
    costs: np.ndarray,
    start: tuple[int, int],
    goal: tuple[int, int],
    stop: np.ndarray | None = None,
) -> tuple[np.ndarray, float]:
    """Return the cheapest path and its cost in cells.

    Args:
        costs: (H, W) float32 of a cell's length in each cell, at least 1; inf where closed.
        start, goal: row and column.
        stop: (1,) bool; another thread that sets it ends the search; a path that was found by
            then may not be the cheapest.

    Returns:
        the path (P, 2) of rows and columns, both ends included, (0, 2) where there is none; its
        cost, inf where there is none.
    """
    if not (np.isfinite(costs[start]) and np.isfinite(costs[goal])):
        return np.zeros((0, 2), np.int64), np.inf
    width = costs.shape[1]
    stop = NEVER if stop is None else stop
    cost, parent = _a_star(costs, start[0] * width + start[1], goal[0] * width + goal[1], stop)
    field = Field(cost, parent, parent)
    return path_to(field, goal), float(cost[goal])


def field_from(
    costs: np.ndarray,
    sources: np.ndarray,
    wanted: np.ndarray | None = None,
    stop: np.ndarray | None = None,
) -> Field:
    """Return the cost of every cell from the nearest source (Dijkstra with buckets).

    Args:
        costs: (H, W) float32, as for ``a_star``.
        sources: (S, 2) rows and columns; those in closed cells are left out.
        wanted: (W, 2) rows and columns; the search ends when it has come to all of them that it
            can come to. None: it comes everywhere.
        stop: (1,) bool; another thread that sets it ends the search where it is.
    """
    row = np.array([costs.shape[1], 1])
    cells = np.asarray(sources, np.int64).reshape(-1, 2) @ row
    is_wanted = np.zeros(costs.shape, bool)
    if wanted is not None:
        is_wanted.ravel()[np.asarray(wanted, np.int64).reshape(-1, 2) @ row] = True
    dearest = costs.max(initial=1.0, where=np.isfinite(costs))
    slots = int(DIAGONAL * dearest) + 2
    return Field(*_spread(costs, cells, is_wanted, slots, NEVER if stop is None else stop))


def path_to(field: Field, cell: tuple[int, int]) -> np.ndarray:
    """Return the path (P, 2) from the nearest source to a cell; (0, 2) where there is none."""
    if not np.isfinite(field.cost[cell]):
        return np.zeros((0, 2), np.int64)
    width = field.cost.shape[1]
    cells = _trace(field.parent.ravel(), cell[0] * width + cell[1])
    return np.stack(np.divmod(cells, width), -1)


@numba.njit(cache=True, nogil=True)
def _trace(parent: np.ndarray, cell: int) -> np.ndarray:
    count, walker = 1, cell
    while parent[walker] >= 0:
        walker = parent[walker]
        count += 1
    path = np.empty(count, np.int64)
    for i in range(count - 1, -1, -1):
        path[i] = cell
        cell = parent[cell]
    return path


@numba.njit(cache=True, nogil=True)
def _spread(costs, sources, is_wanted, slots, stop):  # noqa: ANN001, ANN202
    """Settle cells bucket by bucket.

    No step costs less than a bucket is wide (one cell), so that all cells of the first bucket
    that is not empty are final, in whatever order they are taken (Dinitz). The buckets are
    stacks in one pool: ``top`` of each, and per entry its cell and the entry below; the last of
    ``top`` stacks the entries that can be used again, which keeps the pool small enough to cache.
    A step is written out here and in ``_a_star``: as a function that returns the cell and its cost
    it made the search four times slower.
    """
    height, width = costs.shape
    cost, parent = np.full(costs.shape, np.inf), np.full(costs.shape, np.int32(-1))
    source = np.full(costs.shape, np.int32(-1))
    top, pool, used = np.full(slots + 1, -1), np.empty((4096, 2), np.int32), 0
    missing = is_wanted.sum()
    ends = missing > 0
    for number in range(len(sources)):
        row, column = divmod(sources[number], width)
        if np.isfinite(costs[row, column]) and np.isinf(cost[row, column]):
            cost[row, column], source[row, column] = 0.0, number
            pool, used = _stack(pool, used, top, 0, sources[number])
    bucket = empty = 0
    while empty < slots and not (ends and missing == 0) and not stop[0]:
        slot = bucket % slots
        empty = empty + 1 if top[slot] < 0 else 0
        while top[slot] >= 0:
            entry = top[slot]
            cell, top[slot] = pool[entry, 0], pool[entry, 1]
            pool[entry, 1], top[slots] = top[slots], entry
            row, column = cell // width, cell % width
            own, here = costs[row, column], cost[row, column]
            if int(here) != bucket:
                continue  # it was settled at a lower cost
            missing -= is_wanted[row, column]
            is_wanted[row, column] = False
            for way in range(8):
                r, c = row + _ROWS[way], column + _COLUMNS[way]
                if not (0 <= r < height and 0 <= c < width):
                    continue
                new = here + 0.5 * (own + costs[r, c]) * (DIAGONAL if way > 3 else 1.0)
                if new >= cost[r, c] - 1e-9:  # closed cells cost inf
                    continue
                if way > 3 and (np.isinf(costs[row, c]) or np.isinf(costs[r, column])):
                    continue
                cost[r, c], parent[r, c] = new, cell
                source[r, c] = source[row, column]
                pool, used = _stack(pool, used, top, int(new) % slots, r * width + c)
        bucket += 1
    return cost, parent, source


@numba.njit(cache=True, inline="always")
def _stack(pool, used, top, slot, cell):  # noqa: ANN001, ANN202
    """Put a cell on top of a bucket; the pool grows when it is full."""
    entry = top[-1]
    if entry >= 0:
        top[-1] = pool[entry, 1]
    else:
        if used == len(pool):
            pool = np.concatenate((pool, np.empty_like(pool)))
        entry, used = used, used + 1
    pool[entry, 0], pool[entry, 1], top[slot] = cell, top[slot], entry
    return pool, used


@numba.njit(cache=True, nogil=True)
def _a_star(costs, start, goal, stop):  # noqa: ANN001, ANN202
    """Expand cells in the order of cost plus the octile distance to the goal."""
    height, width = costs.shape
    cost, parent = np.full(costs.shape, np.inf), np.full(costs.shape, np.int32(-1))
    done = np.zeros(costs.shape, np.bool_)
    keys, cells, size, turn = np.empty(1024), np.empty(1024, np.int64), 0, 0
    cost[start // width, start % width] = 0.0
    keys, cells, size = _push(keys, cells, size, 0.0, start)
    while size:
        cell = cells[0]
        size = _pop(keys, cells, size)
        row, column = cell // width, cell % width
        if done[row, column]:
            continue
        own, here, done[row, column] = costs[row, column], cost[row, column], True
        turn += 1
        if cell == goal or (turn % GLANCES == 0 and stop[0]):
            break
        for way in range(8):
            r, c = row + _ROWS[way], column + _COLUMNS[way]
            if not (0 <= r < height and 0 <= c < width) or done[r, c]:
                continue
            new = here + 0.5 * (own + costs[r, c]) * (DIAGONAL if way > 3 else 1.0)
            if new >= cost[r, c] - 1e-9:  # closed cells cost inf
                continue
            if way > 3 and (np.isinf(costs[row, c]) or np.isinf(costs[r, column])):
                continue
            cost[r, c], parent[r, c] = new, cell
            rows, columns = abs(r - goal // width), abs(c - goal % width)
            ahead = max(rows, columns) + (DIAGONAL - 1) * min(rows, columns)
            keys, cells, size = _push(keys, cells, size, new + ahead, r * width + c)
    return cost, parent


@numba.njit(cache=True, nogil=True)
def _push(keys, cells, size, key, cell):  # noqa: ANN001, ANN202
    """Add an entry to the binary heap, which grows when it is full."""
    if size == len(keys):
        keys, cells = np.append(keys, np.empty(size)), np.append(cells, np.empty(size, np.int64))
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if keys[above] < key or (keys[above] == key and cells[above] <= cell):
            break
        keys[at], cells[at] = keys[above], cells[above]
        at = above
    keys[at], cells[at] = key, cell
    return keys, cells, size + 1


@numba.njit(cache=True, nogil=True)
def _pop(keys, cells, size):  # noqa: ANN001, ANN202
    """Remove the first entry of the heap and return the new size."""
    size -= 1
    key, cell, at = keys[size], cells[size], 0
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        other = below + 1
        if other < size and (
            keys[other] < keys[below]
            or (keys[other] == keys[below] and cells[other] < cells[below])
        ):
            below = other
        if keys[below] > key or (keys[below] == key and cells[below] >= cell):
            break
        keys[at], cells[at] = keys[below], cells[below]
        at = below
    keys[at], cells[at] = key, cell
    return size
