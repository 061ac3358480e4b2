"""`equi eval e2_planner --task`: the planning network on the tasks of its paper."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from equi_nodes.cli import parts_eval
from equi_nodes.errors import EquiError

TASKS = ("grid", "graph", "grid-unknown", "graph-visual", "semantic", "rotated")
SIZES = (100, 1000)
NAMES = {
    "dijkstra": "shortest path, all known (bound)",
    "greedy": "to the neighbour nearest to the goal",
    "optimistic": "shortest path, unknown is free",
    "grid_vin": "value iteration network on the grid",
    "plain": "plain message passing, as many parameters",
    "ours": "ours, D4",
}


def configure(group: argparse._ArgumentGroup) -> None:
    """Add the arguments of the tasks."""
    group.add_argument(
        "--task", choices=(*TASKS, *parts_eval.TASKS),
        help="learn a task of the paper and test it; people and rooms are those of apen",
    )  # fmt: skip
    group.add_argument(
        "--sizes", type=int, nargs="+", help="training graphs; 100 1000, or 10 30 100 buildings"
    )


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Train what is not yet trained, test it on graphs made from other seeds, print the table."""
    if args.task not in TASKS:
        raise EquiError(f"e2_planner has no task {args.task}; take one of {', '.join(TASKS)}.")
    if args.task == "rotated":
        from equi_nodes.cli import turned_buildings

        return turned_buildings.evaluate(args, console)
    sizes = args.sizes or SIZES
    if min(sizes) < 1:
        raise EquiError("--sizes are numbers of training graphs; give 1 or more, such as 100 1000.")
    rows = _rows(args.task, sizes, folder_of(args), console)
    console.print(_table(args.task, sizes, rows))
    return {"task": args.task, "sizes": list(sizes), "rows": rows}


def folder_of(args: argparse.Namespace) -> Path:
    """Return where trainings are kept."""
    from equi_nodes.runtime.engine_cache import cache_dir

    return args.folder or cache_dir() / "planning_tasks"


def bars(console: Console) -> Progress:
    """Return the progress display of trainings."""
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    return Progress(*columns, console=console)


def _rows(task: str, sizes: list[int], folder: Path, console: Console) -> dict[str, dict]:
    """Return the figures by policy, of those that learn by training size too."""
    from equi_nodes.training import planning_tasks as recipe

    kind = recipe.KINDS[task]
    rows: dict[str, dict] = recipe.references(kind, kind.make(recipe.TEST, recipe.TEST_SEED))
    with bars(console) as progress:
        for size in sizes:
            for name in recipe.contestants(kind):
                epochs = recipe.schedule_of(name).epochs
                bar = progress.add_task(f"{name}, {size} graphs", total=epochs)

                def report(epoch: int, _: dict, bar: int = bar) -> None:
                    progress.update(bar, completed=epoch)

                found = recipe.trained(task, name, size, folder, report)
                progress.update(bar, completed=epochs)
                rows.setdefault(name, {})[str(size)] = found
    return rows


def _table(task: str, sizes: list[int], rows: dict[str, dict]) -> Table:
    table = Table("policy", "parameters", title=f"{task}: success / SPL, %", box=None)
    for size in sizes:
        table.add_column(f"{size} training graphs")
    for name in NAMES:
        if name in rows:
            row = rows[name]
            learned = row.get(str(sizes[0]))
            cells = [_cell(row[str(size)]) if learned else _cell(row) for size in sizes]
            table.add_row(NAMES[name], f"{learned['parameters']:,}" if learned else "-", *cells)
    return table


def _cell(figures: dict[str, float]) -> str:
    return f"{100 * figures['success']:.1f} / {100 * figures['spl']:.1f}"
