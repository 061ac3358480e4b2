"""Start the nodes of a graph: ros2 launch equi_nodes bringup.launch.py graph:=predict."""

from equi_nodes.ros.launching import graph_launch
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and nodes."""
    return graph_launch()
