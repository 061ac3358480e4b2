"""`equi eval e2_planner --task rotated`: few upright buildings, map frames turned by any angle."""

from __future__ import annotations

import argparse

import numpy as np
from rich.console import Console
from rich.table import Table

from equi_nodes.cli import planning_tasks
from equi_nodes.errors import EquiError

SIZES = (10, 30, 100)
SHOWN = (0, 45, 90)  # degrees
NAMES = {
    "dijkstra": "shortest path, all known (bound)",
    "scans_checked": "shortest path along edges that scans call free",
    "greedy": "to the neighbour nearest to the goal",
    "plain": "plain",
    "plain_augmented": "plain, turned in training",
    "D4": "ours, D4",
    "D8": "ours, D8",
}


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Train upright, test in turned frames, print SPL and draw it over the angle."""
    from equi_nodes.evaluation.turn_figures import draw_turns
    from equi_nodes.training import turned_buildings as recipe

    sizes = args.sizes or SIZES
    if min(sizes) < 1:
        raise EquiError("--sizes are numbers of training buildings; give 1 or more, such as 10 30.")
    buildings = recipe.buildings_for(max(sizes))
    rows: dict[str, dict] = {
        name: {"0": recipe.curve(choose, buildings["test"])}
        for name, choose in recipe.references().items()
    }
    rows |= _learned(args, sizes, buildings, console)
    console.print(_table(recipe.TURNS, rows))
    curves = {
        name: {size: found["spl"] for size, found in rows[name].items()} for name in recipe.NETWORKS
    }
    picture = planning_tasks.folder_of(args) / "rotated.png"
    draw_turns(recipe.TURNS, sizes, curves).savefig(picture, dpi=130)
    console.print(f"Picture: {picture}")
    return {"turns_deg": list(recipe.TURNS), "sizes": list(sizes), "rows": rows}


def _learned(args: argparse.Namespace, sizes: list[int], buildings: dict, console: Console) -> dict:
    from equi_nodes.training import turned_buildings as recipe

    rows: dict[str, dict] = {name: {} for name in recipe.NETWORKS}
    with planning_tasks.bars(console) as progress:
        for size in sizes:
            for name in recipe.NETWORKS:
                epochs = recipe.SCHEDULE.epochs
                bar = progress.add_task(f"{name}, {size} buildings", total=epochs)

                def report(epoch: int, _: dict, bar: int = bar) -> None:
                    progress.update(bar, completed=epoch)

                folder = planning_tasks.folder_of(args)
                choose = recipe.trained(name, size, buildings, folder, report)
                rows[name][str(size)] = recipe.curve(choose, buildings["test"])
                progress.update(bar, completed=epochs)
    return rows


def _table(turns: tuple[int, ...], rows: dict[str, dict]) -> Table:
    """Return the table of SPL at some angles, its mean over all and the worst."""
    table = Table("policy", "buildings", title="rotated: SPL, %", box=None)
    for degrees in SHOWN:
        table.add_column(f"{degrees} deg")
    for column in ("mean", "worst", "mean success"):
        table.add_column(column)
    for name, label in NAMES.items():
        for size, found in rows[name].items():
            spl = 100 * np.array(found["spl"])
            shown = [spl[turns.index(degrees)] for degrees in SHOWN] + [spl.mean(), spl.min()]
            shown.append(100 * np.mean(found["success"]))
            table.add_row(label, size if size != "0" else "-", *(f"{value:.1f}" for value in shown))
    return table
