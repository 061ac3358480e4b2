"""`equi bench`: latency of a network on every backend at hand, beside the published form."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

HELP = "Measure the latency of a network on every backend."
EXAMPLE = "equi bench eqmotion --json bench.json"

SIZES = (1, 8, 32, 128)
SECONDS = 3.0  # spent on each row at most
MOST_RUNS = 300


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("model", choices=["eqmotion", "vio"])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of agents")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--weights", default="")
    parser.add_argument(
        "--node",
        type=float,
        metavar="SECONDS",
        help="instead: 32 agents at 10 Hz through a live node",
    )


def run(args: argparse.Namespace) -> dict:
    """Time everything and return the rows."""
    console = Console()
    if args.model == "vio":
        from equi_nodes.cli import odometry_eval

        return odometry_eval.bench(args, console)
    if args.node:
        return _bench_node(args.node, console)
    networks = dict(_networks(args))
    rows = []
    with Progress(console=console) as progress:
        bar = progress.add_task("bench", total=len(networks) * len(args.sizes))
        for size in args.sizes:
            for name, network in networks.items():
                rows.append({"backend": name, "size": size} | _time(network, size))
                progress.advance(bar)
    console.print(_table(rows))
    return {"rows": rows}


def _networks(args: argparse.Namespace) -> Iterator[tuple[str, Callable]]:
    from equi_nodes.errors import EquiError
    from equi_nodes.runtime.network import open_network
    from equi_nodes.runtime.reference import ReferenceNetwork

    yield "reference", ReferenceNetwork(args.threads)
    for backend in ("torch", "onnx", "tensorrt"):
        try:
            yield backend, open_network("eqmotion", args.weights, backend, args.threads)
        except EquiError as error:
            Console().print(f"{backend}: {error}", style="dim")


def _time(network: Callable, agents: int) -> dict[str, float]:
    inputs = _inputs(agents)
    network(*inputs)
    times: list[float] = []
    while sum(times) < SECONDS and len(times) < MOST_RUNS:
        started = time.perf_counter()
        network(*inputs)
        times.append(time.perf_counter() - started)
    p50, p95, p99 = np.percentile(times, [50, 95, 99]) * 1e3
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "runs": len(times)}


def _inputs(agents: int) -> tuple[np.ndarray, ...]:
    """Return walkers spread so that each has a few neighbours."""
    rng = np.random.default_rng(0)
    starts = rng.uniform(-1, 1, (1, agents, 1, 2)) * 2 * np.sqrt(agents)
    strides = rng.normal(0, 0.4, (1, agents, 1, 2))
    past = starts + strides * np.arange(8)[:, None]
    return past.astype(np.float32), np.ones((1, agents, 8), bool), np.array([0.4], np.float32)


def _table(rows: list[dict]) -> Table:
    table = Table("agents", "backend", "p50 ms", "p95 ms", "p99 ms", "times faster", box=None)
    for row in rows:
        reference = next(
            r for r in rows if r["size"] == row["size"] and r["backend"] == "reference"
        )
        ratio = reference["p50_ms"] / row["p50_ms"]
        times = [f"{row[key]:.2f}" for key in ("p50_ms", "p95_ms", "p99_ms")]
        table.add_row(str(row["size"]), row["backend"], *times, f"{ratio:.1f}")
    return table


def _bench_node(seconds: float, console: Console) -> dict:
    """Drive a live node process and report what it does."""
    from equi_nodes.ros.probe import measure_node

    with console.status(f"32 agents at 10 Hz for {seconds:g} s"):
        figures = measure_node(agents=32, rate_hz=10.0, seconds=seconds, domain_id=77)
    table = Table("", "", box=None, show_header=False)
    for name, value in figures.items():
        table.add_row(name, f"{value:.2f}" if isinstance(value, float) else str(value))
    console.print(table)
    return figures
