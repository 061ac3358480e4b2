"""A window on the simulated world, where there is a screen."""

from __future__ import annotations

import os
import sys

from equi_nodes.errors import EquiError
from equi_nodes.sim.world_model import World

SCREENS = ("DISPLAY", "WAYLAND_DISPLAY")


class Viewer:
    """MuJoCo's own window; the world goes on when it is closed."""

    def __init__(self, world: World) -> None:
        """Open the window.

        Raises:
            EquiError: there is no screen.
        """
        if sys.platform == "linux" and not any(os.environ.get(name) for name in SCREENS):
            raise EquiError("The viewer needs a screen, and DISPLAY is not set: leave it out.")
        from mujoco import viewer  # a window's libraries are needed here alone

        self._handle = viewer.launch_passive(
            world.model, world.data, show_left_ui=False, show_right_ui=False
        )

    def show(self) -> None:
        """Show the world as it is now."""
        if self._handle.is_running():
            self._handle.sync()
