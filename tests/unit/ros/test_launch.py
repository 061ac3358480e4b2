"""Promise of the launch files: they start exactly what `equi up` starts from the same graph.

The launch packages are not on PyPI; small stand-ins record what the files ask of them.
"""

from __future__ import annotations

import runpy
import sys
import types
from dataclasses import dataclass, field

import pytest

from equi_nodes.config.graph import read_graph
from equi_nodes.config.paths import share_dir


class Recorded:
    """An action that remembers how it was made."""

    def __init__(self, *args, **kwargs):
        self.args, self.kwargs = args, kwargs


class DeclareLaunchArgument(Recorded):
    """Stands for the action that declares an argument."""


class OpaqueFunction(Recorded):
    """Stands for the action that calls a function at launch."""


class SetEnvironmentVariable(Recorded):
    """Stands for the action that sets a variable."""


class LifecycleNode(Recorded):
    """Stands for the action that starts a node."""


class LaunchConfiguration:
    """Stands for the substitution of an argument's value."""

    def __init__(self, name):
        self.name = name

    def perform(self, context):
        return context.values[self.name]


class LaunchDescription:
    """Stands for the description."""

    def __init__(self, entities):
        self.entities = entities


@dataclass
class Context:
    """Stands for the launch context: values by argument."""

    values: dict[str, str] = field(default_factory=dict)


@pytest.fixture
def launched(monkeypatch):
    """Run a launch file on the stand-ins; return its arguments and the actions it starts."""
    modules = {
        "launch": {
            "LaunchDescription": LaunchDescription,
            "LaunchContext": Context,
            "LaunchDescriptionEntity": Recorded,
        },
        "launch.actions": {
            "DeclareLaunchArgument": DeclareLaunchArgument,
            "OpaqueFunction": OpaqueFunction,
            "SetEnvironmentVariable": SetEnvironmentVariable,
        },
        "launch.substitutions": {"LaunchConfiguration": LaunchConfiguration},
        "launch_ros": {},
        "launch_ros.actions": {"LifecycleNode": LifecycleNode},
    }
    for name, content in modules.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "equi_nodes.ros.launching", raising=False)

    def run(file, **given):
        path = share_dir() / "launch" / file
        description = runpy.run_path(str(path))["generate_launch_description"]()
        declared = [e for e in description.entities if isinstance(e, DeclareLaunchArgument)]
        values = {e.args[0]: e.kwargs["default_value"] for e in declared} | given
        (start,) = (e for e in description.entities if isinstance(e, OpaqueFunction))
        return declared, start.kwargs["function"](Context(values))

    yield run
    sys.modules.pop("equi_nodes.ros.launching", None)


def nodes_of(actions):
    return [a.kwargs for a in actions if isinstance(a, LifecycleNode)]


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("bringup.launch.py", "predict"),
        ("e2_planner.launch.py", "plan"),
        ("eqmotion.launch.py", "predict"),
        ("sim.launch.py", "sim"),
        ("vio.launch.py", "vio"),
    ],
)
def test_the_nodes_are_those_of_the_graph(launched, file, name):
    _, actions = launched(file, namespace="robot1", use_sim_time="true")
    graph = read_graph(name).with_parameters({"use_sim_time": True, "autostart": True})
    assert len(nodes_of(actions)) == len(graph.nodes)
    for launched_node, node in zip(nodes_of(actions), graph.nodes, strict=True):
        assert launched_node["package"] == "equi_nodes"
        assert launched_node["executable"] == f"{node.executable}_node"
        assert launched_node["namespace"] == "robot1"
        assert launched_node["parameters"] == [str(node.parameter_file), node.parameters]
        assert dict(launched_node["remappings"]) == node.remap
        arguments = node.ros_arguments("robot1")
        assert f"__node:={launched_node['name']}" in arguments
        assert launched_node["ros_arguments"] == arguments[-2:]


@pytest.mark.parametrize("file", ["bringup.launch.py", "eqmotion.launch.py"])
def test_arguments_are_described_and_used(launched, tmp_path, file):
    own = str(tmp_path / "own.yaml")
    declared, actions = launched(file, params_file=own, log_level="debug", autostart="false")
    assert all(argument.kwargs["description"] for argument in declared)
    names = {argument.args[0] for argument in declared}
    shared = {"namespace", "use_sim_time", "params_file", "log_level", "autostart", "dds_profile"}
    assert shared <= names
    (node,) = nodes_of(actions)
    assert node["parameters"] == [own, {"use_sim_time": False, "autostart": False}]
    assert node["ros_arguments"] == ["--log-level", "eqmotion:=debug"]


def test_the_profile_is_set_unless_declined(launched):
    _, actions = launched("bringup.launch.py")
    (variable,) = (a for a in actions if isinstance(a, SetEnvironmentVariable))
    assert variable.args[1].endswith("fastdds.xml")
    _, actions = launched("bringup.launch.py", dds_profile="none")
    assert not [a for a in actions if isinstance(a, SetEnvironmentVariable)]
