"""`equi eval e2_planner` on known maps and on random scenes: beside A*, and before a judge."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from equi_nodes.errors import EquiError

if TYPE_CHECKING:
    from equi_nodes.config.e2_planner import E2PlannerConfig
    from equi_nodes.datasets.maps import GridMap
    from equi_nodes.evaluation.grid_benchmarks import Answer
    from equi_nodes.pipelines.plan import Planner

PER_MAP = 20
MOST_SHOWN = 20  # scenes with problems that are listed
DEFAULT = Path()  # a folder that was not named: that of the recordings


def configure(group: argparse._ArgumentGroup) -> None:
    """Add the arguments of the benchmarks."""
    for flag, said in (
        ("--movingai", "scenarios of Moving-AI maps beside their optima"),
        ("--known", "random queries on known maps of robots beside A*"),
    ):
        group.add_argument(flag, type=Path, nargs="?", const=DEFAULT, metavar="FOLDER", help=said)
    group.add_argument("--per-map", type=int, default=PER_MAP, help="queries a map")


def is_asked(args: argparse.Namespace) -> bool:
    """Return whether one of these benchmarks is asked for."""
    return not (args.movingai is None and args.known is None and args.scenes is None)


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Run what is asked for, print its tables and return its figures."""
    if args.per_map < 1:
        raise EquiError("--per-map is the number of queries on each map; give 1 or more.")
    found: dict[str, Any] = {}
    if args.movingai is not None:
        found["movingai"] = _movingai(args, console)
    if args.known is not None:
        found["known"] = _known(args, console)
    if args.scenes is not None:
        found["scenes"] = _scenes(args, console)
    return found


def _movingai(args: argparse.Namespace, console: Console) -> dict:
    from equi_nodes.evaluation.grid_benchmarks import POINT_ROBOT, SCENARIO_SUFFIX, movingai

    files = [
        f for f in _files(args.movingai, "movingai") if f.with_suffix(SCENARIO_SUFFIX).exists()
    ]
    if not files:
        raise EquiError(f"There are no scenarios in {args.movingai}; give a folder of .map.scen.")
    planner = _planner(args, POINT_ROBOT, console)
    answers = _each(files, lambda file: movingai(planner, file, args.per_map), console)
    return _report(answers, "length / published optimum", console)


def _known(args: argparse.Namespace, console: Console) -> dict:
    from equi_nodes.evaluation.grid_benchmarks import ROBOT, known_map

    planner, rng = _planner(args, ROBOT, console), np.random.default_rng(0)
    files = _files(args.known, "ros")
    answers = _each(files, lambda file: known_map(planner, file, args.per_map, rng), console)
    return _report(answers, "cost / cost of A*", console)


def _scenes(args: argparse.Namespace, console: Console) -> dict:
    from equi_nodes.config.e2_planner import E2PlannerConfig
    from equi_nodes.evaluation.planning_scenes import draw_scene, figures, judge

    count = args.scenes[0]
    if len(args.scenes) > 1 or not count.isdecimal() or int(count) < 1:
        raise EquiError("--scenes of e2_planner is one number of random scenes, such as 1000.")
    config = E2PlannerConfig()
    planner, maps = _planner(args, config, console), list(_maps())
    seeds = track(range(int(count)), "scenes", console=console)
    verdicts = [judge(planner, draw_scene(maps, config, seed)) for seed in seeds]
    found = figures(verdicts)
    table = Table("", "", box=None, show_header=False)
    for name, value in found.items():
        table.add_row(name, _said(value))
    console.print(table)
    bad = [(seed, verdict) for seed, verdict in enumerate(verdicts) if verdict.problems]
    for seed, verdict in bad[:MOST_SHOWN]:
        console.print(f"scene {seed}, {verdict.scene.kind}: {'; '.join(verdict.problems)}")
    return found


def _planner(args: argparse.Namespace, config: E2PlannerConfig, console: Console) -> Planner:
    """Return the planner, with the network where its weights are."""
    from equi_nodes.pipelines.plan import Planner
    from equi_nodes.runtime.network import open_network
    from equi_nodes.runtime.weights import shipped_weights

    network = None
    if args.weights or shipped_weights("e2_planner").exists():
        network = open_network("e2_planner", args.weights, config.backend, config.threads)
    else:
        console.print("There are no weights: unknown space counts as open.", style="dim")
    planner = Planner(config, network)
    planner.warm_up()
    return planner


def _files(folder: Path, name: str) -> list[Path]:
    from equi_nodes.datasets.location import data_dir
    from equi_nodes.datasets.maps import map_files

    return map_files(data_dir("maps") / name if folder == DEFAULT else folder)


def _maps() -> Iterator[GridMap]:
    """Yield the maps of robots and houses that are on this machine."""
    from equi_nodes.datasets.location import data_dir
    from equi_nodes.datasets.maps import maps_in

    for name in ("ros", "houseexpo"):
        yield from maps_in(data_dir("maps") / name)


def _each(
    files: Sequence[Path], ask: Callable[[Path], list[Answer]], console: Console
) -> dict[str, list[Answer]]:
    answers = {}
    for file in track(files, "maps", console=console):
        answers[file.stem] = ask(file)
    return answers


def _report(answers: dict[str, list[Answer]], ratio: str, console: Console) -> dict:
    from equi_nodes.evaluation.grid_benchmarks import figures

    maps = {name: figures(found) for name, found in answers.items()}
    whole = figures(list(_flat(answers.values())))
    columns = ("mean", "max", "fallback", "failed", "ms p50", "p95", "A* p50", "p95", "search p50")
    table = Table("map", *columns, box=None, padding=(0, 1, 0, 0))
    for name, row in (maps | {"all": whole}).items():
        times = [row[key][p] for key in ("ms", "a_star_ms") for p in ("p50", "p95")]
        times = [f"{value:.1f}" for value in (*times, row["search_ms"]["p50"])]
        ratios = (f"{row['ratio'][key]:.4f}" for key in ("mean", "max"))
        table.add_row(name, *ratios, f"{row['fallback']:.0%}", str(row["failed"]), *times)
    console.print(f"mean and max: {ratio}; A*: from the raw map too; search: A* alone")
    console.print(table)
    slower = whole["slower_than_a_star_ms"]
    console.print(
        f"answered by: {_said(whole['planners'])}; slower than A* by p95 {slower['p95']:.0f} ms,"
        f" at most {slower['max']:.0f} ms"
    )
    return {"maps": maps, "all": whole}


def _flat(lists: Iterable[list]) -> Iterator:
    for one in lists:
        yield from one


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(part)}" for name, part in value.items()) or "none"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
