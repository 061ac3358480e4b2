"""Pictures of fitted bodies over the points that they were fitted to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from equi_nodes.evaluation.cloud_axes import show_whole

COLUMNS = 5
SKIN, POINTS = (0.55, 0.65, 0.85, 0.35), (0.8, 0.2, 0.1)
MOST = 600  # points drawn of a person


class Picture(NamedTuple):
    """One body on its points.

    Attributes:
        points: (N, 3) metres.
        vertices: (V, 3) metres.
        faces: (F, 3).
        upright: (3, 3) the true turn of the pelvis, so that all are drawn standing.
        title: what stands above.
    """

    points: np.ndarray
    vertices: np.ndarray
    faces: np.ndarray
    upright: np.ndarray
    title: str


def save_pictures(path: Path, pictures: Sequence[Picture]) -> None:
    """Draw all bodies side by side, each from its left front."""
    rows = -(-len(pictures) // COLUMNS)
    figure = Figure(figsize=(3 * COLUMNS, 3.6 * rows), layout="constrained")
    for number, picture in enumerate(pictures):
        axes = figure.add_subplot(rows, COLUMNS, number + 1, projection="3d")
        _draw(axes, picture)
    figure.savefig(path, dpi=110)


def _draw(axes: object, picture: Picture) -> None:
    middle = picture.points.mean(0)
    points, skin = ((part - middle) @ picture.upright for part in picture[:2])
    triangles = Poly3DCollection(skin[picture.faces], facecolors=SKIN, shade=True)
    axes.add_collection3d(triangles)
    axes.scatter(*points[:: 1 + len(points) // MOST].T, s=1.5, color=POINTS)
    show_whole(axes, points, picture.title)
