"""Layers on numbers that nothing turns and on vectors that turn with the points."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from equi_nodes.equivariant.invariants import length


class VectorLayer(nn.Module):
    """Map scalars (..., S) and vectors (..., 3, C) to new ones, equivariant under O(3).

    Vectors are mixed without bias and gated by numbers; numbers read lengths and inner products
    of learned vectors. The idea is that of gated equivariant layers (Weiler et al., NeurIPS 2018)
    and vector neurons (Deng et al., ICCV 2021).

    Args:
        scalars, vectors: channels in and out.
    """

    def __init__(self, scalars: tuple[int, int], vectors: tuple[int, int]):
        super().__init__()
        width = vectors[1]
        self.outputs = (scalars[1], width)
        self.probe = nn.Linear(vectors[0], 2 * width, bias=False)
        self.mix = nn.Linear(vectors[0], width, bias=False)
        self.read = nn.Linear(scalars[0] + 3 * width, sum(self.outputs))
        self.norm = nn.LayerNorm(scalars[1])

    def forward(self, scalars: Tensor, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Return scalars (..., S') and vectors (..., 3, C')."""
        probes = self.probe(vectors)
        one, other = probes.chunk(2, -1)
        known = torch.cat([scalars, (one * other).sum(-2), length(probes)], -1)
        new, gates = self.read(known).split(self.outputs, -1)
        mixed = torch.sigmoid(gates)[..., None, :] * self.mix(vectors)
        return silu(self.norm(new)), shortened(mixed)


def shortened(vectors: Tensor) -> Tensor:
    """Return vectors (..., 3, C) whose mean square length stays below one, small ones as is."""
    return vectors * torch.rsqrt(1 + vectors.square().sum(-2, keepdim=True).mean(-1, keepdim=True))
