"""Convolutions over points and over the icosahedral group, and the readout of rotations.

A feature map is (B, N, 60, C). Turning the points by element g permutes its group axis: what was at
a is then at g a. Every layer commutes with that exactly.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equi_nodes.geometry.icosahedral import icosahedral

SIZE, TAPS = 60, 13


class OrbitConvolution(nn.Module):
    """A convolution over points whose 13 kernel points are the origin and the 12 vertices.

    The group only permutes these, so that neighbours are correlated with 13 points, not 60 x 13.

    Args:
        inputs: C of the features that come in.
        outputs: C of those that go out.
        radius: metres, how far neighbours may be; the vertices lie at 0.7 of it.
    """

    def __init__(self, inputs: int, outputs: int, radius: float):
        super().__init__()
        group = icosahedral()
        taps = 0.7 * radius * torch.from_numpy(group.vertices)
        moved = torch.from_numpy(group.moved) + 1
        moved = torch.cat([torch.zeros(SIZE, 1, dtype=torch.int64), moved], 1)
        columns = moved * SIZE + torch.arange(SIZE)[:, None]
        self.taps = torch.cat(
            [taps.new_zeros(1, 3), taps]
        )  # no buffer: float64 whatever the weights
        self.register_buffer("columns", columns.flatten(), False)
        self.spread = 0.5 * radius**2
        self.mix = nn.Linear(TAPS * inputs, outputs)

    def forward(self, offsets: Tensor, weight: Tensor, features: Tensor) -> Tensor:
        """Return (B, M, 60, outputs).

        Args:
            offsets: (B, M, K, 3) metres, from each point to its neighbours.
            weight: (B, M, K) of the neighbours, 0 where there is none.
            features: (B, M, K, 60, inputs) of the neighbours.
        """
        apart = (offsets[..., None, :] - self.taps.to(offsets)).square().sum(-1)
        near = (1 - apart / self.spread).clamp(min=0) * weight[..., None]
        taken = near.transpose(-1, -2) @ features.flatten(-2)  # (B, M, 13, 60 * inputs)
        taken = taken.unflatten(-1, (SIZE, -1)).flatten(2, 3).index_select(2, self.columns)
        return self.mix(taken.unflatten(2, (SIZE, TAPS)).flatten(-2))


class GroupConvolution(nn.Module):
    """A convolution over the group, each element with the 12 that are beside it."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        beside = torch.from_numpy(icosahedral().near)
        self.register_buffer("beside", beside.flatten(), False)
        self.mix = nn.Linear(beside.shape[1] * inputs, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Map (..., 60, inputs) to (..., 60, outputs)."""
        taken = features.index_select(-2, self.beside).unflatten(-2, (SIZE, -1))
        return self.mix(taken.flatten(-2))


def in_frames(points: Tensor) -> Tensor:
    """Return R_a^T x of points x (B, M, 3) for all group elements, (B, M, 60, 3)."""
    matrices = torch.from_numpy(icosahedral().matrices).to(points)
    return (points @ matrices.permute(1, 0, 2).flatten(1)).unflatten(-1, (SIZE, 3))


def to_matrices(votes: Tensor) -> Tensor:
    """Return sum_a w_a R_a, (..., 3, 3), of votes (..., 60); turns with the points.

    With w_a = tr(Q^T R_a) / 20 it is the rotation Q itself, so any rotation can be said exactly.
    """
    matrices = torch.from_numpy(icosahedral().matrices).to(votes)
    return (votes @ matrices.flatten(1)).unflatten(-1, (3, 3))
