"""Run a node's pipeline over a recording: offline and deterministic, or through a live node."""

from __future__ import annotations

import argparse
import shlex
import sys
from dataclasses import fields
from pathlib import Path

from rich.console import Console

from equi_nodes.cli.cloud_replay import chosen_settings
from equi_nodes.cli.prediction_replay import (
    read_tracks,
    run_offline,
    run_online,
    summary,
    write_run,
)
from equi_nodes.config.eqmotion import EqMotionConfig
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.report import report_folder

HELP = "Run a node's pipeline over a recording and score it."
EXAMPLE = "equi replay crowd.mcap --node eqmotion --out out/crowd"
LOG = "node.log"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `equi replay`."""
    parser.add_argument("bag", type=Path, help="rosbag2 folder, .mcap, .db3 or ROS 1 .bag; "
                        "for vio also a EuRoC folder")  # fmt: skip
    parser.add_argument("--node", required=True, choices=NODES, help="whose pipeline to run")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="for the report")
    parser.add_argument("--topic", help="input topic; by default the only one of the right type")
    parser.add_argument("--online", action="store_true", help="play to a real node through DDS")
    parser.add_argument("--rate", type=float, default=1.0, help="times real time, online (1)")
    backends = next(f for f in fields(EqMotionConfig) if f.name == "backend").metadata["choices"]
    parser.add_argument("--backend", choices=backends, help="what runs the network")
    parser.add_argument("--weights", help="path of a .safetensors file")
    parser.add_argument("--time-step", type=float, help="seconds between two predicted steps")
    group = parser.add_argument_group("vio")
    group.add_argument("--mono", action="store_true", help="use the left camera alone")
    group.add_argument("--slam", action="store_true", help="keep a map that corrects the drift")
    group.add_argument("--calibration", type=Path, help="Kalibr file or EuRoC folder")
    group.add_argument("--start-frame", type=int, default=0, help="begin there (EuRoC folder)")
    group.add_argument("--reverse", action="store_true", help="play backwards (EuRoC folder)")
    group.add_argument("--mirror", action="store_true", help="as a mirror shows it (EuRoC folder)")
    group.add_argument("--set", action="append", default=[], dest="settings",
                       metavar="PART.PARAM=VALUE",
                       help="a parameter of the node; may be repeated")  # fmt: skip


def run(arguments: argparse.Namespace) -> dict:
    """Replay, score and report; return the figures."""
    if not 0.0 < arguments.rate <= 1000.0:
        raise EquiError(f"A rate of {arguments.rate:g} cannot be played; give one in 0..1000.")
    return NODES[arguments.node](arguments, Console())


def replay_eqmotion(arguments: argparse.Namespace, console: Console) -> dict:
    """Replay tracks and return the figures of their predictions."""
    with console.status(f"reading {arguments.bag}"):
        recording = read_tracks(arguments.bag, arguments.topic)
    folder = report_folder(arguments.out)
    settings = chosen_settings(arguments, "backend", "weights", "time_step")
    if arguments.online:
        done = run_online(recording, settings, arguments.rate, folder / LOG, console)
    else:
        done = run_offline(recording, EqMotionConfig(**settings), console)
    command = shlex.join(["equi", *sys.argv[1:]])
    figures, page = write_run(recording, done, folder, command, console)
    console.print(summary(figures))
    console.print(f"hash {figures['hash'][:16]}   report {page}", soft_wrap=True)
    return figures


def replay_vio(arguments: argparse.Namespace, console: Console) -> dict:
    """Replay images and IMU and return the figures of the odometry."""
    from equi_nodes.cli import odometry_replay  # what it compiles the prediction does not need

    return odometry_replay.replay_vio(arguments, console)


def replay_apen(arguments: argparse.Namespace, console: Console) -> dict:
    """Label the clouds of a bag and return the figures of their parts."""
    from equi_nodes.cli import parts_replay

    return parts_replay.replay_apen(arguments, console)


def replay_arteq(arguments: argparse.Namespace, console: Console) -> dict:
    """Fit bodies to the people of a bag and return the figures, with errors beside a truth."""
    from equi_nodes.cli import bodies_replay

    return bodies_replay.replay_arteq(arguments, console)


NODES = {"apen": replay_apen, "arteq": replay_arteq, "eqmotion": replay_eqmotion, "vio": replay_vio}
