"""ROS parameters from config dataclasses: declared, described, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from equi_nodes.config.load import load, refusal, unknown_key
from equi_nodes.config.parameter import Parameter, parameters_of

Config = TypeVar("Config")
STANDARD = ("use_sim_time", "start_type_description_service", "qos_overrides")


class NodeParameters:
    """The parameters of a node as the config dataclasses they are declared in."""

    def __init__(self, node: Node, *config_classes: type, parts: Mapping[str, type] = {}) -> None:
        """Declare all parameters with the values the user gave at start.

        A name that is no parameter is logged as a warning with the nearest one that is.

        Args:
            node: whose parameters they are.
            config_classes: dataclasses whose fields are parameters.
            parts: further ones, whose parameters are called ``part.field``.

        Raises:
            EquiError: a given value is refused.
        """
        self._prefixes = dict.fromkeys(config_classes, "")
        self._prefixes |= {config: f"{part}." for part, config in parts.items()}
        self._declared = {
            prefix + known.name: known
            for config, prefix in self._prefixes.items()
            for known in parameters_of(config)
        }
        # rclpy shows its overrides nowhere else, and a misspelt name must not go unnoticed
        given = {name: value.value for name, value in node._parameter_overrides.items()}
        for name in given:
            if name not in self._declared and name.split(".")[0] not in STANDARD:
                node.get_logger().warning(unknown_key(name, self._declared))
        self._configs = {
            config: load(config, _own(config, prefix, given))
            for config, prefix in self._prefixes.items()
        }
        for config_class, config in self._configs.items():
            prefix = self._prefixes[config_class]
            for declared in parameters_of(config_class):
                value = getattr(config, declared.name)
                node.declare_parameter(prefix + declared.name, value, _descriptor(declared), True)
        node.add_on_set_parameters_callback(self._on_set)

    def config(self, config_class: type[Config]) -> Config:
        """Return the current values of one dataclass."""
        return self._configs[config_class]

    def _on_set(self, changes: list[RosParameter]) -> SetParametersResult:
        """Take all changes or none; a refusal says why."""
        ours = {change.name: change.value for change in changes if change.name in self._declared}
        for name, value in ours.items():
            if reason := refusal(self._declared[name], value):
                reason = f"parameter '{name}' = {value!r} is refused: {reason}"
                return SetParametersResult(successful=False, reason=reason)
        # rclpy has checked types and read-only before, so nothing refuses after this point
        for config_class, config in self._configs.items():
            own = _own(config_class, self._prefixes[config_class], ours)
            self._configs[config_class] = replace(config, **own)
        return SetParametersResult(successful=True)


def _own(config_class: type, prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of those parameters that a dataclass declares."""
    names = [declared.name for declared in parameters_of(config_class)]
    return {name: values[prefix + name] for name in names if prefix + name in values}


def _descriptor(declared: Parameter) -> ParameterDescriptor:
    """Describe a parameter to ROS tools."""
    unit = f" [{declared.unit}]" if declared.unit else ""
    descriptor = ParameterDescriptor(
        description=declared.doc + unit,
        read_only=declared.read_only,
        additional_constraints=declared.allowed,
    )
    if declared.low is not None and declared.high is not None:
        if isinstance(declared.default, float):
            bounds = FloatingPointRange(from_value=declared.low, to_value=declared.high)
            descriptor.floating_point_range = [bounds]
        else:
            bounds = IntegerRange(from_value=int(declared.low), to_value=int(declared.high))
            descriptor.integer_range = [bounds]
    return descriptor
