"""How clouds of points are shown in a picture."""

from __future__ import annotations

import numpy as np


def show_whole(axes: object, points: np.ndarray, title: str) -> None:
    """Show all of points (N, 3) around the origin, z up, from their left front."""
    reach = np.abs(points).max()
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-reach, reach))
    axes.set_box_aspect((1, 1, 1), zoom=1.5)
    axes.view_init(15, 35)
    axes.set_axis_off()
    axes.set_title(title, fontsize=9)
