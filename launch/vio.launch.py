"""Start the odometry alone: ros2 launch equi_nodes vio.launch.py.

For a known sensor: ros2 launch equi_nodes bringup.launch.py graph:=vio_realsense (or vio_zed,
vio_euroc).
"""

from equi_nodes.ros.launching import node_launch
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the node."""
    return node_launch("vio")
