"""From config dataclasses to what users read: the parameter file and the README table."""

from __future__ import annotations

from typing import Any

import yaml

from equi_nodes.config.parameter import Parameter, parameters_of


def parameter_file(title: str, *config_classes: type) -> str:
    """Return a complete, commented ROS parameter file that holds every default."""
    lines = [f"# {title}", "/**:", "  ros__parameters:"]
    for declared in parameters_of(*config_classes):
        lines += [f"    # {remark}" for remark in _remarks(declared)]
        lines.append(f"    {declared.name}: {_scalar(declared.default)}")
    return "\n".join(lines) + "\n"


def markdown_table(*config_classes: type) -> str:
    """Return the parameters as a markdown table for a README."""
    rows = ["| Parameter | Default | Allowed | Meaning |", "|---|---|---|---|"]
    for declared in parameters_of(*config_classes):
        default = _scalar(declared.default) + (f" {declared.unit}" if declared.unit else "")
        change = "" if declared.read_only else " May change at run time."
        rows.append(
            f"| `{declared.name}` | {default} | {declared.allowed} | {declared.doc}{change} |"
        )
    return "\n".join(rows) + "\n"


def _remarks(declared: Parameter) -> list[str]:
    """Return the comment lines that stand above a parameter."""
    allowed = declared.allowed or (f"in {declared.unit}" if declared.unit else "")
    change = "" if declared.read_only else "may change at run time"
    facts = "; ".join(fact for fact in (allowed, change) if fact)
    return [declared.doc, f"({facts})"] if facts else [declared.doc]


def _scalar(value: Any) -> str:
    """Write one value as YAML does."""
    style = '"' if isinstance(value, str) else None
    return yaml.safe_dump(value, default_style=style).splitlines()[0]
