"""A plain point network for bodies, after Qi et al. (PointNet, CVPR 2017): what ours is beside.

It knows nothing of rotations and has to learn every one. About as many parameters as ``arteq``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from equi_nodes.models.arteq import Estimate, Seen, centred, seen_from, told


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network."""

    parts: int = 22
    betas: int = 10
    local: int = 128
    width: int = 320


class PointNet(nn.Module):
    """A map of each point, the largest over all of them, and what follows from both."""

    def __init__(self, architecture: Architecture = Architecture()):
        super().__init__()
        self.architecture = a = architecture
        self.local = nn.Sequential(
            nn.Linear(3, 64), nn.ReLU(), nn.Linear(64, a.local), nn.ReLU(),
            nn.Linear(a.local, a.local), nn.ReLU(),
        )  # fmt: skip
        self.wide = nn.Linear(a.local, a.width)
        self.whole = nn.Sequential(
            nn.Linear(a.width, a.width), nn.ReLU(), nn.Linear(a.width, a.width), nn.ReLU()
        )
        self.body = nn.Linear(a.width, 14 * a.parts + a.betas)
        self.of_point = nn.Linear(a.local, a.local)
        self.of_whole = nn.Linear(a.width, a.local)
        self.point = nn.Sequential(
            nn.ReLU(), nn.Linear(a.local, a.local), nn.ReLU(), nn.Linear(a.local, a.parts + 5)
        )

    def forward(self, points: Tensor, mask: Tensor) -> Estimate:
        """Return poses and shapes of points (B, N, 3), metres, and a mask (B, N)."""
        points, middle = centred(points, mask)
        return told(self.look(points, mask), middle)

    def look(self, points: Tensor, mask: Tensor) -> Seen:
        """Return what is seen of points around their middle."""
        local = self.local(points)
        most = self.wide(local).masked_fill(~mask[..., None], -10.0).amax(1)
        whole = self.whole(most)
        of_points = self.point(self.of_point(local) + self.of_whole(whole)[:, None])
        body = self.body(whole)
        parts, betas = body.split([14 * self.architecture.parts, self.architecture.betas], -1)
        return seen_from(of_points, parts.unflatten(-1, (-1, 14)), betas)

    def example_inputs(self, people: int = 2, points: int = 120) -> tuple[Tensor, Tensor]:
        """Return points and a mask of the right shapes."""
        draw = torch.Generator().manual_seed(0)
        cloud = 0.4 * torch.randn(people, points, 3, generator=draw)
        return cloud, torch.arange(points).expand(people, -1) < points - 5
