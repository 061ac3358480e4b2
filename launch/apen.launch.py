"""Start the finding of parts alone: ros2 launch equi_nodes apen.launch.py."""

from equi_nodes.ros.launching import node_launch
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the node."""
    return node_launch("apen")
