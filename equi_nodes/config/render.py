"""From config dataclasses to what users read: the parameter file and the README table."""

from __future__ import annotations

from typing import Any

import yaml

from equi_nodes.config.parameter import Parameter, parameters_of


def parameter_file(title: str, *config_classes: type, **parts: type) -> str:
    """Return a complete, commented ROS parameter file that holds every default.

    Args:
        title: its first line.
        config_classes: dataclasses whose fields are parameters.
        parts: dataclasses by the name that their parameters stand under.
    """
    lines = [f"# {title}", "/**:", "  ros__parameters:", *_entries(4, *config_classes)]
    for part, config_class in parts.items():
        lines += [f"    {part}:", *_entries(6, config_class)]
    return "\n".join(lines) + "\n"


def markdown_table(*config_classes: type, **parts: type) -> str:
    """Return the parameters, those of ``parts`` with its name before, as a markdown table."""
    rows = ["| Parameter | Default | Allowed | Meaning |", "|---|---|---|---|"]
    rows += [_row("", declared) for declared in parameters_of(*config_classes)]
    for part, config_class in parts.items():
        rows += [_row(f"{part}.", declared) for declared in parameters_of(config_class)]
    return "\n".join(rows) + "\n"


def _entries(indent: int, *config_classes: type) -> list[str]:
    """Return the commented lines of parameters in a file."""
    lines = []
    for declared in parameters_of(*config_classes):
        lines += [f"# {remark}" for remark in _remarks(declared)]
        lines.append(f"{declared.name}: {_scalar(declared.default)}")
    return [" " * indent + line for line in lines]


def _row(prefix: str, declared: Parameter) -> str:
    """Return the line of a parameter in a table."""
    default = _scalar(declared.default) + (f" {declared.unit}" if declared.unit else "")
    change = "" if declared.read_only else " May change at run time."
    name = prefix + declared.name
    return f"| `{name}` | {default} | {declared.allowed} | {declared.doc}{change} |"


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
