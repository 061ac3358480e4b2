"""`equi bench`: latency of a network on every backend at hand, beside the published form."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from equi_nodes.errors import EquiError

if TYPE_CHECKING:
    from equi_nodes.runtime.network import Network

HELP = "Measure the latency of a network on every backend."
EXAMPLE = "equi bench eqmotion --json bench.json"

SIZES = {
    "eqmotion": (1, 8, 32, 128), "e2_planner": (128, 512, 2048), "arteq": (512, 1024, 2048),
    "apen": (1024, 4096),
}  # fmt: skip
SECONDS = 3.0  # spent on each row at most
MOST_RUNS = 300


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument(
        "model", choices=["eqmotion", "e2_planner", "arteq", "apen", "vio", "clouds"]
    )
    parser.add_argument("--sizes", type=int, nargs="+", help="numbers of agents, nodes or points")
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
    if args.model == "clouds":
        from equi_nodes.cli import cloud_bench

        return cloud_bench.bench(args, console)
    if args.node:
        return _bench_node(args.node, console)
    return {"rows": _rows(args, console)}


def _rows(args: argparse.Namespace, console: Console) -> list[dict]:
    from equi_nodes.runtime.deploy import DEPLOYMENTS

    networks = dict(_networks(args, console))
    architecture, sizes = networks["torch"].architecture, args.sizes or SIZES[args.model]
    rows = []
    with Progress(console=console) as progress:
        bar = progress.add_task("bench", total=len(networks) * len(sizes))
        for size in sizes:
            scene = DEPLOYMENTS[args.model].scene(architecture, size, np.random.default_rng(0))
            for name, network in networks.items():
                rows.append({"backend": name, "size": size} | _time(network, scene))
                progress.advance(bar)
    console.print(_table(rows))
    return rows


def _networks(args: argparse.Namespace, console: Console) -> Iterator[tuple[str, Network]]:
    """Yield what is timed; the backend torch is always among it."""
    from equi_nodes.runtime.network import open_network

    torch = open_network(args.model, args.weights, "torch", args.threads)
    yield from _REFERENCES[args.model](torch.architecture, args.threads)
    yield "torch", torch
    for backend in ("onnx", "tensorrt"):
        try:
            yield backend, open_network(args.model, args.weights, backend, args.threads)
        except EquiError as error:
            console.print(f"{backend}: {error}", style="dim")


def _of_eqmotion(architecture: Any, threads: int) -> Iterator[tuple[str, Network]]:
    from equi_nodes.runtime.reference import RandomNetwork, SerialHeads

    yield "reference", RandomNetwork("reference", SerialHeads(), threads)


def _of_planner(architecture: Any, threads: int) -> Iterator[tuple[str, Network]]:
    from equi_nodes.runtime.reference_planner import Dijkstra, ReferencePlanner

    yield "dijkstra", Dijkstra()
    yield "reference", ReferencePlanner(architecture, threads)


def _of_bodies(architecture: Any, threads: int) -> Iterator[tuple[str, Network]]:
    from equi_nodes.models.published_arteq import PublishedArtEq
    from equi_nodes.runtime.reference import RandomNetwork

    yield "reference", RandomNetwork("reference", PublishedArtEq(), threads)


def _of_parts(architecture: Any, threads: int) -> Iterator[tuple[str, Network]]:
    from equi_nodes.runtime.reference import RandomNetwork
    from equi_nodes.training.apen import baseline

    for name, network in (("pointnet", "pointnet"), ("reference", "dgcnn")):
        usual = baseline(network, "people", architecture.labels)
        yield name, RandomNetwork(network, usual, threads)


_REFERENCES = {
    "eqmotion": _of_eqmotion, "e2_planner": _of_planner, "arteq": _of_bodies, "apen": _of_parts,
}  # fmt: skip


def _time(network: Network, inputs: Sequence) -> dict[str, float]:
    network(*inputs)
    times: list[float] = []
    while sum(times) < SECONDS and len(times) < MOST_RUNS:
        started = time.perf_counter()
        network(*inputs)
        times.append(time.perf_counter() - started)
    p50, p95, p99 = np.percentile(times, [50, 95, 99]) * 1e3
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "runs": len(times)}


def _table(rows: list[dict]) -> Table:
    table = Table("size", "backend", "p50 ms", "p95 ms", "p99 ms", "times faster", box=None)
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
