"""Runs at every start of the environment's Python: lets ROS find what is installed there.

The ROS wheels restart the interpreter once with their libraries on LD_LIBRARY_PATH, unless a
variable says that this was done. A child of another environment inherits that variable
wrongly, so it is dropped here; this file's name sorts before that of the wheels' own hook.
"""

import os
import sys


def complete_environment() -> None:
    """Add this environment to the ament index and let the wheels' hook run where it must."""
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    if sys.prefix not in prefixes:
        os.environ["AMENT_PREFIX_PATH"] = os.pathsep.join([*prefixes, sys.prefix])
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    if os.path.join(sys.prefix, "lib") not in libraries:
        os.environ.pop("_ROS_WHEELS_BOOTSTRAP_COMPLETE", None)


complete_environment()
