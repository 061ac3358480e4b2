"""`equi eval stack --faults`: what the robot makes of sensors that fail on the way."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from rich.console import Console
from rich.table import Column, Table

from equi_nodes.cli.stack_eval import made, scenarios, shared
from equi_nodes.config.paths import share_dir
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.stack_run import StackRun
from equi_nodes.evaluation.stack_study import Trial
from equi_nodes.evaluation.stack_verdict import Verdict, judge
from equi_nodes.sim.faults import Fault, read_faults

SAID = 28  # characters of a line
LEGEND = (
    "seen: from the fault's begin to the first word about it, by whom; odometry: worst status"
    " meanwhile; stood: seconds meanwhile; over: from its end to the last word; off: metres of the"
    " odometry at the end, beyond the run without faults; hits: collisions that the robot caused."
)


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Drive with each schedule of faults and without any; print the table, return the figures."""
    schedules = _schedules(args.faults)
    names = scenarios(args.scenarios or ["office"])
    with _folder(shared(args)) as common:
        sound = [Trial(name, seed, **common) for name in names for seed in range(args.seeds or 1)]
        trials = [replace(trial, faults=faults, fault=fault)
                  for trial in sound for fault, faults in schedules.items()]  # fmt: skip
        figures = dict(made([*sound, *trials], args, console))
        verdicts = {trial: _judge(trial, schedules[trial.fault]) for trial in trials}
    console.print(_table(verdicts, figures))
    console.print(LEGEND, style="dim")
    rows = [asdict(verdicts[trial]) | {"trial": trial.name} | _kept(figures[trial])
            for trial in trials]  # fmt: skip
    unseen = sum(verdict.noticed_s is None for verdict in verdicts.values())
    collisions = sum(row["collisions"] for row in rows)
    console.print(f"{len(rows) - unseen} of {len(rows)} noticed; {collisions} collisions")
    sound_figures = {trial.name: _kept(figures[trial]) for trial in sound}
    return {"faults": rows, "sound": sound_figures, "collisions": collisions}


def _schedules(names: Sequence[str]) -> dict[str, tuple[Fault, ...]]:
    """Return the faults by name: files that are named, or all that are shipped."""
    folder = share_dir() / "config" / "faults"
    shipped = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    paths = {Path(name).stem: shipped.get(name, Path(name)) for name in names} or shipped
    for name, path in paths.items():
        if not path.is_file():
            raise EquiError(f"There are no faults '{name}': choose of {', '.join(shipped)}.")
    return {name: read_faults(path) for name, path in paths.items()}


@contextmanager
def _folder(common: dict) -> Iterator[dict]:
    """Give the runs a place to be kept in, for as long as they are looked at."""
    if common["folder"] is not None:
        yield common
        return
    with tempfile.TemporaryDirectory() as folder:
        yield common | {"folder": Path(folder)}


def _judge(trial: Trial, faults: Sequence[Fault]) -> Verdict:
    sound = replace(trial, faults=(), fault="")
    faulty, usual = (StackRun.load(t.folder / f"{t.name}.npz") for t in (trial, sound))
    return judge(faulty, usual, faults)


def _kept(figures: dict) -> dict:
    return {key: figures[key] for key in ("success", "goals", "collisions", "minutes")}


def _table(verdicts: dict[Trial, Verdict], figures: dict[Trial, dict]) -> Table:
    table = Table(
        Column("fault", no_wrap=True), "seen s", Column("by", no_wrap=True),
        Column("said", max_width=SAID), Column("odometry", no_wrap=True), "stood", "over s",
        "off m", "hits", box=None, pad_edge=False,
    )  # fmt: skip
    for trial, verdict in verdicts.items():
        table.add_row(
            trial.fault, _seconds(verdict.noticed_s), verdict.by, verdict.said, verdict.status,
            f"{verdict.stood_s:.1f}", _recovered(verdict), f"{verdict.shift_m:.2f}",
            str(figures[trial]["collisions"]),
        )  # fmt: skip
    return table


def _recovered(verdict: Verdict) -> str:
    return "" if verdict.noticed_s is None else _seconds(verdict.recovered_s)


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"
