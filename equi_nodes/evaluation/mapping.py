"""Maps against the true building: overlap of free and occupied space, and what people left behind.

The robot drives through a scenario by its true poses, among walking people, and the same sweeps are
mapped several times: as the nodes do, and with other tracks of the people, or none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from equi_nodes.config.occupancy_mapper import OccupancyMapperConfig
from equi_nodes.evaluation.collisions import in_cells
from equi_nodes.evaluation.guide import Guide, true_odometry
from equi_nodes.geometry.pose_trail import PoseTrail
from equi_nodes.pipelines.map import Mapper
from equi_nodes.pipelines.track import LidarTracker
from equi_nodes.samples import (
    GridSample,
    PosedCloud,
    SweepSample,
    TrackSample,
    VelocityCommand,
)
from equi_nodes.sim.scenario import FRAME, Scenario
from equi_nodes.sim.simulation import PERIOD_NS, Simulation, Truth

FREE, OCCUPIED = 25, 65  # per cent up to which a cell counts as free, from which as occupied
AROUND = np.ones((3, 3), np.uint8)  # a wall may be a cell off
STANDING = 0.6  # m around who is there at the end, where a map may be full
VARIANTS = ("tracked", "true tracks", "people kept")  # the first is what the nodes do


def map_figures(grid: GridSample, truth: GridSample, people: np.ndarray | None = None) -> dict:
    """Return how a map overlaps with the true one, as far as it was seen.

    Args:
        grid: the map, in the frame of the truth.
        truth: 0 free, 100 occupied, -1 where nobody can look.
        people: (A, 2) metres, who stand there now and are no ghosts.

    Returns:
        iou_free: of free cells, exactly. iou_occupied: of occupied cells, a cell off forgiven;
        walls count that lie beside what was seen free. ghost_m2: occupied where nothing is, more
        than a cell from all walls; seen_m2: of the floor; ghosts: the one over the other.
    """
    true = _resampled(truth, grid)
    is_known = (grid.cells >= 0) & (true >= 0)
    is_free, is_occupied = is_known & (grid.cells <= FREE), is_known & (grid.cells >= OCCUPIED)
    true_free, true_occupied = true == 0, true >= OCCUPIED
    seen = is_free & true_free
    beside = _grown(true_occupied)
    visible = true_occupied & _grown(seen)
    right, wrong = (is_occupied & beside).sum(), is_occupied & ~beside
    missed = (visible & ~_grown(is_occupied)).sum()
    ghosts = wrong & ~_near(grid, people)
    cell = grid.resolution**2
    return {
        "iou_free": _share(seen.sum(), (is_known & (is_free | true_free)).sum()),
        "iou_occupied": _share(right, right + wrong.sum() + missed),
        "ghost_m2": float(ghosts.sum() * cell),
        "seen_m2": float(seen.sum() * cell),
        "ghosts": _share(ghosts.sum(), seen.sum()),
    }


@dataclass(frozen=True)
class Mapped:
    """What came of one way of mapping.

    Attributes:
        figures: those of ``map_figures``, and ``p50_ms``, ``p95_ms`` of a sweep.
        grid: the map at the end.
    """

    figures: dict
    grid: GridSample


def map_scenario(
    scenario: Scenario,
    seconds: float,
    report: Callable[[float], None] = lambda share: None,
    config: OccupancyMapperConfig = OccupancyMapperConfig(),
) -> dict[str, Mapped]:
    """Drive through a scenario for some seconds and return what each of ``VARIANTS`` mapped."""
    mappers = {name: Mapper(config) for name in VARIANTS}
    for mapper in mappers.values():
        mapper.warm_up()
    times: dict[str, list[float]] = {name: [] for name in VARIANTS}
    tracker = LidarTracker()
    world = Simulation(replace(scenario, sensors=replace(scenario.sensors, picture=(0, 0))))
    try:
        for sweep, truth in _sweeps(world, seconds, report):
            tracks = tracker.step(sweep).tracks, truth.people, None
            for (name, mapper), people in zip(mappers.items(), tracks, strict=True):
                times[name].append(_add(mapper, world, sweep, truth, people))
        people = world.truth.people.positions[:, :2]
        true_map = world.truth_map(config.resolution)
    finally:
        world.close()
    found = {}
    for name, mapper in mappers.items():
        grid, (p50, p95) = mapper.grid(truth.stamp_ns), np.percentile(times[name], (50, 95))
        figures = map_figures(grid, true_map, people) | {"p50_ms": p50, "p95_ms": p95}
        found[name] = Mapped(figures, grid)
    return found


def _add(
    mapper: Mapper, world: Simulation, sweep: PosedCloud, truth: Truth, people: TrackSample | None
) -> float:
    """Have a sweep mapped and return the milliseconds of processor time that it took."""
    mapper.add_odometry(true_odometry(truth))
    if people is not None:
        mapper.add_tracks(people)
    began = time.thread_time()
    mapper.step(SweepSample(sweep, world.rig.T_base_lidar))
    return 1e3 * (time.thread_time() - began)


def _sweeps(
    world: Simulation, seconds: float, report: Callable[[float], None]
) -> Iterator[tuple[PosedCloud, Truth]]:
    """Drive to the goals, and yield each sweep with its true poses and how things were after it."""
    guide, trail, command = Guide(world), PoseTrail(), VelocityCommand()
    trail.add(world.stamp_ns, world.truth.T_w_b)
    steps = round(seconds * 1e9 / PERIOD_NS)
    for step in range(steps):
        readings, truth = world.step(command), world.truth
        trail.add(truth.stamp_ns, truth.T_w_b)
        for cloud in readings.clouds:
            yield trail.posed(cloud, world.rig.T_base_lidar, FRAME), truth
        command = guide.command(truth)
        report((step + 1) / steps)
        if guide.is_done:
            return


def _resampled(truth: GridSample, grid: GridSample) -> np.ndarray:
    """Return the true cells at the middles of the cells of a map, -1 outside."""
    rows, columns = np.indices(grid.cells.shape)
    centres = np.stack([columns, rows], -1).reshape(-1, 2) + 0.5
    cos, sin = np.cos(grid.origin[2]), np.sin(grid.origin[2])
    places = centres * grid.resolution @ np.array([[cos, sin], [-sin, cos]]) + grid.origin[:2]
    column, row = np.floor(in_cells(truth, places)).astype(int).T
    height, width = truth.cells.shape
    is_inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    found = np.full(len(places), -1, np.int8)
    found[is_inside] = truth.cells[row[is_inside], column[is_inside]]
    return found.reshape(grid.cells.shape)


def _near(grid: GridSample, people: np.ndarray | None) -> np.ndarray:
    """Return the cells (H, W) near people."""
    found = np.zeros(grid.cells.shape, bool)
    rows, columns = np.indices(grid.cells.shape, sparse=True)
    for column, row in in_cells(grid, people) if people is not None and len(people) else ():
        away = np.hypot(columns + 0.5 - column, rows + 0.5 - row)
        found |= away * grid.resolution <= STANDING
    return found


def _grown(cells: np.ndarray) -> np.ndarray:
    return cv2.dilate(cells.astype(np.uint8), AROUND).astype(bool)


def _share(part: int, whole: int) -> float:
    return float(part / whole) if whole else 0.0
