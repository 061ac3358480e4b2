"""`equi eval e2_planner --explore` and `--symmetry`: unseen buildings, and moved worlds."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from equi_nodes.datasets.location import data_dir
from equi_nodes.datasets.maps import (
    REAL_BUILDINGS,
    GridMap,
    is_for_training,
    map_files,
    read_map,
)
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.exploration import (
    CONFIG,
    Building,
    Episode,
    explore,
    trips,
)

TRIPS = {"buildings": 25, "homes": 4, "dungeons": 3}
MOST_ROWS = 12  # maps that have one of their own in the table
GRAPHS, TURNS = 10, 50  # graphs that are moved, maps that are turned
OTHER_TRIPS = 10  # a map of a folder that the user names
SIDES = {"ours": "network", "baseline": "free", "usual": "grid"}  # their names in the table
SHOWN = ("mean", "median", "p90")
PERCENTILES = {"median": 50, "p75": 75, "p90": 90, "p95": 95}


@dataclass(frozen=True)
class Trip:
    """What one process has to do: the same trip with each planner."""

    building: Building
    start: tuple[int, int]
    goal: tuple[int, int]
    reach_m: float
    weights: str


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Drive all trips with each planner, print the table and return the figures."""
    if not 0.5 <= args.range <= 100:
        raise EquiError(f"A range of {args.range:g} m is not possible; give one in 0.5..100.")
    if args.trips is not None and args.trips < 1 or args.workers < 1:
        raise EquiError("--trips and --workers are whole numbers from 1 on.")
    todo = list(_trips(args))
    with Progress(console=console) as progress:
        bar = progress.add_task(f"trips through {args.explore}", total=len(todo))
        driven = []
        with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
            for sides in pool.map(drive, todo):
                driven.append(sides)
                progress.advance(bar)
    names = [trip.building.name for trip in todo]
    by_map: dict[str, list] = {name: [] for name in names}
    for name, sides in zip(names, driven):
        by_map[name].append(sides)
    maps = {name: _figures(own) for name, own in by_map.items()}
    everywhere = _figures(driven)
    rows = [(name, len(own), maps[name]) for name, own in by_map.items()]
    shown = rows if len(rows) <= MOST_ROWS else []
    console.print(_table([*shown, ("all", len(driven), everywhere)]))
    if args.picture:
        _draw(args.picture, todo, driven)
    ratios = [{side: episode.ratio for side, episode in sides.items()} for sides in driven]
    trips_of = [{"map": name} | sides for name, sides in zip(names, ratios)]
    return everywhere | {"episodes": len(driven), "maps": maps, "trips": trips_of}


def symmetry(args: argparse.Namespace, console: Console) -> dict:
    """Move graphs by the network's group, and turn maps by 90 degrees; return the differences."""
    from equi_nodes.config.e2_planner import E2PlannerConfig
    from equi_nodes.evaluation import planner_symmetry as check
    from equi_nodes.pipelines.plan import Planner
    from equi_nodes.runtime.network import TorchNetwork, open_network

    config = E2PlannerConfig(weights=args.weights, time_limit=30.0)
    single = TorchNetwork("e2_planner", args.weights, 2)
    double = TorchNetwork("e2_planner", args.weights, 2, np.float64)
    exported = open_network("e2_planner", args.weights, "onnx", threads=2)
    planner = Planner(config, exported)
    console.print(f"{GRAPHS} graphs of half-seen buildings, {check.MOVES} moves each; {TURNS} maps")
    requests = list(check.unseen_requests(planner, TURNS))
    graphs = [check.graph_of(config, request) for request in requests[:GRAPHS]]
    name, found = single.architecture.group, {}
    for key, network in (("float32", single), ("float64", double), ("onnx", exported)):
        kind = np.float64 if key == "float64" else np.float32
        errors = [
            check.network_error(network, tuple(_as(part, kind) for part in graph), name)
            for graph in graphs
        ]
        found[key] = {part: max(error[part] for error in errors) for part in errors[0]}
    turns = [check.turn_error(planner, request) for request in requests]
    found["turned_maps"] = {"worst_m": max(turns), "maps": len(turns)}
    for key, row in found.items():
        console.print(f"{key:12}", *(f"{part} {value:.2g}" for part, value in row.items()))
    return found


