"""Linear maps between features that a finite group of the plane turns and mirrors.

A feature is a stack of regular fields, (..., F, G) or flat (..., F * G): an element g of the group
takes the number at h to g h. Each map here is the complete space of equivariant ones, in closed
form: a dense matrix that repeats few free numbers. With the group C1 every map is an ordinary
dense one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from equi_nodes.geometry.groups import Group, group


@dataclass(frozen=True)
class Inputs:
    """What a map reads, side by side in this order in its last axis.

    Attributes:
        fields: regular fields, G numbers each.
        scalars: numbers that nothing changes.
        vectors: vectors of the plane, 2 numbers each.
        views: directions 2 pi k / K around the node, in each of which something was seen.
        view_width: numbers a view.
        mirrored: a reflection maps view k to view -k and leaves its numbers, as with scans. Images
            are mirrored in themselves: False makes the map exact for rotations alone, and leaves
            to learning what the other elements see.
    """

    fields: int = 0
    scalars: int = 0
    vectors: int = 0
    views: int = 0
    view_width: int = 0
    mirrored: bool = True

    def width(self, size: int) -> int:
        """Return the numbers that are read, for a group of so many elements."""
        own = self.fields * size + self.scalars + 2 * self.vectors
        return own + self.views * self.view_width


class ToRegular(nn.Module):
    """Map ``inputs``, flat in the last axis, to regular fields (..., F * G).

    Args:
        name: the group.
        inputs: what is read.
        outputs: F.
        bias: add a number to each field.
        gain: 2 before a nonlinearity, 1 at an output: the entries of the dense matrix have the
            variance gain / fan-in, He's initialisation of what is really multiplied.
    """

    def __init__(
        self, name: str, inputs: Inputs, outputs: int, bias: bool = True, gain: float = 2.0
    ):
        super().__init__()
        self.outputs, self.size, self._kept = outputs, group(name).size, (None, None)
        self.matrices = torch.from_numpy(group(name).matrices)  # float64 whatever the weights are
        coset, seen = (torch.from_numpy(index) for index in _cosets(group(name), inputs))
        cosets = int(coset.max()) + 1
        for key, index in (("table", torch.from_numpy(group(name).table)),
                           ("coset", coset), ("seen", seen)):  # fmt: skip
            self.register_buffer(key, index, persistent=False)
        scale = (gain / max(inputs.width(self.size), 1)) ** 0.5
        self.fields = _drawn(scale, outputs, inputs.fields, self.size)
        self.scalars = _drawn(scale, outputs, inputs.scalars)
        self.vectors = _drawn(scale, outputs, inputs.vectors, 2)
        self.views = _drawn(scale, outputs, cosets, inputs.views, inputs.view_width)
        self.bias = nn.Parameter(torch.zeros(outputs, cosets)) if bias else None

    def forward(self, features: Tensor) -> Tensor:
        """Map (..., inputs) to (..., F * G)."""
        return linear(features, *self.dense())

    def dense(self) -> tuple[Tensor, Tensor | None]:
        """Return the matrix (F * G, inputs) and the bias (F * G,); kept while nothing learns."""
        if torch.is_grad_enabled() or torch.compiler.is_compiling():
            return self._expanded()
        state = [(part.data_ptr(), part._version, part.dtype) for part in self.parameters()]
        if self._kept[0] != state:
            self._kept = state, self._expanded()
        return self._kept[1]

    def _expanded(self) -> tuple[Tensor, Tensor | None]:
        blocks = []  # (F, G, inputs of a kind)
        if self.fields is not None:
            turned = self.fields.index_select(2, self.table.flatten())
            blocks.append(turned.unflatten(2, self.table.shape).transpose(1, 2).flatten(2))
        if self.scalars is not None:
            blocks.append(self.scalars[:, None].expand(-1, self.size, -1))
        if self.vectors is not None:
            turned = torch.einsum("oue,hde->ohud", self.vectors, self.matrices.to(self.vectors))
            blocks.append(turned.flatten(2))
        if self.views is not None:
            blocks.append(self.views[:, self.coset[:, None], self.seen].flatten(2))
        bias = None if self.bias is None else self.bias.index_select(1, self.coset).flatten()
        return torch.cat(blocks, 2).flatten(0, 1), bias


class ToInvariants(nn.Module):
    """Map regular fields (..., F * G) to numbers that nothing changes: by the mean over the group.

    Args:
        name: the group.
        fields: F.
        outputs: how many numbers.
        largest: read the largest number of each field too.
    """

    def __init__(self, name: str, fields: int, outputs: int, largest: bool = False):
        super().__init__()
        self.fields, self.size, self.largest = fields, group(name).size, largest
        self.map = nn.Linear(fields * (2 if largest else 1), outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Map (..., F * G) to (..., outputs)."""
        stacked = features.unflatten(-1, (self.fields, self.size))
        read = stacked.mean(-1)
        if self.largest:
            read = torch.cat([read, stacked.amax(-1)], -1)
        return self.map(read)


def acted(name: str, element: int, features: Tensor) -> Tensor:
    """Return regular fields (..., F, G) after the group's element has moved the world."""
    return features[..., torch.from_numpy(group(name).table[element])]


def _drawn(scale: float, *shape: int) -> nn.Parameter | None:
    return nn.Parameter(scale * torch.randn(shape)) if all(shape) else None


def _cosets(whole: Group, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Return how each element h = s t reads the views: the coset of t (G,), and s^-1 k (G, K).

    The elements s that permute the views form a subgroup; maps that are equivariant under it are
    free on each of its cosets (what representation theory calls the induced representation).
    """
    if not inputs.views:
        return np.zeros(whole.size, np.int64), np.zeros((whole.size, 0), np.int64)
    moves = whole.view_permutations(inputs.views)
    permutes = (moves[:, 0] >= 0) & (inputs.mirrored | ~whole.mirrors)
    coset, part, first = np.zeros(whole.size, np.int64), np.zeros(whole.size, np.int64), []
    for h in range(whole.size):
        parts = [whole.table[whole.inverse[h], whole.inverse[t]] for t in first]  # s = h t^-1
        found = [permutes[s] for s in parts]
        coset[h] = found.index(True) if any(found) else len(first)
        part[h] = parts[coset[h]] if any(found) else 0
        first += [] if any(found) else [h]
    return coset, moves[whole.inverse[part]]
