"""The package at work: a robot among people, driven by all nodes; or one node on a crowd."""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "Drive a simulated robot among people with all nodes, from its sensors to a report."
EXAMPLE = "equi demo --scenario crowd --seed 3 --out out/demo"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `equi demo`."""
    parser.add_argument("--scenario", default="office", help="which world (office)")
    parser.add_argument("--seed", type=int, default=0, help="another world for each (0)")
    parser.add_argument("--minutes", type=float, default=5.0, metavar="M",
                        help="of driving by the clock on the wall, at most (5)")  # fmt: skip
    parser.add_argument("--viewer", action="store_true", help="show the world in a window")
    parser.add_argument("--lock-step", action=argparse.BooleanOptionalAction, default=True,
                        help="the world waits for the nodes, however slow they are")  # fmt: skip
    parser.add_argument("--faults", type=Path, metavar="FILE",
                        help="what goes wrong and when, as in config/faults")  # fmt: skip
    parser.add_argument("--graph", default="demo", help="the nodes: a name or a file (demo)")
    parser.add_argument("--set", action="append", default=[], metavar="NODE.PARAM=VALUE",
                        dest="settings", help="set a parameter; may be repeated")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("out/demo"), metavar="DIR",
                        help="folder of the bag and the report (out/demo)")  # fmt: skip
    crowd = parser.add_argument_group("prediction alone, on a recorded crowd")
    crowd.add_argument("--crowd", action="store_true", help="no robot: predict a crowd")
    crowd.add_argument("--seconds", type=float, default=40.0, help="length of the recording (40)")
    crowd.add_argument("--weights", default="", help="path of a .safetensors file")


def run(arguments: argparse.Namespace) -> dict:
    """Run the demo that is asked for; return its figures."""
    if arguments.crowd:
        from equi_nodes.cli import demo_crowd as demo
    else:
        from equi_nodes.cli import demo_loop as demo
    return demo.run(arguments)