def _as(array: np.ndarray, kind: type) -> np.ndarray:
    return array.astype(kind) if array.dtype.kind == "f" else array


def figures(episodes: list[Episode]) -> dict[str, float]:
    """Return what the ratios of travelled to optimal are like, and how many never arrived."""
    ratios = [episode.ratio if episode.arrived else np.inf for episode in episodes]
    how = "linear" if np.isfinite(ratios).all() else "higher"  # nothing lies between inf and inf
    at = np.percentile(ratios, list(PERCENTILES.values()), method=how)
    spread = dict(zip(PERCENTILES, at.tolist()))
    spl = np.mean([episode.arrived / max(episode.ratio, 1.0) for episode in episodes])
    failed = sum(not episode.arrived for episode in episodes)
    return {"mean": float(np.mean(ratios)), **spread, "spl": float(spl), "failed": failed}


def drive(trip: Trip) -> dict[str, Episode]:
    """Drive one trip with the network, as if unknown space were free, and from cell to cell."""
    from equi_nodes.evaluation.exploration_baseline import GridReplanner
    from equi_nodes.pipelines.plan import Planner

    planners = (
        Planner(CONFIG, _network(trip.weights)),
        Planner(replace(CONFIG, unknown_cost=1.0)),
        GridReplanner(),
    )
    ends = trip.start, trip.goal, trip.reach_m
    return {side: explore(trip.building, planner, *ends) for side, planner in zip(SIDES, planners)}


@cache
def _network(weights: str):  # noqa: ANN202
    """Return the network, opened once in each process."""
    from equi_nodes.runtime.network import open_network

    return open_network("e2_planner", weights, "onnx", threads=1)


def _trips(args: argparse.Namespace) -> Iterator[Trip]:
    count = args.trips or TRIPS.get(args.explore, OTHER_TRIPS)
    for chosen in _maps(args.explore):
        building = Building.of_map(chosen)
        rng = np.random.default_rng(0)
        for start, goal in trips(building, count, rng):
            yield Trip(building, start, goal, args.range, args.weights)


def _maps(name: str) -> Iterator[GridMap]:
    """Yield the maps of a name; of homes and dungeons only those never trained on."""
    if name == "buildings":
        yield from (read_map(data_dir("maps") / "ros" / f"{part}.yaml") for part in REAL_BUILDINGS)
    elif name in ("homes", "dungeons"):
        folder = data_dir("maps") / {"homes": "houseexpo", "dungeons": "dungeon"}[name]
        kept = [path for path in map_files(folder) if not is_for_training(path.stem)]
        yield from map(read_map, kept)
    else:
        path = Path(name)
        yield from map(read_map, [path] if path.is_file() else map_files(path))


def _figures(driven: list[dict[str, Episode]]) -> dict[str, dict]:
    """Return the figures of each side."""
    return {side: figures([sides[side] for sides in driven]) for side in SIDES}


def _table(rows: list[tuple[str, int, dict]]) -> Table:
    title = f"travelled / optimal ({'/'.join(SHOWN)}): network, unknown space free, cell by cell"
    table = Table("map", "trips", *SIDES.values(), "failed", title=title, box=None)
    for name, count, row in rows:
        cells = ["/".join(f"{row[side][key]:.3f}" for key in SHOWN) for side in SIDES]
        failed = "/".join(str(row[side]["failed"]) for side in SIDES)
        table.add_row(name, str(count), *cells, failed)
    return table


def _draw(path: Path, todo: list[Trip], driven: list[dict[str, Episode]]) -> None:
    from equi_nodes.evaluation.exploration_picture import draw_trips

    gains = [sides["baseline"].ratio - sides["ours"].ratio for sides in driven]
    chosen = dict.fromkeys([int(np.argmax(gains)), int(np.argmin(gains))])
    shown = ((todo[i].building, driven[i]["ours"], driven[i]["baseline"]) for i in chosen)
    draw_trips(path, list(shown))
