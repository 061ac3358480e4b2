"""Pictures of labelled clouds, as they truly are and as they were found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from equi_nodes.evaluation.cloud_axes import show_whole

COLUMNS = 5
COLOURS = np.vstack([colormaps["tab20"].colors, colormaps["Set2"].colors])


class LabelledPicture(NamedTuple):
    """One cloud.

    Attributes:
        points: (N, 3) metres, z up.
        true, found: (N,) labels.
        title: what stands above.
    """

    points: np.ndarray
    true: np.ndarray
    found: np.ndarray
    title: str


def save_clouds(path: Path, pictures: Sequence[LabelledPicture]) -> None:
    """Draw all clouds side by side, each with its true labels above those that were found."""
    rows = -(-len(pictures) // COLUMNS)
    figure = Figure(figsize=(3 * COLUMNS, 6 * rows), layout="constrained")
    for number, picture in enumerate(pictures):
        row, column = divmod(number, COLUMNS)
        for below, labels in enumerate((picture.true, picture.found)):
            place = (2 * row + below) * COLUMNS + column + 1
            axes = figure.add_subplot(2 * rows, COLUMNS, place, projection="3d")
            title = f"{picture.title}, {'found' if below else 'true'}"
            _draw(axes, picture.points, labels, title)
    figure.savefig(path, dpi=90)


def _draw(axes: object, points: np.ndarray, labels: np.ndarray, title: str) -> None:
    points = points - points.mean(0)
    axes.scatter(*points.T, s=3, c=COLOURS[labels % len(COLOURS)])
    show_whole(axes, points, title)
