"""`equi up`: the nodes of a graph as processes, started together and ended together."""

from __future__ import annotations

import argparse
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event

from rich.console import Console

from equi_nodes.config.graph import Graph, graph_names, read_graph
from equi_nodes.errors import EquiError
from equi_nodes.ros.node_group import NodeGroup
from equi_nodes.ros.process import NodeProcess

HELP = "Start the nodes of a graph and stop them together."
EXAMPLE = "equi up predict --namespace robot1 --set eqmotion.modes=6"
LEVELS = ("debug", "info", "warn", "error", "fatal")
COLORS = ("cyan", "magenta", "green", "yellow", "blue")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the verb."""
    known = ", ".join(graph_names())
    parser.add_argument("graph", help=f"name of a graph ({known}), or the path of its file")
    parser.add_argument("--namespace", default="", help="namespace of all nodes")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NODE.PARAM=VALUE", dest="settings",
        help="set a parameter; wins over its file; may be repeated",
    )  # fmt: skip
    parser.add_argument("--log-level", default="info", choices=LEVELS, help="of all nodes")
    parser.add_argument(
        "--dds-profile", default="auto", choices=("auto", "none"),
        help="auto gives Fast DDS a shared memory large enough for point clouds",
    )  # fmt: skip


def run(args: argparse.Namespace) -> dict[str, object]:
    """Run the graph until Ctrl-C or SIGTERM; return the nodes and how long they ran.

    Raises:
        EquiError: there is no such graph, or a node ended by itself.
    """
    graph = read_graph(args.graph).with_settings(args.settings)
    started = time.monotonic()
    with termination_as_interrupt():
        ended = _run_until_end(graph, args)
    if ended is not None:
        raise EquiError(
            f"Node {ended.name} ended with code {ended.code}, so all were stopped: its output "
            "above says why."
        )
    return {
        "graph": graph.name,
        "nodes": [node.name for node in graph.nodes],
        "seconds": time.monotonic() - started,
    }


def _run_until_end(graph: Graph, args: argparse.Namespace) -> NodeProcess | None:
    """Run all nodes; return the one that ended by itself, None when the user ended them."""
    console = Console(highlight=False, soft_wrap=True)
    colors = {node.name: COLORS[i % len(COLORS)] for i, node in enumerate(graph.nodes)}
    width = max(map(len, colors))

    def show(name: str, line: str) -> None:
        console.print(f"[{colors[name]}]{name:>{width}}[/] ", end="")
        console.print(line, markup=False)

    console.print(f"{graph.name}: {graph.description} Ctrl-C ends it.")
    group = NodeGroup(
        graph, show, namespace=args.namespace, log_level=args.log_level,
        dds_profile=args.dds_profile,
    )  # fmt: skip
    try:
        with group:
            return group.ended()
    except KeyboardInterrupt:
        return None


@contextmanager
def termination_as_interrupt() -> Iterator[Event]:
    """Treat SIGTERM as Ctrl-C.

    The event is set by both and stays so: an exception that is raised inside a callback of a
    library gets lost.
    """
    asked = Event()

    def interrupt(*_: object) -> None:
        asked.set()
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
