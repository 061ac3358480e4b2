"""The planning network behind an encoder of what cameras around each node see."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import elu

from equi_nodes.models.e2_planner import Architecture, E2Planner, Scores

WINDOW, STRIDE = 4, 2  # columns


class StripEncoder(nn.Module):
    """Encode strips of pixels (..., W, C) to (..., outputs), with shared weights.

    Args:
        columns, channels: W and C.
        outputs: numbers a strip.
        hidden: numbers a window of columns.
    """

    def __init__(self, columns: int, channels: int, outputs: int, hidden: int = 8):
        super().__init__()
        windows = (columns - WINDOW) // STRIDE + 1
        self.window = nn.Linear(WINDOW * channels, hidden)
        self.strip = nn.Linear(windows * hidden, outputs)

    def forward(self, strips: Tensor) -> Tensor:
        """Encode strips of numbers of order one."""
        windows = strips.unfold(-2, WINDOW, STRIDE).flatten(-2)
        return elu(self.strip(elu(self.window(windows)).flatten(-2)))


class SeeingPlanner(nn.Module):
    """Plan on graphs at whose nodes K cameras look around, view k into direction 2 pi k / K."""

    def __init__(self, architecture: Architecture, columns: int, channels: int = 3):
        super().__init__()
        self.encode = StripEncoder(columns, channels, architecture.view_width)
        self.planner = E2Planner(architecture)

    def forward(self, scalars: Tensor, images: Tensor, *graph: Tensor | int | None) -> Scores:
        """Plan with images (B, N, K, W, C) of 0..255; the rest is that of ``E2Planner``."""
        views = self.encode(images.to(scalars.dtype) / 255 - 0.5)
        return self.planner(scalars, None, views, *graph)
