"""Straight pieces instead of steps from cell to cell, and whether a piece may be driven."""

from __future__ import annotations

import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def segment_cost(
    costs: np.ndarray,
    row: float,
    column: float,
    to_row: float,
    to_column: float,
    roomy: np.ndarray | None = None,
) -> float:
    """Return the cost of a straight piece in cells, inf if it touches a closed cell.

    Every cell that the piece passes through counts, also those of which it touches a corner, so
    the check is finer than any sampling.

    Args:
        costs: (H, W) of a cell's length in each cell, inf where closed.
        row, column, to_row, to_column: the ends, in cells; cell 0 spans 0..1.
        roomy: (H, W) bool; a piece through another cell costs inf, unless it is None.
    """
    height, width = costs.shape
    r, c = int(np.floor(row)), int(np.floor(column))
    down, right = to_row - row, to_column - column
    length = np.hypot(down, right)
    vertical, horizontal = (1 if down > 0 else -1), (1 if right > 0 else -1)
    next_row = ((r + (down > 0)) - row) / down if down != 0 else np.inf
    next_column = ((c + (right > 0)) - column) / right if right != 0 else np.inf
    total = at = 0.0
    while True:
        if not (0 <= r < height and 0 <= c < width) or _is_closed(costs, roomy, r, c):
            return np.inf
        leave = min(next_row, next_column, 1.0)
        total += (leave - at) * length * costs[r, c]
        at = leave
        if leave >= 1.0:
            return total
        if abs(next_row - next_column) < 1e-9:  # through a corner: both cells beside it count
            inside = 0 <= r + vertical < height and 0 <= c + horizontal < width
            if (
                not inside
                or _is_closed(costs, roomy, r + vertical, c)
                or _is_closed(costs, roomy, r, c + horizontal)
            ):
                return np.inf
        by_row = next_row <= next_column + 1e-9
        by_column = next_column <= next_row + 1e-9
        if by_row:
            r += vertical
            next_row += vertical / down
        if by_column:
            c += horizontal
            next_column += horizontal / right


@numba.njit(cache=True)
def _is_closed(costs, roomy, row, column):  # noqa: ANN001, ANN202
    if np.isinf(costs[row, column]):
        return True
    if roomy is not None:  # in a statement of its own, which numba leaves out for None
        return not roomy[row, column]
    return False


@numba.njit(cache=True, nogil=True)
def pull_taut(costs: np.ndarray, roomy: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return which of the points (P, 2) of a path a taut string keeps, as their numbers.

    From each kept point the string goes straight to the farthest one that it can reach through
    roomy cells without costing more than the path itself.

    Args:
        costs: (H, W) of a cell's length in each cell, inf where closed.
        roomy: (H, W) bool, cells of which a straight piece may touch any corner.
        points: (P, 2) row and column, in cells; cell 0 spans 0..1.
    """
    count = len(points)
    along = np.zeros(count)
    for i in range(1, count):
        here, before = points[i], points[i - 1]
        along[i] = along[i - 1] + segment_cost(costs, before[0], before[1], here[0], here[1])
    kept = np.empty(count, np.int64)
    kept[0], used, anchor = 0, 1, 0
    while anchor < count - 1:
        best, misses = anchor + 1, 0
        for end in range(anchor + 2, count):
            a, b = points[anchor], points[end]
            straight = segment_cost(costs, a[0], a[1], b[0], b[1], roomy)
            if straight <= along[end] - along[anchor] + 1e-9:
                best, misses = end, 0
            else:
                misses += 1
                if misses > PATIENCE:
                    break
        anchor = best
        kept[used] = anchor
        used += 1
    return kept[:used]


PATIENCE = 20  # points beyond the farthest visible one at which looking on is given up


def path_cost(costs: np.ndarray, points: np.ndarray) -> float:
    """Return the cost of a polyline (P, 2) in cells, inf if it touches a closed cell."""
    pieces = zip(points[:-1], points[1:])
    return float(sum(segment_cost(costs, *a, *b) for a, b in pieces))


def densified(points: np.ndarray, spacing: float) -> np.ndarray:
    """Return a polyline (P, 2) with points at most ``spacing`` apart, its corners included."""
    lengths = np.hypot(*np.diff(points, axis=0).T)
    parts = [points[:1]]
    for a, b, length in zip(points[:-1], points[1:], lengths):
        share = np.linspace(0, 1, max(1, int(np.ceil(length / spacing))) + 1)[1:, None]
        parts.append(a + share * (b - a))
    return np.concatenate(parts)
