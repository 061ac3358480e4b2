"""Random planning scenes, most of them with something wrong, and a judge that trusts no planner."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.datasets.maps import GridMap
from equi_nodes.evaluation.collisions import STEPS_A_CELL, gaps, in_cells
from equi_nodes.pipelines.plan import Planner
from equi_nodes.samples import GridSample, PlanCode, PlanRequest, PlanSample
from equi_nodes.sim.floor_plans import floor_plan
from equi_nodes.sim.range_sensor import reveal

PLAN_RESOLUTION = 0.1  # m, of buildings that are made up
FARTHEST = 30.0  # m, that a map's origin is from zero
RANGES = (2.5, 10.0)  # m, of the sensor that saw a part of the map
MOST_VIEWS = 12
WAY_OUT = 1.0  # m
RAYS = 360
KINDS = {  # share of the scenes
    "free": 0.5,  # both ends in free space, at times in parts that are not connected
    "anywhere": 0.2,  # any cell of the map: free, occupied or unknown
    "beside a wall": 0.1,  # the robot stands nearer to a wall than it may drive
    "goal in an obstacle": 0.1,
    "start in an obstacle": 0.03,
    "goal outside": 0.04,
    "start outside": 0.03,
}
EXPECTED = {
    "start in an obstacle": PlanCode.START_OCCUPIED,
    "goal outside": PlanCode.GOAL_OUTSIDE_MAP,
    "start outside": PlanCode.START_OUTSIDE_MAP,
}


@dataclass(frozen=True)
class Scene:
    """A request and how it came about.

    Attributes:
        kind: one of ``KINDS``.
        source: family of the map: plan, houseexpo or ros.
        request: what the planner is asked.
    """

    kind: str
    source: str
    request: PlanRequest


@dataclass(frozen=True)
class Verdict:
    """What came of a scene.

    Attributes:
        scene: that was asked.
        plan: the answer, None if the planner raised.
        seconds: it took.
        gap: metres between the robot's disc and the nearest obstacle, least over the path; negative
            where they overlap, nan without a path. Where the robot already stands too near to an
            obstacle, two radii of the way do not count.
        problems: what is wrong with the answer, in words; empty if nothing is.
    """

    scene: Scene
    plan: PlanSample | None
    seconds: float
    gap: float
    problems: tuple[str, ...]


def draw_scene(maps: Sequence[GridMap], config: E2PlannerConfig, seed: int) -> Scene:
    """Return the scene of a seed: a building or one of ``maps``, often only partly seen."""
    rng = np.random.default_rng([seed, 41])
    if rng.random() < 0.5 or not maps:
        cells, resolution, source = floor_plan(rng), PLAN_RESOLUTION, "plan"
    else:
        families = sorted({one.family for one in maps})
        family = families[rng.integers(len(families))]  # as many houses as ROS maps
        kin = [one for one in maps if one.family == family]
        chosen = kin[rng.integers(len(kin))]
        cells, resolution, source = chosen.cells, chosen.resolution, family
    kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    start, goal = _ends(kind, cells, resolution, config, rng)
    seen = _partly_seen(cells, _row_column(start), resolution, rng)
    if kind in ("goal in an obstacle", "start in an obstacle", "beside a wall"):
        for end in (start, goal):  # what the scene is about is on the map
            _uncover(cells, seen, _row_column(end))
    origin = np.r_[rng.uniform(-FARTHEST, FARTHEST, 2), rng.choice((0.0, rng.uniform(-3.1, 3.1)))]
    sample = GridSample(1, "map", resolution, origin, seen)
    ends = (np.r_[_in_map(sample, end), rng.uniform(-3.1, 3.1)] for end in (start, goal))
    return Scene(kind, source, PlanRequest(sample, *ends, tolerance=rng.choice((0.0, 0.5))))


def judge(planner: Planner, scene: Scene) -> Verdict:
    """Ask the planner and look for what is wrong with its answer."""
    planner.reset()
    started = time.perf_counter()
    try:
        plan = planner.step(scene.request)
    except Exception as error:  # a planner that raises has failed the scene
        seconds = time.perf_counter() - started
        return Verdict(scene, None, seconds, np.nan, (f"raised {type(error).__name__}: {error}",))
    seconds = time.perf_counter() - started
    gap, problems = np.nan, [_misjudged(scene, plan, planner.config)]
    if not np.isfinite(plan.poses).all():
        problems.append("poses that are no numbers")
    elif len(plan.poses):
        gap = _least_gap(scene, plan, planner.config)
        problems += [_misplaced(scene, plan), "collides" if gap < 0 else ""]
    problems += [
        "is late" if seconds > planner.config.time_limit else "",
        "says no reason" if plan.code is not PlanCode.NONE and not plan.reason else "",
    ]
    return Verdict(scene, plan, seconds, gap, tuple(filter(None, problems)))


def figures(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Return counts by code, planner, kind and problem, the least gap and the times."""
    plans = [verdict.plan for verdict in verdicts if verdict.plan]
    found = [problem.partition(":")[0] for verdict in verdicts for problem in verdict.problems]
    seconds = np.array([verdict.seconds for verdict in verdicts])
    touched = [verdict.gap for verdict in verdicts if np.isfinite(verdict.gap)]
    return {
        "scenes": len(verdicts),
        "codes": _counts([plan.code.name for plan in plans]),
        "planners": _counts([plan.planner for plan in plans if plan.code is PlanCode.NONE]),
        "fallback": sum(plan.is_fallback for plan in plans),
        "kinds": _counts([verdict.scene.kind for verdict in verdicts]),
        "sources": _counts([verdict.scene.source for verdict in verdicts]),
        "problems": _counts(found),
        "collisions": found.count("collides"),
        "least_gap_m": min(touched, default=np.nan),
        "ms": dict(zip(("p50", "p95", "max"), np.percentile(seconds, [50, 95, 100]) * 1e3)),
    }


