"""The picture of how policies fare in map frames turned by all angles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.figure import Figure

from equi_nodes.evaluation.figures import BLUE, GREY, INK, STYLE, TRUTH

COLOURS = {"D4": BLUE, "D8": INK, "plain": TRUTH, "plain_augmented": "#e0a030"}
LABELS = {"plain": "plain", "plain_augmented": "plain, turned in training"}


def draw_turns(
    turns: Sequence[float], sizes: Sequence[int], curves: Mapping[str, Mapping[str, Sequence]]
) -> Figure:
    """Draw SPL over the turn of the frame, one panel a training size.

    Args:
        turns: degrees.
        sizes: numbers of training buildings.
        curves: SPL in 0..1 by network, then by size, one a turn.
    """
    with rc_context(STYLE):
        figure = Figure(figsize=(3.4 * len(sizes), 3.0), layout="constrained")
        panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
        for panel, size in zip(panels, sizes):
            for name, by_size in curves.items():
                closed = np.append(by_size[str(size)], by_size[str(size)][0])
                label = LABELS.get(name, name)
                panel.plot([*turns, 360], 100 * closed, color=COLOURS.get(name, GREY), label=label)
            panel.set(title=f"{size} buildings", xlabel="turn of the map frame, degrees")
            panel.set_xticks(range(0, 361, 90))
        panels[0].set_ylabel("SPL, %")
        panels[-1].legend(loc="best", fontsize=8)
    return figure
