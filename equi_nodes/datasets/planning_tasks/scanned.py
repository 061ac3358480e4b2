"""Upright buildings, scanned from scattered places, in a map frame that is turned by any angle."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import cv2
import numpy as np

from equi_nodes.datasets.planning_tasks.problems import (
    Problems,
    nearest,
    padded,
    solve,
    stacked,
)
from equi_nodes.datasets.planning_tasks.sight import in_sight, nearest_in_sight
from equi_nodes.geometry.raycast import cast
from equi_nodes.sim.floor_canvas import CELL
from equi_nodes.sim.floor_layouts import LAYOUTS

NODES, NEAREST = 100, 5
KINDS = ("office", "home")
WINDOW = 20.0  # m, side of the part of a building that a graph lies in
CLEARANCE = 0.3  # m
RESOLUTION = 0.1  # m
RAYS, REACH = 360, 8.0  # of a scan, and m
SECTORS = 24  # that a network gets
LEAST = 0.4  # of the nodes must be able to reach the goal
TRIES = 4  # a graph, in one building


def scanned(buildings: int, seed: int, graphs: int = 1) -> Problems:
    """Return some graphs in each of so many buildings, upright, with whole scans as views.

    Nodes are joined to their nearest and to the nearest that they see. Whether a wall stands
    between two has to be told from the scans, (B, N, 360) float32 ranges in metres, from east
    counter-clockwise. The first graphs are the same whatever the number of buildings.
    """
    rng = np.random.default_rng(seed)
    found: list[Problems] = []
    while len(found) < buildings * graphs:
        solid, places = _building(rng)
        tried = (_graph_in(solid, places, rng) for _ in range(TRIES * graphs))
        good = list(islice((graph for graph in tried if graph is not None), graphs))
        found += good if len(good) == graphs else []
    neighbours, mask = stacked([(p.neighbours[0], p.mask[0]) for p in found])
    _, passable = stacked([(p.neighbours[0], p.passable[0]) for p in found])
    positions, views, goal = (
        np.concatenate([getattr(p, key) for p in found]) for key in ("positions", "views", "goal")
    )
    return _problems(positions, neighbours, mask, passable, goal, views)


def turned(problems: Problems, degrees: np.ndarray) -> Problems:
    """Return scanned buildings in map frames turned by whole ``degrees`` (B,), as networks see it.

    The views become (B, N, 24, 2): the range ahead and the nearest within each sector, r as
    r / (1 + r), with r in units of the graph's mean edge. Sector k looks into direction
    2 pi k / 24 of the turned frame.
    """
    angles = np.deg2rad(degrees)
    matrix = np.stack([np.cos(angles), np.sin(angles), -np.sin(angles), np.cos(angles)], -1)
    positions = problems.positions @ matrix.reshape(-1, 2, 2).astype(np.float32)
    width = RAYS // SECTORS
    around = np.arange(SECTORS)[:, None] * width + np.arange(-(width // 2), width // 2 + 1)
    index = (around - degrees[:, None, None]) % RAYS  # (B, K, rays of a sector)
    rays = problems.views[np.arange(len(problems))[:, None, None, None],
                          np.arange(NODES)[:, None, None], index[:, None]]  # fmt: skip
    ranges = np.stack([rays[..., width // 2], rays.min(-1)], -1)
    lengths = problems.lengths
    unit = (lengths * problems.mask).sum((1, 2)) / problems.mask.sum((1, 2))
    ranges = ranges / unit[:, None, None, None].astype(np.float32)
    return replace(problems, positions=positions, views=ranges / (1 + ranges))


def seen_free(problems: Problems) -> np.ndarray:
    """Return the edges (B, N, M) that the scan rays nearest to them at both ends call free.

    Args:
        problems: as :func:`turned` gives them.
    """
    way = problems.positions[np.arange(len(problems))[:, None, None], problems.neighbours]
    way = way - problems.positions[:, :, None]
    sector = np.rint(np.arctan2(way[..., 1], way[..., 0]) * SECTORS / (2 * np.pi)).astype(int)
    ahead = problems.views[..., 0] / (1 - problems.views[..., 0])
    lengths = problems.lengths
    unit = (lengths * problems.mask).sum((1, 2)) / problems.mask.sum((1, 2))
    relative = lengths / unit[:, None, None]
    graph, node = np.arange(len(problems))[:, None, None], np.arange(NODES)[:, None]
    here = ahead[graph, node, sector % SECTORS]
    there = ahead[graph, problems.neighbours, (sector + SECTORS // 2) % SECTORS]
    return (np.minimum(here, there) >= relative) & problems.mask


def _building(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the solid cells of a building whose walls run along the axes, and its open places.

    The places (P, 2) are columns and rows.
    """
    canvas = LAYOUTS[rng.choice(KINDS)](rng)
    scale = CELL / RESOLUTION
    solid = cv2.resize(canvas.solid, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) > 127
    room = cv2.distanceTransform((~solid).astype(np.uint8), cv2.DIST_L2, 5) * RESOLUTION
    return solid, np.argwhere(room > CLEARANCE)[:, ::-1]


def _graph_in(solid: np.ndarray, places: np.ndarray, rng: np.random.Generator) -> Problems | None:
    """Return a graph in a part of a building; None where too little of it hangs together."""
    middle = places[rng.integers(len(places))]
    near = places[np.abs(places - middle).max(1) * RESOLUTION < WINDOW / 2]
    if len(near) < 10 * NODES:
        return None
    points = near[rng.choice(len(near), NODES, replace=False)] + rng.random((NODES, 2))
    joined = nearest(points, NEAREST) | nearest_in_sight(solid, points, NEAREST)
    neighbours, mask = padded(joined, points)
    passable = mask & in_sight(solid, points, neighbours)
    goal = (np.arange(NODES) == 0)[None]
    positions = (points * RESOLUTION).astype(np.float32)[None]
    problem = _problems(positions, neighbours[None], mask[None], passable[None], goal, None)
    if problem.asked.mean() < LEAST:
        return None
    every = np.broadcast_to(np.deg2rad(np.arange(RAYS)), (NODES, RAYS))
    scans, _ = cast(solid, points, every, REACH / RESOLUTION)
    return replace(problem, views=scans[None] * np.float32(RESOLUTION))


def _problems(
    positions: np.ndarray,
    neighbours: np.ndarray,
    mask: np.ndarray,
    passable: np.ndarray,
    goal: np.ndarray,
    views: np.ndarray | None,
) -> Problems:
    nowhere = np.zeros_like(goal)
    scalars = goal[..., None].astype(np.float32)
    cost = np.zeros(goal.shape)
    return solve(
        Problems(
            positions, neighbours, mask, passable, goal, cost, scalars, nowhere, nowhere, views
        )
    )
