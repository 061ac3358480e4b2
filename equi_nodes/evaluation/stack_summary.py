"""Figures of many runs of the closed loop put together, by scenario and by node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np


def summary(figures: Sequence[dict]) -> dict[str, dict]:
    """Return the totals of each scenario and of ``all``.

    Args:
        figures: of each run, as ``stack_scores.measure`` gives them.
    """
    names = dict.fromkeys(run["scenario"] for run in figures)
    rows = {name: _totals([f for f in figures if f["scenario"] == name]) for name in names}
    return rows | {"all": _totals(figures)}


def by_node(figures: Sequence[dict]) -> dict[str, dict]:
    """Return the times of each node's step: the median over the runs of each percentile, ms."""
    names = dict.fromkeys(name for run in figures for name in run["nodes"])
    found = {}
    for name in names:
        spans = [run["nodes"][name]["latency_ms"] for run in figures if name in run["nodes"]]
        spans = [span for span in spans if span]
        if spans:
            latency = {key: float(np.median([span[key] for span in spans])) for key in spans[0]}
            found[name] = {"latency_ms": latency}
    return found


def _totals(runs: Sequence[dict]) -> dict:
    """Return counts, rates and means over runs; the nearest person is that of all of them."""
    nearest = [run["nearest_person_m"] for run in runs if run["nearest_person_m"] is not None]
    return {
        "runs": len(runs),
        "success_rate": float(np.mean([run["success"] for run in runs])),
        "collisions": sum(run["collisions"] for run in runs),
        "collisions_by_others": sum(run["collisions_by_others"] for run in runs),
        "nearest_person_m": min(nearest, default=None),
        "path_ratio": _mean(run["path_ratio"] for run in runs),
        "minutes": _mean(run["minutes"] for run in runs),
        "ate_rmse_m": _mean(run["odometry"].get("ate_rmse_m") for run in runs),
        "mota": _mean(run.get("tracking", {}).get("mota") for run in runs),
        "ade": _mean(run["prediction"].get("top1", {}).get("ade") for run in runs),
        "fde": _mean(run["prediction"].get("top1", {}).get("fde") for run in runs),
        "ade_constant_velocity": _mean(
            run["prediction"].get("constant_velocity", {}).get("ade") for run in runs
        ),
        "iou_free": _mean(run.get("map", {}).get("iou_free") for run in runs),
        "iou_occupied": _mean(run.get("map", {}).get("iou_occupied") for run in runs),
    }


def _mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of those that are known, None of none."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
