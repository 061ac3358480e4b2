"""Linear layers for stacked heads: invariants, vector channels, and pairs of agents.

All tensors carry the heads first, (H, ..., features); H = 1 broadcasts to the heads of the layer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from equi_nodes.geometry.neighbours import gather


class HeadLinear(nn.Module):
    """One linear map per head over the last axis: (1 or H, ..., I) to (H, ..., O)."""

    def __init__(self, heads: int, inputs: int, outputs: int, bias: bool = True):
        super().__init__()
        bound = inputs**-0.5
        self.weight = nn.Parameter(torch.empty(heads, inputs, outputs).uniform_(-bound, bound))
        offset = torch.empty(heads, outputs).uniform_(-bound, bound) if bias else None
        self.bias = None if offset is None else nn.Parameter(offset)

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis."""
        y = apply(x, self.weight)
        return y if self.bias is None else y + along_heads(self.bias, y)


class ChannelLinear(HeadLinear):
    """A linear map over the channels of vectors (H, ..., d, C), equivariant since it has no bias.

    The chiral form also mixes in every vector turned by 90 degrees, which commutes with rotations
    of the plane but not with reflections.
    """

    def __init__(self, heads: int, inputs: int, outputs: int, chiral: bool):
        super().__init__(heads, inputs * (2 if chiral else 1), outputs, bias=False)
        self.chiral = chiral

    def forward(self, vectors: Tensor) -> Tensor:
        """Mix the channels."""
        if self.chiral:
            x, y = vectors.unbind(-2)
            vectors = torch.cat([vectors, torch.stack([-y, x], -2)], -1)
        return super().forward(vectors)


class PairLinear(nn.Module):
    """A linear map of [h_i; h_j; e_ij] whose parts of one agent are computed once an agent."""

    def __init__(self, heads: int, width: int, edge: int, outputs: int):
        super().__init__()
        self.joint = HeadLinear(heads, 2 * width + edge, outputs)
        self.parts = (width, width, edge)

    def forward(self, pattern: Tensor, edges: Tensor, index: Tensor) -> Tensor:
        """Map pattern (H, B, A, D) and edges (H, B, A, M, E) to (H, B, A, M, O)."""
        receiver, sender, edge = self.joint.weight.split(self.parts, 1)
        own = apply(pattern, receiver)
        own = own + along_heads(self.joint.bias, own)
        return own[..., None, :] + gather(apply(pattern, sender), index) + apply(edges, edge)


class Mlp(nn.Sequential):
    """Linear, SiLU, linear, and a last SiLU unless told otherwise."""

    def __init__(self, heads: int, inputs: int, hidden: int, outputs: int, activate: bool = True):
        layers = [HeadLinear(heads, inputs, hidden), nn.SiLU(), HeadLinear(heads, hidden, outputs)]
        super().__init__(*layers, *([nn.SiLU()] if activate else []))


def apply(x: Tensor, weight: Tensor) -> Tensor:
    """Multiply the last axis of (1 or H, ..., I) by the head's matrix of (H, I, O)."""
    return (x.flatten(1, -2) @ weight).unflatten(1, x.shape[1:-1])


def along_heads(bias: Tensor, like: Tensor) -> Tensor:
    """View a bias (H, O) so that it adds to ``like`` (H, ..., O)."""
    return bias.view(bias.shape[0], *[1] * (like.dim() - 2), bias.shape[1])


def dct_matrix(size: int) -> Tensor:
    """Return the orthonormal DCT-II matrix, (frequency, time)."""
    time = torch.arange(size, dtype=torch.float64) + 0.5
    matrix = torch.cos(torch.pi / size * torch.arange(size)[:, None] * time) * (2 / size) ** 0.5
    matrix[0] = size**-0.5
    return matrix
