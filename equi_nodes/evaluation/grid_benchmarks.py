"""The planner on maps that are known as a whole, beside plain A* and the published optima."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.datasets.maps import GridMap, Scenario, read_map, read_scenarios
from equi_nodes.pipelines.plan import Planner
from equi_nodes.planning import grid
from equi_nodes.planning.search import a_star
from equi_nodes.samples import GridSample, PlanCode, PlanRequest, PlanSample

ROBOT = E2PlannerConfig(time_limit=10.0)  # times are measured, not cut off
POINT_ROBOT = replace(ROBOT, robot_radius=0.0, inflation_radius=0.0)  # as Moving-AI's
SCENARIO_SUFFIX = ".map.scen"


@dataclass(frozen=True)
class Answer:
    """One query and what came of it.

    Attributes:
        plan: of the planner.
        ratio: its length or cost over the optimum's; inf through an obstacle, nan without a path.
        a_star_ratio: the same of A*.
        seconds: of the planner, from the raw map to the path.
        a_star_seconds: of A*, from the raw map to the path.
        search_seconds: of A* alone, on a grid of costs that is ready.
    """

    plan: PlanSample
    ratio: float
    a_star_ratio: float
    seconds: float
    a_star_seconds: float
    search_seconds: float


def movingai(planner: Planner, file: Path, count: int) -> list[Answer]:
    """Return the answers to ``count`` of a map's scenarios, spread evenly from short to long.

    Ratios are lengths over the published optimum, which is that of steps from cell to cell: a path
    of straight pieces in any direction can be shorter.

    Raises:
        EquiError: the map or its scenarios cannot be read.
    """
    known = read_map(file)
    queries = [q for q in read_scenarios(file.with_suffix(SCENARIO_SUFFIX)) if q.optimal > 0]
    chosen = np.linspace(0, len(queries) - 1, min(count, len(queries))).round().astype(int)
    return [_answer(planner, known, queries[i]) for i in chosen]


def known_map(planner: Planner, file: Path, count: int, rng: np.random.Generator) -> list[Answer]:
    """Return the answers to random queries on a map whose unknown cells are made obstacles.

    Ratios are costs, walls nearby counted, over the cost of A*.

    Raises:
        EquiError: the map cannot be read.
    """
    loaded = read_map(file)
    cells = np.where(loaded.cells == 0, 0, 100).astype(np.int8)
    known = GridMap(loaded.name, loaded.resolution, cells, loaded.family)
    pairs = _pairs(np.isfinite(_costs(planner.config, known)), count, rng)
    return [_answer(planner, known, Scenario(start, goal, np.nan)) for start, goal in pairs]


def figures(answers: Sequence[Answer]) -> dict[str, Any]:
    """Return what a table says of the answers: ratios, who answered, times in milliseconds."""
    ratios = np.array([answer.ratio for answer in answers])
    planners = [answer.plan.planner for answer in answers]
    late = np.array([answer.seconds - answer.a_star_seconds for answer in answers]) * 1e3
    return {
        "queries": len(answers),
        "failed": int(np.isnan(ratios).sum()),
        "ratio": {"mean": float(np.nanmean(ratios)), "max": float(np.nanmax(ratios))},
        "a_star_ratio": {"max": max(answer.a_star_ratio for answer in answers)},
        "planners": {name: planners.count(name) / len(planners) for name in sorted({*planners})},
        "fallback": float(np.mean([answer.plan.is_fallback for answer in answers])),
        "ms": _times([answer.seconds for answer in answers]),
        "a_star_ms": _times([answer.a_star_seconds for answer in answers]),
        "search_ms": _times([answer.search_seconds for answer in answers]),
        "slower_than_a_star_ms": {"p95": float(np.percentile(late, 95)), "max": float(late.max())},
    }


def _answer(planner: Planner, known: GridMap, query: Scenario) -> Answer:
    """Ask the planner and A*; with a published optimum lengths are compared, otherwise costs."""
    sample = GridSample(0, "map", known.resolution, np.zeros(3), known.cells)
    ends = [np.array([*_middle(cell, known.resolution), 0.0]) for cell in (query.start, query.goal)]
    planner.reset()
    plan, seconds = _timed(lambda: planner.step(PlanRequest(sample, *ends)))
    costs, preparing = _timed(lambda: _costs(planner.config, known))
    (_, shortest), searching = _timed(lambda: a_star(costs, query.start, query.goal))
    has_optimum = np.isfinite(query.optimal)
    best = query.optimal if has_optimum else shortest
    ratio = np.nan
    if plan.code is PlanCode.NONE:
        points = plan.poses[:, :2] / known.resolution
        cost = path_cost(costs, points)  # inf through a closed cell: then no length counts either
        ratio = (_length(points) if has_optimum and np.isfinite(cost) else cost) / best
    return Answer(plan, ratio, shortest / best, seconds, preparing + searching, searching)


def path_cost(costs: np.ndarray, points: np.ndarray) -> float:
    """Return the cost of a path by summing short pieces of it, a twentieth of a cell long at most.

    Args:
        costs: (H, W) of a cell's length in each cell.
        points: (P, 2) column and row, cell 0 spans 0..1.
    """
    total = 0.0
    for a, b in zip(points[:-1], points[1:]):
        length = float(np.hypot(*(b - a)))
        pieces = max(1, int(np.ceil(20 * length)))
        middles = a + (b - a) * ((np.arange(pieces) + 0.5) / pieces)[:, None]
        columns, rows = middles.astype(int).T
        total += length * float(costs[rows, columns].mean())
    return total


def _pairs(
    is_open: np.ndarray, count: int, rng: np.random.Generator
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return pairs of cells of the largest part that hangs together."""
    labels, _ = ndimage.label(is_open)
    cells = np.argwhere(labels == 1 + np.argmax(np.bincount(labels.ravel())[1:]))
    ends = cells[rng.integers(len(cells), size=(count, 2))].tolist()
    return [(tuple(start), tuple(goal)) for start, goal in ends]


def _costs(config: E2PlannerConfig, known: GridMap) -> np.ndarray:
    states = grid.states(known.cells, config.free_threshold, config.occupied_threshold)
    return grid.step_costs(
        grid.clearance(states, known.resolution), known.resolution, grid.Inflation.of(config)
    )


def _middle(cell: tuple[int, int], resolution: float) -> tuple[float, float]:
    return (cell[1] + 0.5) * resolution, (cell[0] + 0.5) * resolution


def _length(points: np.ndarray) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = run()
    return result, time.perf_counter() - started


def _times(seconds: list[float]) -> dict[str, float]:
    p50, p95 = np.percentile(seconds, [50, 95]) * 1e3
    return {"p50": float(p50), "p95": float(p95)}
