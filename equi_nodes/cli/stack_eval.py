"""`equi eval stack`: the closed loop over scenarios and seeds, and with faults."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from equi_nodes.errors import EquiError
from equi_nodes.evaluation.report import report_folder
from equi_nodes.evaluation.stack_study import ENGINES, Trial, study
from equi_nodes.evaluation.stack_summary import by_node, summary

LEGEND = (
    "hits: collisions that the robot caused; was hit: that others caused; room: least between the"
    " outlines of robot and person; ratio: driven over shortest on the true map; ADE, FDE: of the"
    " most probable path; IoU: of free cells; min: simulated minutes a run."
)
SEEDS = 10  # of each scenario, where it is not said
COLUMNS = {  # of the table: title, key, format
    "success": ("success_rate", "{:.0%}"), "hits": ("collisions", "{:d}"),
    "was hit": ("collisions_by_others", "{:d}"), "room m": ("nearest_person_m", "{:.2f}"),
    "ratio": ("path_ratio", "{:.2f}"), "ATE m": ("ate_rmse_m", "{:.3f}"),
    "MOTA": ("mota", "{:.2f}"), "ADE m": ("ade", "{:.2f}"), "FDE m": ("fde", "{:.2f}"),
    "IoU": ("iou_free", "{:.2f}"), "min": ("minutes", "{:.1f}"),
}  # fmt: skip


def configure(group: argparse._ArgumentGroup) -> None:
    """Add the options that only the closed loop has."""
    group.add_argument("--engine", choices=ENGINES, default="local", help="who makes the runs")
    group.add_argument("--out", type=Path, metavar="DIR", help="keeps each run; made ones are not"
                       " made again")  # fmt: skip
    group.add_argument("--truth", default="", metavar="PARTS",
                       help="stands in for odometry, tracks or both: odometry,tracks")  # fmt: skip
    group.add_argument("--seconds", type=float, default=float("inf"), metavar="S",
                       help="after which each run ends in any case")  # fmt: skip


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Make all runs that are asked for, print the tables and return the figures."""
    if args.seeds is not None and args.seeds < 1 or args.workers < 1:
        raise EquiError("--seeds and --workers are whole numbers from 1 on.")
    if args.faults is not None:
        from equi_nodes.cli import stack_faults

        return stack_faults.evaluate(args, console)
    trials = [Trial(name, seed, **shared(args)) for seed in range(args.seeds or SEEDS)
              for name in scenarios(args.scenarios)]  # fmt: skip
    figures = [run for _, run in made(trials, args, console)]
    totals = summary(figures)
    nodes = by_node(figures)
    console.print(_table(totals))
    console.print(LEGEND, style="dim")
    console.print(_node_table(nodes))
    for failed in filter(lambda f: not f["success"], figures):
        console.print(f"{failed['scenario']} {failed['seed']}: {'; '.join(failed['causes'])}")
    overall = totals["all"]
    return {
        "success": overall["success_rate"] == 1.0,
        "success_rate": overall["success_rate"],
        "collisions": overall["collisions"],
        "goals": {key: sum(f["goals"][key] for f in figures) for key in ("reached", "count")},
        "minutes": sum(f["minutes"] for f in figures),
        "nodes": nodes,
        "scenarios": totals,
        "runs": figures,
    }


def scenarios(names: Sequence[str] | None) -> list[str]:
    """Return the scenarios that are asked for; ``all`` and nothing mean all."""
    from equi_nodes.sim.scenario import SCENARIOS

    if not names or "all" in names:
        return list(SCENARIOS)
    for name in names:
        if name not in SCENARIOS:
            raise EquiError(f"There is no scenario '{name}': choose of {', '.join(SCENARIOS)}.")
    return list(names)


def shared(args: argparse.Namespace) -> dict:
    """Return what all trials have in common."""
    folder = report_folder(args.out) if args.out else None
    parts = tuple(filter(None, args.truth.split(",")))
    return {"true_parts": parts, "folder": folder, "longest_s": args.seconds}


def made(
    trials: Sequence[Trial], args: argparse.Namespace, console: Console
) -> list[tuple[Trial, dict]]:
    """Return the trials in their order with their figures, behind a progress bar."""
    found = {}
    with Progress(console=console) as progress:
        bar = progress.add_task("runs of the closed loop", total=len(trials))
        for trial, figures in study(trials, args.workers, args.engine):
            found[trial] = figures
            progress.update(bar, advance=1, description=trial.name)
    return [(trial, found[trial]) for trial in trials]


def _table(totals: dict[str, dict]) -> Table:
    table = Table(Column("scenario", no_wrap=True), "runs", *COLUMNS, box=None, pad_edge=False)
    for name, row in totals.items():
        cells = ("" if row[key] is None else f.format(row[key]) for key, f in COLUMNS.values())
        table.add_row(name, str(row["runs"]), *cells)
    return table


def _node_table(nodes: dict[str, dict]) -> Table:
    table = Table("a step of", "p50 ms", "p99 ms", box=None)
    for name, node in nodes.items():
        latency = node["latency_ms"]
        table.add_row(name, f"{latency['p50']:.1f}", f"{latency['p99']:.1f}")
    return table
