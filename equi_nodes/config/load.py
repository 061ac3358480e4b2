"""From what a user wrote to a config dataclass: checked, with a reason for every refusal."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from equi_nodes.config.parameter import Parameter, parameters_of
from equi_nodes.errors import EquiError

Config = TypeVar("Config")


def _silent(sentence: str) -> None:
    """Stand for a listener to warnings where unknown keys cannot occur."""


def load(
    config_class: type[Config],
    values: Mapping[str, Any],
    warn: Callable[[str], None] = _silent,
) -> Config:
    """Build a config from a mapping; keys that are missing take their defaults.

    Args:
        config_class: a dataclass whose fields are made by ``parameter``.
        values: value by parameter name.
        warn: called with one sentence for each key that is no parameter.

    Raises:
        EquiError: a value has the wrong type, is out of range or is not a number.
    """
    declared = {known.name: known for known in parameters_of(config_class)}
    for key in values.keys() - declared.keys():
        warn(unknown_key(key, declared))
    known = {name: values[name] for name in declared if name in values}
    for name, value in known.items():
        if reason := refusal(declared[name], value):
            raise EquiError(f"parameter '{name}' = {value!r} is refused: {reason}.")
    return config_class(**{name: _typed(declared[name], value) for name, value in known.items()})


def load_file(config_class: type[Config], path: Path, warn: Callable[[str], None]) -> Config:
    """Build a config from a ROS parameter file, whose values stand under ``/**: ros__parameters``.

    Raises:
        EquiError: the file cannot be read, is no parameter file, or holds a refused value.
    """
    return load(config_class, read_parameter_file(path), warn)


def read_parameter_file(path: Path) -> dict[str, Any]:
    """Return the values of a ROS parameter file by name.

    Raises:
        EquiError: the file cannot be read or has another layout.
    """
    try:
        values = yaml.safe_load(Path(path).read_text())["/**"]["ros__parameters"]
    except OSError as error:
        raise EquiError(f"Cannot read the parameter file {path}: {error.strerror}.") from error
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise EquiError(f"{path} is not a parameter file with /**: ros__parameters.") from error
    if not isinstance(values, dict):
        raise EquiError(f"{path} has no parameters under /**: ros__parameters.")
    return values


def unknown_key(key: str, known: Iterable[str]) -> str:
    """Say that a key is no parameter, and which one was probably meant."""
    close = difflib.get_close_matches(key, list(known), n=1)
    hint = f" Did you mean '{close[0]}'?" if close else ""
    return f"Unknown parameter '{key}' is ignored.{hint}"


def refusal(declared: Parameter, value: Any) -> str:
    """Return why a value cannot be taken, empty if it can."""
    expected = type(declared.default)
    if not _has_type(value, expected):
        return f"it must be a {expected.__name__}, not a {type(value).__name__}"
    if isinstance(value, (int, float)) and not math.isfinite(value):
        return "it must be a finite number"
    if declared.choices and value not in declared.choices:
        return f"it must be {declared.allowed}"
    too_low = declared.low is not None and value < declared.low
    too_high = declared.high is not None and value > declared.high
    return f"it must be {declared.allowed}" if too_low or too_high else ""


def _has_type(value: Any, expected: type) -> bool:
    """Take a whole number for a float as well, but never a bool for a number."""
    if isinstance(value, bool) or expected is bool:
        return type(value) is expected
    return isinstance(value, (int, float) if expected is float else expected)


def _typed(declared: Parameter, value: Any) -> Any:
    """Give a whole number the float type it was declared with."""
    return float(value) if isinstance(declared.default, float) else value
