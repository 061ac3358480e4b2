"""The live table of `equi demo`: how each node does, and how far the robot is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

STYLES = ("green", "yellow", "red")
LONGEST_MESSAGE = 60  # characters


def live_view(record: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> Group:
    """Return what is shown while the demo runs.

    Args:
        record: what the simulation says of the run, empty before it does.
        rows: by node ``state``, ``level``, ``rate_hz``, ``p50``, ``p99``, ``cpu``, ``rss_mb`` and
            ``message``.
    """
    table = Table("node", "state", "Hz", "p50 ms", "p99 ms", "CPU", "MB", "", box=None,
                  header_style="dim", pad_edge=False)  # fmt: skip
    for column in table.columns[2:7]:
        column.justify = "right"
    for name, row in rows.items():
        message = row["message"] if row["level"] else ""
        table.add_row(
            name,
            Text(row["state"] or "starting", STYLES[row["level"]]),
            *(_digits(row[key], 1) for key in ("rate_hz", "p50", "p99")),
            _digits(row["cpu"], 2),
            _digits(row["rss_mb"], 0),
            Text(message[:LONGEST_MESSAGE], "dim"),
        )
    return Group(Text(progress_line(record), "bold"), table)


def progress_line(record: Mapping[str, Any]) -> str:
    """Return in one line how far the robot is."""
    if not record:
        return "starting the nodes"
    nearest, factor = record["nearest_person_m"], record["real_time_factor"]
    return (
        f"{record['state']}: {record['seconds']:.1f} of {record['time_limit']:.0f} s simulated at "
        f"{'-' if factor is None else f'{factor:.2f}x'}, "
        f"goal {record['goal']} of {len(record['goals'])}, "
        f"{len(record['collisions'])} collisions, nearest person "
        f"{'-' if nearest is None else f'{nearest:.2f} m'}"
    )


def _digits(value: float, digits: int) -> str:
    """Return a number for the table, a dash where it is not known."""
    return "-" if math.isnan(value) else f"{value:.{digits}f}"
