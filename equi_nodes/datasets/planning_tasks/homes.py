"""Furnished homes in which something is looked for that only camera pictures show."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import distance_transform_edt

from equi_nodes.datasets.planning_tasks.problems import (
    Problems,
    padded,
    solve,
    stacked,
)
from equi_nodes.datasets.planning_tasks.sight import nearest_in_sight
from equi_nodes.datasets.planning_tasks.views import FURNITURE, WALL, WANTED, look_around
from equi_nodes.sim.floor_plans import floor_plan

RESOLUTION = 0.1  # m
NODES, NEAREST = 100, 7
CLEARANCE = 0.25  # m, from nodes to walls and furniture
REACH = 8.0  # m, how far one sees
PIECES = 12  # of furniture
SIGHT = 3  # columns, of the wanted thing, that count as seeing it
ARRIVED = 1.0  # m of way to the node that sees it best
A_HOME = 5  # graphs in each home


def homes(count: int, seed: int) -> Problems:
    """Return graphs in homes; what is wanted is where its colour is seen from the nearest.

    Nodes are joined to the nearest that they see. An episode ends well within a metre of the node
    that sees the wanted thing from the smallest mean depth. Nothing but pictures is known.
    """
    rng = np.random.default_rng(seed)
    graphs = []
    while len(graphs) < count:
        graphs += list(_in_one_home(rng))
    return _problems(*zip(*graphs[:count]))


def _problems(
    points: tuple[np.ndarray, ...], lists: tuple, best: tuple[int, ...], pictures: tuple
) -> Problems:
    positions = np.stack(points).astype(np.float32)
    neighbours, mask = stacked(list(lists))
    goal = np.zeros(positions.shape[:2], bool)
    goal[np.arange(len(goal)), best] = True
    nowhere = np.zeros_like(goal)
    parts = positions, neighbours, mask, mask, goal, np.zeros(goal.shape)
    unknown = np.zeros((*goal.shape, 1), np.float32)
    problems = solve(Problems(*parts, unknown, nowhere, nowhere, np.stack(pictures)))
    near = problems.cost_to_go <= ARRIVED
    return solve(Problems(*parts[:4], near, parts[5], unknown, nowhere, nowhere, problems.views))


def _in_one_home(rng: np.random.Generator) -> Iterator[tuple]:
    """Return points, neighbours with mask, the node that sees best and pictures, a few times."""
    cells = furnished(WALL * (floor_plan(rng, "home", RESOLUTION) != 0), rng)
    room = distance_transform_edt(cells == 0) * RESOLUTION > CLEARANCE
    rows, columns = np.nonzero(room)
    if len(rows) < NODES:
        return
    for _ in range(A_HOME):
        chosen = rng.choice(len(rows), NODES, replace=False)
        points = np.stack([columns, rows], -1)[chosen] + rng.random((NODES, 2))
        pictures, depth, hit = look_around(cells, points, REACH / RESOLUTION, rng)
        sees = hit == WANTED
        pixels = sees.sum((1, 2))
        mean = np.where(sees, depth, 0).sum((1, 2)) / np.maximum(pixels, 1)
        best = int(np.where(pixels >= SIGHT, mean, np.inf).argmin())
        if pixels[best] >= SIGHT:
            lists = padded(nearest_in_sight(cells, points, NEAREST), points)
            yield points * RESOLUTION, lists, best, pictures


def furnished(cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return cells with coloured pieces of furniture put at walls, one of them what is wanted."""
    cells = cells.copy()
    apart = distance_transform_edt(cells == 0) * RESOLUTION
    rows, columns = np.nonzero((apart > 0.15) & (apart < 0.4))
    for piece in range(PIECES):
        half = rng.uniform(0.25, 0.55, 2) / RESOLUTION
        middle = rng.integers(len(rows))
        low = np.maximum(np.array([rows[middle], columns[middle]]) - half, 0).astype(int)
        part = cells[low[0] : low[0] + int(2 * half[0]), low[1] : low[1] + int(2 * half[1])]
        material = WANTED if piece == PIECES - 1 else rng.choice(FURNITURE)
        part[part != WALL] = material
    return cells
