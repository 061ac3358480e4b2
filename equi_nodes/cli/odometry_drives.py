"""`equi eval vio --scenarios`: the odometry on simulated drives, with and without wheels."""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Column, Table

from equi_nodes.errors import EquiError
from equi_nodes.evaluation.odometry_drives import WAYS, drive_odometry, simulated_parts
from equi_nodes.samples import Status
from equi_nodes.sim.scenario import SCENARIOS, make_scenario

SECONDS = 80.0  # of each drive, at most
SEEDS = 2


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Drive every scenario with every seed, print what came of it and return the figures."""
    names = list(SCENARIOS) if args.scenarios == ["all"] else args.scenarios
    for name in names:
        if name not in SCENARIOS:
            raise EquiError(f"There is no scenario {name!r}; take one of {', '.join(SCENARIOS)}.")
    cv2.setNumThreads(1)
    parts, table, drives = simulated_parts(), _table(), {}
    with Progress(console=console, transient=True) as progress:
        for name in names:
            for seed in range(args.seeds or SEEDS):
                bar = progress.add_task(f"{name} {seed}", total=1.0)
                drives[f"{name} {seed}"] = drive_odometry(
                    make_scenario(name, seed), SECONDS, parts,
                    lambda share, bar=bar: progress.update(bar, completed=share),
                )  # fmt: skip
                progress.remove_task(bar)
                for way in WAYS:
                    table.add_row(f"{name} {seed}", way, *_cells(drives[f"{name} {seed}"][way]))
    console.print(table)
    return {"seconds": SECONDS, "drives": drives}


def _table() -> Table:
    return Table(
        Column("drive", no_wrap=True), Column("", no_wrap=True), "driven m", "ATE %", "end m",
        "worst m", "NEES pos / rot", "tracking / degraded / lost", "resets", "p95 ms", box=None,
    )  # fmt: skip


def _cells(figures: dict) -> list[str]:
    nees, statuses = figures.get("nees", {}), figures["statuses"]
    shown = (statuses[s.value] for s in (Status.TRACKING, Status.DEGRADED, Status.LOST))
    return [
        f"{figures['driven_m']:.1f}",
        f"{100 * figures.get('ate_share', np.nan):.2f}",
        f"{figures.get('end_m', np.nan):.2f}",
        f"{figures.get('worst_m', np.nan):.2f}",
        f"{nees.get('position', np.nan):.1f} / {nees.get('orientation', np.nan):.1f}",
        " / ".join(map(str, shown)),
        str(figures["resets"]),
        f"{figures['frame_ms']['p95']:.0f}",
    ]
