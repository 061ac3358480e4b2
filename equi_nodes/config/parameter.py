"""Declaring one parameter: its default, unit, range and meaning in one place."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
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


@dataclass(frozen=True)
class Parameter:
    """What was declared of one parameter; the attributes are the arguments of ``parameter``."""

    name: str
    default: Any
    doc: str
    unit: str
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    read_only: bool

    @property
    def allowed(self) -> str:
        """Say in words which values are accepted, empty if all of the type are."""
        unit = f" {self.unit}" if self.unit else ""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.low is not None and self.high is not None:
            return f"{self.low} to {self.high}{unit}"
        if self.low is not None:
            return f"{self.low}{unit} or more"
        return f"at most {self.high}{unit}" if self.high is not None else ""


def parameters_of(*config_classes: type) -> tuple[Parameter, ...]:
    """List the parameters that config dataclasses declare, in the order of declaration."""
    return tuple(
        Parameter(name=declared.name, default=declared.default, **declared.metadata)
        for config_class in config_classes
        for declared in fields(config_class)
    )
