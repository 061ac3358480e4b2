"""`equi eval occupancy_mapper`: maps of the simulated robot against the true buildings."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from equi_nodes.cli.stack_eval import scenarios
from equi_nodes.errors import EquiError

SEEDS, SECONDS = 1, 40.0
COLUMNS = {
    "IoU free": ("iou_free", "{:.3f}"), "IoU occupied": ("iou_occupied", "{:.3f}"),
    "ghosts cm2/m2": ("ghosts_cm2", "{:.1f}"), "seen m2": ("seen_m2", "{:.0f}"),
    "p50 ms": ("p50_ms", "{:.1f}"), "p95 ms": ("p95_ms", "{:.1f}"),
}  # fmt: skip


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Map all runs that are asked for, print the tables and return the figures."""
    from equi_nodes.evaluation.mapping import VARIANTS, map_scenario
    from equi_nodes.sim.scenario import make_scenario

    if (args.seeds or 1) < 1:
        raise EquiError("--seeds is a whole number from 1 on.")
    names = scenarios(args.scenarios)
    runs: list[dict] = []
    with Progress(console=console) as progress:
        for name in names:
            for seed in range(args.seeds or SEEDS):
                bar = progress.add_task(f"{name} {seed}", total=1.0)
                mapped = map_scenario(
                    make_scenario(name, seed), SECONDS,
                    lambda share, bar=bar: progress.update(bar, completed=share),
                )  # fmt: skip
                progress.update(bar, completed=1.0)
                figures = {variant: one.figures for variant, one in mapped.items()}
                runs.append({"scenario": name, "seed": seed} | figures)
                if args.picture:
                    _draw(args.picture, name, seed, mapped[VARIANTS[0]].grid)
    results = {name: _mean([r for r in runs if r["scenario"] == name], VARIANTS) for name in names}
    results |= {"all": _mean(runs, VARIANTS)}
    console.print(_table(results))
    return results["all"] | {"scenarios": results, "runs": runs}


def _mean(runs: list[dict], variants: tuple[str, ...]) -> dict[str, dict]:
    """Return the means over runs, each counting the same but for ghosts, which are of all floor."""
    means = {}
    for variant in variants:
        rows = [run[variant] for run in runs]
        means[variant] = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
        seen = sum(row["seen_m2"] for row in rows)
        share = sum(row["ghost_m2"] for row in rows) / max(seen, 1e-9)
        means[variant] |= {"ghosts": share, "ghosts_cm2": 1e4 * share}
    return means


def _table(results: dict[str, dict]) -> Table:
    table = Table("scenario", "people", *COLUMNS, box=None, title="maps by true poses")
    for name, variants in results.items():
        for variant, row in variants.items():
            cells = (style.format(row[key]) for key, style in COLUMNS.values())
            table.add_row(name, variant, *cells)
            name = ""
    return table


def _draw(folder: Path, name: str, seed: int, grid: object) -> None:
    import cv2

    folder.mkdir(parents=True, exist_ok=True)
    shades = np.where(grid.cells < 0, 127, 255 - np.clip(grid.cells, 0, 100) * 2.55)
    cv2.imwrite(str(folder / f"map_{name}_{seed}.png"), shades[::-1].astype(np.uint8))
