"""Where the shipped graphs, parameter files and profiles are."""

from __future__ import annotations

import os
from pathlib import Path

from equi_nodes.errors import EquiError


def share_dir() -> Path:
    """Return the folder that holds ``config/`` and ``launch/``.

    It is the checkout where the package runs from one, else the share folder of the installed
    ROS package.

    Raises:
        EquiError: neither exists.
    """
    checkout = Path(__file__).resolve().parents[2]
    prefixes = os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    installed = [Path(prefix) / "share" / "equi_nodes" for prefix in prefixes if prefix]
    for candidate in (checkout, *installed):
        if (candidate / "config" / "graphs").is_dir():
            return candidate
    raise EquiError("The folder config/graphs was not found: source the workspace's setup file.")
