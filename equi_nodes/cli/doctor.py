"""Check the machine: what is there, what is missing, and the exact fix."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from equi_nodes.cli.checks import Check, all_checks
from equi_nodes.errors import EquiError

HELP = "Check this machine, or the sensors of a recording, and name the fix."
EXAMPLE = "equi doctor --json doctor.json; equi doctor bag drive.mcap"
STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `equi doctor`."""
    parser.add_argument("what", nargs="?", choices=["bag"], help="check a recording instead")
    parser.add_argument("file", nargs="?", type=Path, help="bag, or EuRoC folder")
    parser.add_argument("--calibration", type=Path, help="Kalibr file or EuRoC folder")
    parser.add_argument("--seconds", type=float, default=10.0, help="of the recording (10)")


def run(arguments: argparse.Namespace) -> dict:
    """Check everything and show the table; ``ok`` of the figures is false if a check failed."""
    console = Console()
    if arguments.what:
        return _check_bag(arguments, console)
    with console.status("checking this machine"):
        checks = all_checks()
    console.print(table(checks))
    failed = [check.name for check in checks if check.status == "fail"]
    verdict = f"Not ready: {', '.join(failed)}." if failed else "Ready."
    console.print(verdict, style=STYLES["fail" if failed else "ok"])
    return {"ok": not failed, "checks": [asdict(check) for check in checks]}


def _check_bag(arguments: argparse.Namespace, console: Console) -> dict:
    from equi_nodes.cli.bag_check import check_bag  # the machine may lack what it needs

    if arguments.file is None:
        raise EquiError("equi doctor bag needs a FILE: see equi doctor --help.")
    return check_bag(arguments.file, arguments.calibration, arguments.seconds, console)


def table(checks: list[Check]) -> Table:
    """Return the rows as a table: name, status, what was found, the fix."""
    grid = Table("", "", "found", "fix", box=None, pad_edge=False)
    for check in checks:
        status = f"[{STYLES[check.status]}]{check.status}[/]"
        grid.add_row(check.name, status, escape(check.found), escape(check.fix))
    return grid
