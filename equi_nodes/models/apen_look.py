"""A look at each cell in its frame, where vectors are plain numbers: a usual network of points.

All of it sees one cell at a time, so that cells may move on their own. Letters: B clouds, N points,
R guesses, W width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from equi_nodes.models.apen_around import PLACE, Around, waves
from equi_nodes.models.apen_figure import Figure
from equi_nodes.models.apen_layers import Architecture, mean_of
from equi_nodes.models.apen_levels import Pieces


class Looked(NamedTuple):
    """What a look tells of points.

    Attributes:
        features: (B, N, W), which no motion of a cell changes.
        logits: (B, N, labels), likewise.
        axes: (B, N, 3, 2) where forward and up of their cell point after all.
        rest: (R, B, N, 3) metres, where they lie on the figure at rest, better each time.
    """

    features: Tensor
    logits: Tensor
    axes: Tensor
    rest: Tensor


class InFrames(nn.Module):
    """Labels of points by where they are in the frame of their cell, and what is around them.

    Of the other cells a point knows a mean of numbers that no motion of a part changes.
    """

    def __init__(self, a: Architecture, scale: float):
        super().__init__()
        self.scale = scale
        self.enter = nn.Linear(PLACE, a.width)
        self.see = (Figure if a.figure else Pieces)(a, scale)
        self.label = nn.Sequential(
            nn.Linear(2 * a.width + PLACE, 2 * a.width),
            nn.ReLU(),
            nn.Linear(2 * a.width, a.labels),
        )
        self.aim = nn.Linear(a.width, 3 * 2)
        nn.init.zeros_(self.aim.weight)  # at first a look leaves frames as they are

    def forward(
        self, offsets: Tensor, frames: Tensor, mask: Tensor, around: tuple[Around, ...]
    ) -> Looked:
        """Look at points at offsets (B, N, 3) from the middle of their cell in frames (B, N, 3, 3).

        Args:
            offsets: metres.
            frames: of each point's cell, axes in columns.
            mask: (B, N) bool, the points that are there.
            around: what is close (``apen_around.look_around``).
        """
        own = (offsets[..., None, :] @ frames).squeeze(-2) / self.scale
        place = waves(own)
        points, rest = self.see(self.enter(place), own, frames, around)
        whole = mean_of(points, mask)[:, None].expand_as(points)
        logits = self.label(torch.cat([points, whole, place], -1))
        axes = frames[..., ::2] + frames @ self.aim(points).unflatten(-1, (3, 2))
        return Looked(points, logits, axes, rest * self.scale)
