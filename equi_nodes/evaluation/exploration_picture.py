"""Trips drawn on the whole map: where the robot went with the network, and where without."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot as plt

from equi_nodes.evaluation.exploration import Building, Episode
from equi_nodes.planning import grid

MARGIN = 15  # cells around the tracks that are shown
OURS, BASELINE = "#d1495b", "#30638e"


def draw_trips(path: Path, drawn: list[tuple[Building, Episode, Episode]]) -> None:
    """Write a picture with one panel a trip.

    Args:
        path: of the PNG file.
        drawn: the building, the trip with the network and the one without.
    """
    figure, axes = plt.subplots(1, len(drawn), figsize=(5.5 * len(drawn), 5), squeeze=False)
    for axis, (building, ours, baseline) in zip(axes[0], drawn):
        _draw(axis, building, ours, baseline)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def _draw(axis: plt.Axes, building: Building, ours: Episode, baseline: Episode) -> None:
    axis.imshow(building.states == grid.OCCUPIED, cmap="Greys", origin="lower", vmax=1.6)
    for episode, color, name in (
        (baseline, BASELINE, "unknown is free"),
        (ours, OURS, "network"),
    ):
        rows, columns = episode.track.T - 0.5
        label = f"{name}: {episode.travelled:.0f} m"
        axis.plot(columns, rows, color=color, lw=1.6, alpha=0.85, label=label)
    (row, column), (to_row, to_column) = ours.track[0] - 0.5, ours.track[-1] - 0.5
    axis.plot(column, row, "o", color="black", ms=6)
    axis.plot(to_column, to_row, "*", color="#2a9d3f", ms=14)
    both = np.concatenate([ours.track, baseline.track])
    (low, left), (high, right) = both.min(0) - MARGIN, both.max(0) + MARGIN
    height, width = building.states.shape
    axis.set_xlim(max(left, 0), min(right, width))
    axis.set_ylim(max(low, 0), min(high, height))
    axis.set_title(f"{building.name}, with the whole map {ours.shortest:.0f} m", fontsize=10)
    axis.legend(loc="best", fontsize=9)
    axis.set_xticks([])
    axis.set_yticks([])