def _ends(
    kind: str,
    cells: np.ndarray,
    resolution: float,
    config: E2PlannerConfig,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return start and goal as column and row, cell 0 spanning 0 to 1."""
    distance = ndimage.distance_transform_edt(cells != 100) * resolution
    open_cells = (cells == 0) & (distance > config.robot_radius)
    start, goal = _cell_of(open_cells, rng), _cell_of(open_cells, rng)
    if kind == "anywhere":
        start, goal = rng.uniform(0, cells.shape[::-1]), rng.uniform(0, cells.shape[::-1])
    elif kind == "beside a wall":
        start = _cell_of((cells == 0) & ~open_cells, rng)
    elif kind == "goal in an obstacle":
        goal = _cell_of(cells == 100, rng)
    elif kind == "start in an obstacle":
        start = _cell_of(cells == 100, rng)
    elif kind == "goal outside":
        goal = _outside(cells, rng)
    elif kind == "start outside":
        start = _outside(cells, rng)
    return start, goal


def _cell_of(where: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a point in one of the cells that are True; anywhere if none is."""
    rows, columns = np.nonzero(where)
    if not len(rows):
        return rng.uniform(0, where.shape[::-1])
    chosen = rng.integers(len(rows))
    return np.array([columns[chosen], rows[chosen]]) + rng.uniform(0.01, 0.99, 2)


def _outside(cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size = np.array(cells.shape[::-1])
    return np.where(rng.random(2) < 0.5, -rng.uniform(0.5, 50, 2), size + rng.uniform(0.5, 50, 2))


def _partly_seen(
    cells: np.ndarray, start: tuple[int, int], resolution: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the map, whole or as far as a sensor saw it from the start and some other places."""
    if rng.random() < 0.33:
        return cells.copy()
    truth = np.where(cells == 100, 1, np.where(cells < 0, 2, 0)).astype(np.uint8)
    known = np.full(cells.shape, np.uint8(2))
    rows, columns = np.nonzero(cells == 0)
    inside = all(0 <= i < size for i, size in zip(start, cells.shape))
    places = [start] if inside else []
    for chosen in rng.integers(len(rows), size=rng.integers(0, MOST_VIEWS)):
        places.append((int(rows[chosen]), int(columns[chosen])))
    reach = rng.uniform(*RANGES) / resolution
    for row, column in places:
        reveal(truth, known, row, column, reach, RAYS)
    return np.array([0, 100, -1], np.int8)[known]


def _uncover(cells: np.ndarray, seen: np.ndarray, cell: tuple[int, int]) -> None:
    """Show the surroundings of a cell; changes ``seen``."""
    around = tuple(slice(max(0, i - 3), max(0, i + 4)) for i in cell)
    seen[around] = cells[around]


def _misjudged(scene: Scene, plan: PlanSample, config: E2PlannerConfig) -> str:
    """Return what is wrong with the code: another one was due, or there is a way after all."""
    expected = EXPECTED.get(scene.kind)
    if expected is not None:
        return "" if plan.code is expected else f"wrong code: {plan.code.name} in {scene.kind!r}"
    has_path = plan.code is PlanCode.NONE
    if has_path != bool(len(plan.poses)):
        return "a path and a reason against it"
    if has_path or plan.code is PlanCode.TIMEOUT:
        return ""
    return "refused: there is a way" if _is_connected(scene.request, config) else ""


def _is_connected(request: PlanRequest, config: E2PlannerConfig) -> bool:
    """Return whether a robot gets to the goal with a cell to spare, the unknown being free.

    A way that is narrower may be refused: no map is more exact than its cells.
    """
    apart = request.grid.cells < config.occupied_threshold
    distance = ndimage.distance_transform_edt(apart) * request.grid.resolution
    enough = config.robot_radius + request.grid.resolution
    labels, _ = ndimage.label(distance > enough if not apart.all() else apart)
    ends = in_cells(request.grid, np.stack([request.start[:2], request.goal[:2]]))
    parts = [labels[_row_column(end)] for end in ends]
    return parts[0] == parts[1] > 0


def _misplaced(scene: Scene, plan: PlanSample) -> str:
    request, cell = scene.request, scene.request.grid.resolution
    if np.hypot(*(plan.poses[0] - request.start)[:2]) > cell:
        return "starts elsewhere"
    away = np.hypot(*(plan.poses[-1] - request.goal)[:2])
    return "ends elsewhere" if away > request.tolerance + 1.5 * cell else ""


def _least_gap(scene: Scene, plan: PlanSample, config: E2PlannerConfig) -> float:
    """Return the least gap; a robot too near to a wall may drive ``WAY_OUT`` until it is clear."""
    grid = scene.request.grid
    along = gaps(grid, plan.poses[:, :2], config.occupied_threshold) - config.robot_radius
    if along[0] < 0:
        clear = int(np.argmax(along >= 0)) or len(along)
        along = along[min(clear, int(STEPS_A_CELL * WAY_OUT / grid.resolution)) :]
    return float(along.min(initial=np.inf))


def _row_column(point: np.ndarray) -> tuple[int, int]:
    return int(np.floor(point[1])), int(np.floor(point[0]))


def _in_map(sample: GridSample, point: np.ndarray) -> np.ndarray:
    yaw = sample.origin[2]
    turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
    return sample.origin[:2] + turn @ (point * sample.resolution)


def _counts(names: list[str]) -> dict[str, int]:
    return {name: names.count(name) for name in sorted({*names})}
