"""Trips through buildings from which the planner's network learns, its own trips among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from equi_nodes.datasets.frontier_data import Moment, quantised, write_moments
from equi_nodes.datasets.location import data_dir
from equi_nodes.datasets.maps import is_for_training, map_files, read_map
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.exploration import CELL_M, CONFIG, INFLATION, Building, explore, trips
from equi_nodes.pipelines.plan import Network, Planner
from equi_nodes.planning import grid
from equi_nodes.planning.frontiers import READOUTS, Frontiers, find_frontiers
from equi_nodes.planning.roadmap import frontier_cells
from equi_nodes.planning.search import field_from
from equi_nodes.planning.world import World, lay_out
from equi_nodes.samples import PlanRequest, PlanSample
from equi_nodes.sim.floor_plans import floor_plan

REACHES_M = (2.5, 2.5, 2.5, 4.0, 6.0)  # ranges of the sensor, drawn from
PAIRS = 3  # of which the one that lies farthest apart is driven: short trips teach little
DRIVE_CELLS = 10  # between two plans: fewer than a robot makes, to see more buildings
MOMENTS = 5  # of a trip that are kept
OTHER_GOALS = 2  # asked about at each of them beside the one that was driven to
DISTRACTED = 0.3  # share of the trips that wander
PEEK_M = 1.5  # of what lies beyond a frontier is seen from it
MOST_NODES = 600  # of a moment that is kept
MADE_UP, HOMES = 0.75, 0.15  # shares of the buildings; the rest are dungeons
SCANNED = 0.6  # share of the made-up ones that are as scanners see them


class Distracted:
    """A network that sees frontiers at random as near or far, for trips that wander."""

    name = "distracted"

    def __init__(self, rng: np.random.Generator, spread: float, network: Network | None) -> None:
        """Add so much to what a network says, or to nothing."""
        self._rng, self._spread, self._network = rng, spread, network

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return edges and readouts, (1, N, M) and (1, N, 3)."""
        edges, nodes = inputs[6], inputs[0].shape[1]
        readouts = np.zeros((1, nodes, READOUTS), np.float32)
        if self._network is not None:
            edges, readouts = self._network(*inputs)
        return edges, readouts + self._spread * self._rng.normal(size=readouts.shape)


def training_building(rng: np.random.Generator) -> Building:
    """Draw a building: most are made up, some are homes or dungeons of the recordings."""
    kind = rng.random()
    if kind >= MADE_UP and has_recordings():
        return _recorded(rng, homes=kind < MADE_UP + HOMES)
    plan = floor_plan(rng, resolution=CELL_M, as_scanned=bool(rng.random() < SCANNED))
    return Building.of_cells("made up", plan, CELL_M)


def has_recordings() -> bool:
    """Return whether the recorded maps are on this machine; without them all are made up."""
    try:
        return data_dir("maps").is_dir()
    except EquiError:
        return False


def _recorded(rng: np.random.Generator, homes: bool) -> Building:
    """Draw a home or a dungeon of those that are not kept for tests, turned and mirrored."""
    folder = data_dir("maps") / ("houseexpo" if homes else "dungeon")
    files = [path for path in map_files(folder) if is_for_training(path.stem)]
    place = Building.of_map(read_map(files[rng.integers(len(files))]))
    turned = np.rot90(place.states, rng.integers(4))[:: rng.choice((-1, 1))]
    return replace(place, states=np.ascontiguousarray(turned))


def record_trip(seed: int, network: Network | None) -> list[Moment]:
    """Return moments of one trip through a building drawn from the seed.

    Args:
        seed: of the building, the trip and the way it is driven.
        network: who plans the trip, at times distracted; None: as if unknown space were free.
    """
    rng = np.random.default_rng(seed)
    place = training_building(rng)
    start, goal = max(trips(place, PAIRS, rng), key=lambda pair: np.hypot(*np.subtract(*pair)))
    if rng.random() < DISTRACTED:
        network = Distracted(rng, float(rng.choice((1.0, 2.0))), network)
    asked: list[PlanRequest] = []

    def watch(request: PlanRequest, plan: PlanSample) -> None:
        if plan.known_share < 1.0:
            asked.append(request)

    reach = float(rng.choice(REACHES_M))
    explore(place, Planner(CONFIG, network), start, goal, reach, watch, DRIVE_CELLS)
    costs = place.costs()
    moments = []
    for number in sorted(rng.permutation(len(asked))[:MOMENTS]):
        for request, end in _goals(asked[number], costs, goal, rng):
            moments.append(_moment(request, costs, end))
    return [moment for moment in moments if len(moment.known) <= MOST_NODES]


