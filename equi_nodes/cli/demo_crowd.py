"""Prediction alone at work: a crowd bag, the real node, predictions over DDS, a report."""

from __future__ import annotations

import argparse
import shlex
import sys
import time

from rich.console import Console

from equi_nodes.cli.bag import write_crowd
from equi_nodes.cli.prediction_replay import NODE, read_tracks, run_online, summary, write_run
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.report import report_folder

AGENTS = 24
RATE_HZ = 10.0
NOISE = 0.02  # m, jitter of the simulated tracker
LONGEST_PLAY = 60.0  # s; a longer recording is played faster than real time


def run(arguments: argparse.Namespace) -> dict:
    """Build a recording, play it to the live node, report; return the figures."""
    console, started = Console(), time.monotonic()
    if not 8.0 <= arguments.seconds <= 600.0:
        raise EquiError("--seconds must be 8 to 600: eight hold one past and one future.")
    folder = report_folder(arguments.out)
    bag = folder / "crowd.mcap"
    console.print(f"[bold]1[/] A crowd of {AGENTS} people for {arguments.seconds:g} s -> {bag}")
    write_crowd(
        bag, console, seed=arguments.seed, seconds=arguments.seconds, agents=AGENTS,
        rate_hz=RATE_HZ, noise=NOISE, overwrite=True,
    )  # fmt: skip
    recording = read_tracks(bag)
    rate = max(1.0, arguments.seconds / LONGEST_PLAY)
    console.print(f"[bold]2[/] The node {NODE}, live through DDS, at {rate:.3g}x")
    parameters = {"weights": arguments.weights} if arguments.weights else {}
    done = run_online(recording, parameters, rate, folder / "node.log", console)
    console.print("[bold]3[/] The report")
    command = shlex.join(["equi", *sys.argv[1:]])
    figures, page = write_run(recording, done, folder, command, console)
    console.print(summary(figures))
    minutes = (time.monotonic() - started) / 60.0
    console.print(f"Done in {minutes:.1f} minutes. Open [bold]{page}[/]", soft_wrap=True)
    return _demo_figures(figures, minutes)


def _demo_figures(figures: dict, minutes: float) -> dict:
    """Return all figures with the keys that every demo has."""
    node = figures["node"]
    is_sound = node["exit_code"] == 0 and figures["scored"] > 0 and not figures["fallbacks"]
    nodes = {NODE: {"rate_hz": node["rate_hz"], "latency_ms": figures["latency_ms"],
                    "cpu": node["cpu"], "rss_mb": node["rss_mb"]}}  # fmt: skip
    success = is_sound and not figures["drops"]
    return figures | {"ok": is_sound, "success": success, "minutes": minutes, "nodes": nodes}
