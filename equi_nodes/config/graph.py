"""One YAML file describes a graph of nodes; everything that starts nodes reads it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from equi_nodes.config.paths import share_dir
from equi_nodes.errors import EquiError


@dataclass(frozen=True)
class NodeStart:
    """All that is needed to start one node.

    Attributes:
        name: name of the node in its namespace.
        executable: which program, ``equi_nodes.nodes.<executable>`` or ``<executable>_node``.
        parameter_file: file that holds its parameters.
        remap: topic in the graph by topic of the node.
        parameters: values that win over those of the file.
    """

    name: str
    executable: str
    parameter_file: Path
    remap: dict[str, str]
    parameters: dict[str, Any] = field(default_factory=dict)

    def ros_arguments(self, namespace: str = "", log_level: str = "info") -> list[str]:
        """Return the ``--ros-args`` that give a process this node's name, topics, parameters."""
        rules = {"__node": self.name, "__ns": "/" + namespace.strip("/"), **self.remap}
        arguments = ["--ros-args", "--params-file", str(self.parameter_file)]
        for old, new in rules.items():
            arguments += ["-r", f"{old}:={new}"]
        for key, value in self.parameters.items():
            arguments += ["-p", f"{key}:={_scalar(value)}"]
        return arguments + ["--log-level", f"{self.name}:={log_level}"]


@dataclass(frozen=True)
class RecordedTopic:
    """A topic that belongs into the recording of a graph.

    Attributes:
        name: of the topic in the graph.
        type: of its messages, "package/msg/Name".
        period: seconds of the clock; of messages that come faster some are left out.
        latched: the last message is kept for late readers.
    """

    name: str
    type: str
    period: float = 0.0
    latched: bool = False


@dataclass(frozen=True)
class Graph:
    """Nodes that are started together, and what is recorded where somebody records."""

    name: str
    description: str
    nodes: tuple[NodeStart, ...]
    record: tuple[RecordedTopic, ...] = ()

    def node(self, name: str) -> NodeStart:
        """Return the node of a name."""
        return next(node for node in self.nodes if node.name == name)

    def with_parameters(self, values: Mapping[str, Any]) -> Graph:
        """Return the graph with values given to every node, as ``use_sim_time`` is."""
        nodes = (replace(node, parameters=node.parameters | dict(values)) for node in self.nodes)
        return replace(self, nodes=tuple(nodes))

    def with_settings(self, settings: list[str]) -> Graph:
        """Return the graph with settings of the form ``node.parameter=value`` applied.

        Raises:
            EquiError: a setting has another form or names a node that the graph lacks.
        """
        nodes = {node.name: node for node in self.nodes}
        for setting in settings:
            target, separator, value = setting.partition("=")
            name, dot, key = target.partition(".")
            if not (separator and dot and key):
                raise EquiError(f"'{setting}' is not of the form node.parameter=value.")
            if name not in nodes:
                raise EquiError(f"No node '{name}' in graph {self.name}: it has {_list(nodes)}.")
            known = nodes[name].parameters
            nodes[name] = replace(nodes[name], parameters=known | {key: yaml.safe_load(value)})
        return replace(self, nodes=tuple(nodes.values()))


def graph_names() -> list[str]:
    """Return the names of the graphs that are shipped."""
    return sorted(path.stem for path in (share_dir() / "config" / "graphs").glob("*.yaml"))


def read_graph(name: str) -> Graph:
    """Read a shipped graph by name, or any graph by the path of its file.

    Raises:
        EquiError: there is no such graph, or its file is malformed.
    """
    path = _graph_path(name)
    try:
        content = yaml.safe_load(path.read_text())
        nodes = tuple(_node(key, value) for key, value in _entries(content).items())
        record = (RecordedTopic(k, **v) for k, v in content.get("record", {}).items())
        return Graph(content["name"], content["description"], nodes, tuple(record))
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise EquiError(f"{path} is not a graph: {error}.") from error


def _graph_path(name: str) -> Path:
    """Return the file of a graph that is given by its name or path."""
    path = Path(name) if name.endswith(".yaml") else share_dir() / f"config/graphs/{name}.yaml"
    if not path.is_file():
        raise EquiError(f"There is no graph '{name}': choose one of {_list(graph_names())}.")
    return path


def _entries(content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the entries of all nodes: those of the graphs that are included, then its own.

    An entry of a node that is included changes what it says and keeps the rest.
    """
    entries: dict[str, dict[str, Any]] = {}
    for name in content.get("include", ()):
        entries |= _entries(yaml.safe_load(_graph_path(name).read_text()))
    for name, entry in content["nodes"].items() if "nodes" in content else ():
        entries[name] = entries.get(name, {}) | entry
    if not entries:
        raise KeyError("nodes")
    return entries


def _node(name: str, entry: Mapping[str, Any]) -> NodeStart:
    """Read one node of a graph; its parameter file is one of ``config/nodes``."""
    path = share_dir() / "config" / "nodes" / entry["parameters"]
    return NodeStart(name, entry["executable"], path, dict(entry.get("remap", {})))


def _scalar(value: Any) -> str:
    """Write one value as the ``-p`` argument reads it: YAML on one line."""
    style = '"' if isinstance(value, str) else None
    return yaml.safe_dump(value, default_flow_style=True, default_style=style).split("\n")[0]


def _list(names: Any) -> str:
    """Join names for a sentence."""
    return ", ".join(names) or "none"
