"""`equi bench clouds`: how long point clouds take from messages to arrays and back."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table

SIZES = (14_400, 130_000)
SECONDS = 1.0  # spent on each row
NAN_SHARE = 0.1  # of the points, where some are none
STAMP = 1_000_000_000_000  # ns


def bench(args: argparse.Namespace, console: Console) -> dict:
    """Time messages of rclpy with x, y, z, intensity, ring and time; return the rows."""
    rows = []
    for size in args.sizes or SIZES:
        for name, call in _calls(size, np.random.default_rng(0)).items():
            rows.append({"backend": name, "size": size} | _percentiles(call))
    table = Table("points", "", "p50 ms", "p95 ms", "p99 ms", box=None)
    for row in rows:
        times = [f"{row[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms")]
        table.add_row(str(row["size"]), row["backend"], *times)
    console.print(table)
    return {"rows": rows}


def _calls(size: int, generator: np.random.Generator) -> dict[str, Callable[[], object]]:
    """Return what is timed by name."""
    from equi_nodes.ros.clouds import cloud_message, cloud_sample
    from equi_nodes.ros.messages import make

    points = generator.normal(0.0, 10.0, (size, 3)).astype(np.float32)
    extra = {
        "intensity": np.zeros(size, np.float32),
        "ring": np.zeros(size, np.uint16),
        "time": np.linspace(0.0, 0.1, size, dtype=np.float32),
    }
    labels = {"label": np.zeros(size, np.uint16), "instance": np.zeros(size, np.uint16)}
    whole = cloud_message(STAMP, "lidar", points, make, **extra)
    holed = np.where(generator.random((size, 1)) < NAN_SHARE, np.float32("nan"), points)
    with_nan = cloud_message(STAMP, "lidar", holed, make, **extra)
    return {
        "in": lambda: cloud_sample(whole),
        "in, some NaN": lambda: cloud_sample(with_nan),
        "out, with label and instance": lambda: cloud_message(
            STAMP, "lidar", points, make, **labels
        ),
    }


def _percentiles(call: Callable[[], object]) -> dict[str, float]:
    call()
    times: list[float] = []
    while sum(times) < SECONDS:
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    p50, p95, p99 = (np.percentile(times, [50, 95, 99]) * 1e3).tolist()
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "runs": len(times)}
