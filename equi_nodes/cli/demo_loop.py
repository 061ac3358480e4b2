"""The closed loop over DDS: all nodes as processes, watched, recorded, scored."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from threading import Event

from rich.console import Console
from rich.live import Live

from equi_nodes.cli.demo_table import live_view, progress_line
from equi_nodes.cli.up import termination_as_interrupt
from equi_nodes.config.graph import Graph, read_graph
from equi_nodes.datasets.bags import bag_writer
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.report import report_folder
from equi_nodes.ros.heard import Heard
from equi_nodes.sim.faults import Fault, read_faults
from equi_nodes.sim.scenario import SCENARIOS

SIM, PLANNER = "sim", "e2_planner"
UNHURRIED = {"only_when_asked": True, "time_limit": 60.0}  # a plan depends on no clock of ours
LONGEST_MINUTES = 120.0
LINE_S = 10.0  # between two lines of progress where no table can be shown
LOOK_S = 0.5  # between two looks at the processes
DOMAINS = 101  # ROS domains that are safe on every system


def run(arguments: argparse.Namespace) -> dict:
    """Drive, score, report; return the figures.

    Raises:
        EquiError: an option is wrong, a node ended by itself or could not start.
    """
    started, console = time.monotonic(), Console()
    if not 0.0 < arguments.minutes <= LONGEST_MINUTES:
        raise EquiError(f"--minutes must be above 0 and at most {LONGEST_MINUTES:.0f}.")
    if arguments.scenario not in SCENARIOS:
        known = ", ".join(SCENARIOS)
        raise EquiError(f"There is no scenario '{arguments.scenario}'; take one of {known}.")
    folder = report_folder(arguments.out)
    console.print(f"[bold]1[/] Scenario {arguments.scenario}, seed {arguments.seed} -> {folder}")
    heard = drive(demo_graph(arguments), folder, killed(arguments.faults), arguments, console)
    from equi_nodes.cli.demo_run import read_run  # these take seconds to import
    from equi_nodes.evaluation.stack_report import write_report
    from equi_nodes.evaluation.stack_scores import measure

    console.print("[bold]2[/] The report")
    with console.status("scoring and drawing"):
        done = read_run(folder / "bag", heard)
        figures = measure(done)
        figures |= {
            "simulated_minutes": figures["minutes"],
            "minutes": (time.monotonic() - started) / 60.0,
            "end": heard.end,
            "losses": heard.losses,
        }
        page = write_report(done, folder, shlex.join(["equi", *sys.argv[1:]]), figures)
    goals, minutes = figures["goals"], (time.monotonic() - started) / 60.0
    console.print(
        f"{goals['reached']} of {goals['count']} goals, {figures['collisions']} collisions by the "
        f"robot, in {minutes:.1f} minutes. Open [bold]{page}[/]",
        soft_wrap=True,
    )
    spans = {name: figures["nodes"].pop(name) for name in list(figures["nodes"]) if " " in name}
    return figures | {"minutes": minutes, "spans": spans}


def demo_graph(arguments: argparse.Namespace) -> Graph:
    """Return the nodes with all settings; they take their time from the simulation.

    Raises:
        EquiError: there is no such graph or node, or a setting is malformed.
    """
    graph = read_graph(arguments.graph).with_parameters({"use_sim_time": True})
    chosen = {
        "scenario": arguments.scenario, "seed": arguments.seed, "viewer": arguments.viewer,
        "lock_step": arguments.lock_step, "autostart": False,
    }  # fmt: skip
    if arguments.faults:
        chosen["faults"] = str(arguments.faults.resolve())
    more = {SIM: chosen} | ({PLANNER: UNHURRIED} if arguments.lock_step else {})
    nodes = tuple(
        replace(node, parameters=node.parameters | more.get(node.name, {})) for node in graph.nodes
    )
    return replace(graph, nodes=nodes).with_settings(arguments.settings)


def killed(path: Path | None) -> list[Fault]:
    """Return the faults that kill a node, in the order of time."""
    faults = read_faults(path) if path else ()
    return sorted((f for f in faults if f.kind == "killed"), key=lambda fault: fault.begin_s)


def drive(
    graph: Graph, folder: Path, kills: list[Fault], arguments: argparse.Namespace, console: Console
) -> Heard:
    """Run the nodes until the robot has arrived or its time is over; record a bag.

    Raises:
        EquiError: a node ended by itself, could not start, or the world stood still.
    """
    from equi_nodes.ros.node_group import NodeGroup
    from equi_nodes.ros.observer import observer
    from equi_nodes.ros.process import dds_environment
    from equi_nodes.ros.supervisor import Supervisor

    domain = int(os.environ.get("ROS_DOMAIN_ID") or 1 + os.getpid() % DOMAINS)
    os.environ |= {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"} | dds_environment("auto")
    shutil.rmtree(folder / "bag", ignore_errors=True)
    log = (folder / "nodes.log").open("w", buffering=1)

    def note(name: str, line: str) -> None:
        print(f"[{name}] {line}", file=log)

    group = NodeGroup(graph, note, environment={"ROS_DOMAIN_ID": str(domain)})
    console.print(f"{len(graph.nodes)} nodes on ROS domain {domain}; Ctrl-C ends it.")
    with (
        log,
        termination_as_interrupt() as asked,
        observer(domain) as seen,
        bag_writer(folder / "bag", is_compressed=True) as bag,
        group,
    ):
        watch, failure = Supervisor(seen, group, bag.write, kills, folder / "nodes.log"), None
        try:
            _show(watch, arguments.minutes, console, asked)
        except KeyboardInterrupt:
            watch.end = "interrupted"
        except EquiError as error:
            failure = error  # raised when the bag is closed: what it holds may tell more
    if failure:
        raise failure
    return watch.heard()


def _show(watch: object, minutes: float, console: Console, asked: Event) -> None:
    """Bring the nodes up and watch them, with a table or with a line of progress now and then."""
    with Live(console=console, refresh_per_second=2, transient=True) as live:
        next_line = 0.0
        for _ in watch.steps(60.0 * minutes, LOOK_S):
            if asked.is_set():
                raise KeyboardInterrupt
            if console.is_terminal:
                live.update(live_view(watch.record, watch.rows()))
            elif time.monotonic() > next_line:
                next_line = time.monotonic() + LINE_S
                console.print(progress_line(watch.record), soft_wrap=True)
