"""Check the machine: what is there, what is missing, and the exact fix."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from equi_nodes.cli.checks import Check, all_checks

HELP = "Check this machine and name the fix for what is missing."
EXAMPLE = "equi doctor --json doctor.json"
STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `equi doctor`: it has none."""


def run(arguments: argparse.Namespace) -> dict:
    """Check everything and show the table; ``ok`` of the figures is false if a check failed."""
    console = Console()
    with console.status("checking this machine"):
        checks = all_checks()
    console.print(table(checks))
    failed = [check.name for check in checks if check.status == "fail"]
    verdict = f"Not ready: {', '.join(failed)}." if failed else "Ready."
    console.print(verdict, style=STYLES["fail" if failed else "ok"])
    return {"ok": not failed, "checks": [asdict(check) for check in checks]}


def table(checks: list[Check]) -> Table:
    """Return the rows as a table: name, status, what was found, the fix."""
    grid = Table("", "", "found", "fix", box=None, pad_edge=False)
    for check in checks:
        status = f"[{STYLES[check.status]}]{check.status}[/]"
        grid.add_row(check.name, status, escape(check.found), escape(check.fix))
    return grid
