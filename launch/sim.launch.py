"""Start the simulated world alone: ros2 launch equi_nodes sim.launch.py.

With all the nodes that drive its robot: ros2 launch equi_nodes bringup.launch.py graph:=demo
use_sim_time:=true
"""

from equi_nodes.ros.launching import node_launch
from launch import LaunchDescription


def generate_launch_description() -> LaunchDescription:
    """Return the arguments and the node."""
    return node_launch("sim")