def _goals(
    request: PlanRequest, costs: np.ndarray, goal: tuple[int, int], rng: np.random.Generator
) -> Iterator[tuple[PlanRequest, tuple[int, int]]]:
    """Yield the request, and the same with other goals that were not seen yet."""
    yield request, goal
    unseen = np.argwhere(np.isfinite(costs) & (request.grid.cells == -1))
    for row, column in unseen[rng.permutation(len(unseen))[:OTHER_GOALS]].tolist():
        point = np.array([column + 0.5, row + 0.5, 0.0]) * request.grid.resolution
        yield replace(request, goal=point), (row, column)


def record_trips(folder: Path, seeds: range, network: Network | None) -> None:
    """Write the moments of one trip a seed, those that are not there yet."""
    for seed in seeds:
        path = folder / f"{seed:06d}.npz"
        if not path.exists():
            write_moments(path, record_trip(seed, network))


def _moment(request: PlanRequest, costs: np.ndarray, goal: tuple[int, int]) -> Moment:
    """Return what a robot knew and what it did not.

    Args:
        request: what it knew.
        costs: (H, W) of the whole map.
        goal: row and column.
    """
    states = grid.states(request.grid.cells, CONFIG.free_threshold, CONFIG.occupied_threshold)
    world = lay_out(request, states, INFLATION)
    frontiers = find_frontiers(world, CONFIG.node_spacing, CONFIG.max_nodes, np.zeros(1, bool))
    scalars, vectors, views, positions, neighbours, edges, mask = (
        array[0] for array in frontiers.inputs
    )
    rest = (frontiers.known, frontiers.optimistic, *_truth(world, frontiers, costs, goal))
    return Moment(
        scalars, vectors, quantised(views), positions, neighbours.astype(np.int32), edges, mask,
        *(part.astype(np.float32) for part in rest),
    )  # fmt: skip


def _truth(
    world: World, frontiers: Frontiers, costs: np.ndarray, goal: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return metres beyond each node, in vain beyond it, and in all to the goal, (N,) each."""
    turned, end = world.layout.turned(costs), world.layout.turned_cell(goal)
    reached = frontiers.roadmap.field.source >= 0
    unseen = np.where(reached, np.float32(np.inf), turned)
    cells = frontiers.roadmap.cells
    beyond = _beside(field_from(unseen, [end]).cost, cells) + 1
    depth = _depth(unseen, reached)
    in_vain = 2 * np.clip(-_beside(-depth, cells) - PEEK_M / world.resolution, 0, None)
    distance = _beside(field_from(turned, [end]).cost, cells)
    metres = np.stack([beyond, in_vain, distance]) * world.resolution
    return tuple(metres)


def _depth(unseen: np.ndarray, reached: np.ndarray) -> np.ndarray:
    """Return in each unseen cell how deep its part of the unseen space is, in cells."""
    border = frontier_cells(np.isfinite(unseen), reached)
    depth = field_from(unseen, np.argwhere(border)).cost
    depth[np.isinf(depth)] = 0.0
    _, part = cv2.connectedComponents(np.isfinite(unseen).view(np.uint8), connectivity=4)
    deepest = np.zeros(part.max() + 1)
    np.maximum.at(deepest, part.ravel(), depth.ravel())
    deepest[0] = 0.0
    return deepest[part]


def _beside(field: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Return the least of a field (H, W) in the nine cells around each of cells (N, 2)."""
    padded = np.pad(field, 1, constant_values=np.inf)
    rows, columns = cells.T + 1
    return np.min([padded[rows + i, columns + j] for i in (-1, 0, 1) for j in (-1, 0, 1)], axis=0)
