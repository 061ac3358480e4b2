"""Declaring one parameter: its default, unit, range and meaning in one place."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def parameter(
    default: Any,
    doc: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    read_only: bool = True,
) -> Any:
    """Return a dataclass field that carries all a user needs to know of a parameter.

    Args:
        default: the value used when the user gives none; it also fixes the type.
        doc: one sentence, shown by ROS tools, in the YAML and in the README.
        unit: SI unit, empty for a pure number or text.
        low, high: inclusive bounds of a number.
        choices: allowed values of a text.
        read_only: the node must be restarted for a new value to count.
    """
    metadata = {"doc": doc, "unit": unit, "low": low, "high": high}
    return field(default=default, metadata=metadata | {"choices": choices, "read_only": read_only})
