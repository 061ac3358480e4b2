"""What the files in ``launch/`` share: arguments, and the nodes of a graph as launch actions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode

from equi_nodes.config.graph import Graph, NodeStart, graph_names, read_graph
from equi_nodes.ros.process import dds_environment
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

USUAL_GRAPH = "predict"
SWITCH = ("true", "false")
LEVELS = ("debug", "info", "warn", "error", "fatal")


def graph_launch() -> LaunchDescription:
    """Describe a launch of any graph, chosen by the argument ``graph``."""
    names = graph_names()
    choice = DeclareLaunchArgument(
        "graph", default_value=USUAL_GRAPH, choices=names, description="which nodes to start"
    )
    return LaunchDescription([choice, *_arguments(), OpaqueFunction(function=_start_graph)])


def node_launch(executable: str) -> LaunchDescription:
    """Describe a launch of the one node of a program, with the topics of the graph it is in."""

    def start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
        return _start(_graph_of(executable), context)

    return LaunchDescription([*_arguments(), OpaqueFunction(function=start)])


def _arguments() -> list[DeclareLaunchArgument]:
    """Declare what every launch file takes; an argument wins over the parameter file."""

    def argument(name: str, default: str, text: str, choices: tuple[str, ...] | None = None):
        return DeclareLaunchArgument(
            name, default_value=default, description=text, choices=choices and list(choices)
        )

    return [
        argument("namespace", "", "namespace of all nodes"),
        argument("use_sim_time", "false", "take the time from /clock", SWITCH),
        argument("params_file", "", "a parameter file in place of the shipped ones"),
        argument("log_level", "info", "of all nodes", LEVELS),
        argument("autostart", "true", "configure and activate without a manager", SWITCH),
        argument(
            "dds_profile", "auto", "auto: shared memory large enough for clouds", ("auto", "none")
        ),
    ]


def _graph_of(executable: str) -> Graph:
    """Return the smallest graph with a node of a program, reduced to that node."""
    graphs = sorted(map(read_graph, graph_names()), key=lambda graph: len(graph.nodes))
    for graph in graphs:
        nodes = tuple(node for node in graph.nodes if node.executable == executable)
        if nodes:
            return replace(graph, nodes=nodes[:1])
    raise LookupError(f"No graph has a node of {executable}.")


def _start_graph(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    return _start(read_graph(LaunchConfiguration("graph").perform(context)), context)


def _start(graph: Graph, context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """Return the actions that start the nodes of a graph with the launch's arguments."""

    def value(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    graph = graph.with_parameters(
        {
            "use_sim_time": value("use_sim_time") == "true",
            "autostart": value("autostart") == "true",
        }
    )
    if own := value("params_file"):
        nodes = (replace(node, parameter_file=Path(own)) for node in graph.nodes)
        graph = replace(graph, nodes=tuple(nodes))
    environment = dds_environment(value("dds_profile")).items()
    return [
        *(SetEnvironmentVariable(name, path) for name, path in environment),
        *(_action(node, value("namespace"), value("log_level")) for node in graph.nodes),
    ]


def _action(node: NodeStart, namespace: str, log_level: str) -> LifecycleNode:
    """Return the launch action of one node."""
    return LifecycleNode(
        package="equi_nodes",
        executable=f"{node.executable}_node",
        name=node.name,
        namespace=namespace,
        parameters=[str(node.parameter_file), node.parameters],
        remappings=list(node.remap.items()),
        ros_arguments=["--log-level", f"{node.name}:={log_level}"],
        output="screen",
        emulate_tty=True,
    )
