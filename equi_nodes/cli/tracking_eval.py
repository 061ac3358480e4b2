"""`equi eval lidar_tracker`: tracks of the simulated robot's LiDAR against the true people."""

from __future__ import annotations

import argparse

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from equi_nodes.cli.stack_eval import scenarios
from equi_nodes.errors import EquiError

SEEDS, SECONDS = 2, 40.0
COLUMNS = {
    "MOTA": ("mota", "{:.3f}"), "IDF1": ("idf1", "{:.3f}"), "MOTP m": ("motp_m", "{:.3f}"),
    "switches": ("id_switches", "{:d}"), "missed": ("misses", "{:d}"),
    "invented": ("false_positives", "{:d}"), "seen": ("objects", "{:d}"),
    "velocity m/s": ("velocity_rmse_mps", "{:.3f}"), "NEES": ("nees_position", "{:.2f}"),
    "NEES velocity": ("nees_velocity", "{:.2f}"),
}  # fmt: skip


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Track in all runs that are asked for and in the real scans; print and return the figures."""
    from equi_nodes.evaluation.tracking import TrackScore
    from equi_nodes.evaluation.tracking_runs import VARIANTS, track_scenario
    from equi_nodes.sim.scenario import make_scenario

    if (args.seeds or 1) < 1:
        raise EquiError("--seeds is a whole number from 1 on.")
    names, times = scenarios(args.scenarios), []
    scores: dict[str, dict[str, list]] = {name: {v: [] for v in VARIANTS} for name in names}
    with Progress(console=console) as progress:
        for name in names:
            for seed in range(args.seeds or SEEDS):
                bar = progress.add_task(f"{name} {seed}", total=1.0)
                run, took = track_scenario(
                    make_scenario(name, seed), SECONDS,
                    lambda share, bar=bar: progress.update(bar, completed=share),
                )  # fmt: skip
                progress.update(bar, completed=1.0)
                times += took
                for variant, score in run.items():
                    scores[name][variant].append(score)
    scores["all"] = {v: [one for name in names for one in scores[name][v]] for v in VARIANTS}
    results = {
        name: {v: TrackScore.of_all(some).figures() for v, some in of_name.items()}
        for name, of_name in scores.items()
    }
    console.print(_table(results))
    p50, p95 = (1e3 * np.percentile(times, [50, 95])).tolist()
    console.print(f"A sweep takes {p50:.1f} ms of one core, {p95:.1f} ms at the 95th percentile.")
    timing = {"p50_ms": p50, "p95_ms": p95, "sweeps": len(times)}
    return results["all"] | {"scenarios": results, "timing": timing, "scans": _scans(console)}


def _scans(console: Console) -> dict:
    """Track in the recorded scans if they are there; nobody knows who is in them."""
    from equi_nodes.evaluation.tracking_runs import real_scans

    try:
        scans = real_scans()
    except EquiError as error:
        console.print(f"{error}", style="dim")
        return {}
    table = Table("real scans, without labels", "points", "candidates", "people", "ms", box=None)
    for name, row in scans.items():
        lists = (row["points"], row["candidates"], row["people"], [round(t) for t in row["ms"]])
        table.add_row(name, *(" ".join(map(str, values)) for values in lists))
    console.print(table)
    return scans


def _table(results: dict[str, dict]) -> Table:
    table = Table("scenario", "", *COLUMNS, box=None, title="people tracked by true poses")
    for name, variants in results.items():
        for variant, row in variants.items():
            cells = (style.format(row[key]) for key, style in COLUMNS.values())
            table.add_row(name, variant, *cells)
            name = ""
    return table
