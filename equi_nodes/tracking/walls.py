"""Which cells of a floor plan are walls: long, thin and straight, whatever stands before them.

Lines are found one after the other by votes (Hough), each refined by its own cells.
"""

from __future__ import annotations

import numpy as np

ANGLES = 60  # directions of lines that are told apart
BIN = 0.1  # m between two parallel lines
NEAR, THIN = 0.15, 0.05  # m to a line: cells that are asked, and where a wall has most of them
MOST = 0.8
THICK = 0.1  # m, cells so near to the line are the wall itself
SHORTEST = 1.5  # m, a shorter straight piece may be people or furniture
GAP = 1.0  # m, a wider opening ends a piece
FEWEST = 8  # cells of a piece
MOST_LINES, MOST_VAIN = 24, 4  # lines tried, and how many of them in vain


def are_walls(cells: np.ndarray) -> np.ndarray:
    """Return which cells (C,) are parts of walls.

    Args:
        cells: (C, 2) metres, the mean of the points of each cell.
    """
    alive = np.ones(len(cells), bool)
    if len(cells) < FEWEST:
        return ~alive
    bins, size = _bins(cells)
    votes = np.bincount(bins.ravel(), minlength=size)
    vain = 0
    for _ in range(MOST_LINES):
        best = int(votes.argmax())
        if votes[best] < FEWEST or vain == MOST_VAIN:
            break
        wall = _piece(cells, alive & (bins[:, best * ANGLES // size] == best), alive)
        if not len(wall):
            votes[best], vain = 0, vain + 1
            continue
        alive[wall] = False
        votes -= np.bincount(bins[wall].ravel(), minlength=size)
    return ~alive


def _bins(cells: np.ndarray) -> tuple[np.ndarray, int]:
    """Return which lines (C, ANGLES) each cell votes for, and how many lines there are."""
    angle = np.arange(ANGLES) * (np.pi / ANGLES)
    centred = cells - cells.mean(0)
    away = centred @ np.stack([np.cos(angle), np.sin(angle)])
    place = np.floor((away - away.min()) / BIN).astype(np.int64)
    width = int(place.max()) + 1
    return place + width * np.arange(ANGLES), width * ANGLES


def _piece(cells: np.ndarray, voters: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Return the rows of cells of the straight pieces of one line, none if it has no long one."""
    away = along = np.zeros(0)
    chosen = voters
    for _ in range(2):
        away, along = _coordinates(cells, chosen)
        chosen = alive & (np.abs(away) < NEAR)
    rows = np.flatnonzero(chosen)
    rows = rows[np.argsort(along[rows], kind="stable")]
    pieces = np.split(rows, np.flatnonzero(np.diff(along[rows]) > GAP) + 1)
    walls = [piece for piece in pieces if _is_wall(along[piece], away[piece])]
    if not walls:
        return np.zeros(0, np.int64)
    found = np.concatenate(walls)
    return found[np.abs(away[found]) < THICK]


def _coordinates(cells: np.ndarray, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how far each cell (C,) is from the line through the chosen ones, and where along."""
    middle = cells[chosen].mean(0)
    offsets = cells[chosen] - middle
    _, axes = np.linalg.eigh(offsets.T @ offsets)
    away, along = ((cells - middle) @ axes).T
    return away, along


def _is_wall(along: np.ndarray, away: np.ndarray) -> bool:
    is_long = len(along) >= FEWEST and along[-1] - along[0] >= SHORTEST
    return is_long and float(np.quantile(np.abs(away), MOST)) < THIN
