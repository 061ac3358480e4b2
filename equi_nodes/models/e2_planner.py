"""Value iteration by equivariant message passing on a geometric graph (Zhao et al., RA-L 2024).

Made fit for robots: translation is exact since only differences of positions are read, they are in
units of the graph's mean edge, edges carry numbers of their own, a softmax over edges is the
policy and the number of iterations is free. With the group C1 it is the plain network of the same
form. Letters: B graphs, N nodes, M neighbours, S scalars, U vectors, K views of C numbers, E
numbers of an edge, R readouts. Features are regular fields, flat: (B * N, F * G).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import elu, layer_norm, linear

from equi_nodes.equivariant.steerable import Inputs, ToInvariants, ToRegular
from equi_nodes.geometry.groups import group

MASKED = -1e4  # logit of an edge that is not there


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network and of what it reads."""

    group: str = "D4"
    scalars: int = 1
    vectors: int = 0
    views: int = 0
    view_width: int = 0
    mirrored: bool = True  # views are scans or patches of a map; False: camera images
    edge_scalars: int = 3  # as a rule length, clearance, probability of being free
    fields: int = 8
    value_fields: int = 4
    actions: int = 4  # fields of Q that compete for each field of V
    readouts: int = 2
    iterations: int = 12


def plain_twin(a: Architecture) -> Architecture:
    """Return the same network without symmetry, of about as many parameters."""
    root = group(a.group).size ** 0.5
    wide = {"fields": round(a.fields * root), "value_fields": round(a.value_fields * root)}
    return replace(a, group="C1", **wide)


class Scores(NamedTuple):
    """What the network says of a graph; nothing of it changes when the graph is moved.

    Attributes:
        edges: (B, N, M) logits of going to each neighbour, ``MASKED`` where there is none.
        readouts: (B, N, R).
    """

    edges: Tensor
    readouts: Tensor


class Edges(NamedTuple):
    """The directed edges, flat: (B * N, M).

    Attributes:
        index: (B * N * M,) int64, the neighbour among the B * N nodes.
        weight: (B * N, M, 1), one over the number of neighbours; zero where there is none.
        features: (B * N, M, E + 2), the edge's numbers, then the offset to the neighbour.
    """

    index: Tensor
    weight: Tensor
    features: Tensor

    def gather(self, features: Tensor) -> Tensor:
        """Return the neighbours' rows of (B * N, F), as (B * N, M, F)."""
        return features.index_select(0, self.index).unflatten(0, self.features.shape[:2])

    def mean(self, messages: Tensor) -> Tensor:
        """Return the mean over the neighbours, (B * N, M, F) to (B * N, F)."""
        return (messages * self.weight).sum(1)


class E2Planner(nn.Module):
    """Encode the nodes, iterate values over the graph, score the edges and read the nodes out."""

    def __init__(self, architecture: Architecture = Architecture()):
        super().__init__()
        self.architecture = a = architecture
        seen = Inputs(0, a.scalars, a.vectors, a.views, a.view_width, a.mirrored)
        values, actions = a.value_fields, a.value_fields * a.actions
        self.lift = ToRegular(a.group, seen, a.fields)
        self.encode = MessagePassing(a, a.fields, 0, a.fields)
        self.reward = MessagePassing(a, a.fields, 0, values)
        self.backup = MessagePassing(a, values, values, actions)
        self.score = EdgeScore(a, actions)
        self.read = ToRegular(a.group, Inputs(a.fields + values + actions), a.fields)
        self.readouts = ToInvariants(a.group, a.fields, a.readouts, largest=True)

    def forward(
        self,
        scalars: Tensor,
        vectors: Tensor | None,
        views: Tensor | None,
        positions: Tensor,
        neighbours: Tensor,
        edge_scalars: Tensor,
        mask: Tensor,
        iterations: int | None = None,
    ) -> Scores:
        """Plan on a batch of graphs.

        Args:
            scalars: (B, N, S), of order one.
            vectors: (B, N, U, 2) in the axes of the positions; None where U is 0.
            views: (B, N, K, C), view k looks into direction 2 pi k / K; None where K is 0.
            positions: (B, N, 2) in any unit; take out a far origin in float64 before the call.
            neighbours: (B, N, M) int64 in 0 .. N-1, anything in that range where masked.
            edge_scalars: (B, N, M, E), of order one.
            mask: (B, N, M) bool, the edges that are there.
            iterations: of the values; None takes the architecture's.
        """
        given = [scalars, *(part.flatten(2) for part in (vectors, views) if part is not None)]
        edges = connect(positions, neighbours, edge_scalars, mask)
        features = elu(self.lift(torch.cat(given, -1).flatten(0, 1)))
        features = elu(self.encode(features, edges)())
        reward = self.reward(features, edges)()
        backup = self.backup(reward, edges)
        quality = backup()  # the values start at zero
        for _ in range((iterations or self.architecture.iterations) - 1):
            quality = backup(self._best(quality))
        read = elu(self.read(torch.cat([features, reward, quality], -1)))
        logits = self.score(quality, edges).view(mask.shape).masked_fill(~mask, MASKED)
        return Scores(logits, self.readouts(read).unflatten(0, mask.shape[:2]))

    def _best(self, quality: Tensor) -> Tensor:
        """Return V, the best action's value in each component."""
        return quality.unflatten(-1, (self.architecture.actions, -1)).amax(-2)

    def example_inputs(self, graphs: int = 2, nodes: int = 9, neighbours: int = 4) -> tuple:
        """Return inputs of the right shapes: scattered nodes with a few masked edges."""
        a, draw = self.architecture, torch.Generator().manual_seed(0)
        shape = (graphs, nodes)
        vectors = torch.randn(*shape, a.vectors, 2, generator=draw)
        views = torch.rand(*shape, a.views, a.view_width, generator=draw)
        index = torch.randint(nodes, (*shape, neighbours), generator=draw)
        return (
            torch.rand(*shape, a.scalars, generator=draw),
            vectors,
            views,
            4 * torch.randn(*shape, 2, generator=draw),
            index,
            torch.rand(*index.shape, a.edge_scalars, generator=draw),
            torch.rand(index.shape, generator=draw) > 0.2,
        )


def connect(positions: Tensor, neighbours: Tensor, scalars: Tensor, mask: Tensor) -> Edges:
    """Return the edges of a batch of graphs, offsets in units of each graph's mean edge."""
    graphs, nodes, degree = mask.shape
    first = nodes * torch.arange(graphs, device=positions.device)
    index = (neighbours + first[:, None, None]).flatten()
    there = mask.to(positions.dtype)
    ends = positions.flatten(0, 1).index_select(0, index).view(graphs, nodes, degree, 2)
    offsets = (ends - positions[:, :, None]) * there[..., None]
    total = (offsets.square().sum(-1) + 1e-12).sqrt().mul(there).sum((1, 2))
    unit = (total / there.sum((1, 2)).clamp(min=1)).clamp(min=1e-6)
    features = torch.cat([scalars, offsets / unit[:, None, None, None]], -1)
    weight = there / there.sum(-1, keepdim=True).clamp(min=1)
    return Edges(index, weight.flatten(0, 1)[..., None], features.flatten(0, 1))


class MessagePassing(nn.Module):
    """Means over the neighbours of a message about both ends and the edge, then an update.

    Args:
        a: the architecture.
        fixed: fields of a node that stay the same over the iterations.
        changing: fields that change, 0 for a layer that is used once.
        outputs: fields.
    """

    def __init__(self, a: Architecture, fixed: int, changing: int, outputs: int):
        super().__init__()
        name, hidden = a.group, a.fields
        self.edge = ToRegular(name, Inputs(0, a.edge_scalars, 1), hidden, gain=0.5)
        self.fixed = ToRegular(name, Inputs(fixed), 3 * hidden, gain=0.5)
        self.changing = None
        if changing:
            self.changing = ToRegular(name, Inputs(changing), 3 * hidden, bias=False, gain=0.5)
        self.gathered = ToRegular(name, Inputs(hidden), hidden, bias=False)
        self.output = ToRegular(name, Inputs(hidden), outputs, gain=1.0)

    def forward(self, features: Tensor, edges: Edges) -> Callable[..., Tensor]:
        """Return the layer as a function of the changing features alone, (B * N, F)."""
        receiver, sender, node = _in_three(features, self.fixed.dense())
        fixed = self.edge(edges.features) + receiver[:, None] + edges.gather(sender)
        changing = self.changing.dense() if self.changing else None
        gathered, output = self.gathered.dense(), self.output.dense()

        def step(values: Tensor | None = None) -> Tensor:
            messages, update = fixed, node
            if values is not None:
                receiver, sender, moved = _in_three(values, changing)
                messages = messages + edges.gather(sender) + receiver[:, None]
                update = update + moved
            update = update + linear(edges.mean(elu(messages)), *gathered)
            return linear(elu(layer_norm(update, update.shape[-1:])), *output)

        return step


class EdgeScore(nn.Module):
    """One number an edge from the features of both ends, its offset and its numbers."""

    def __init__(self, a: Architecture, fields: int):
        super().__init__()
        self.edge = ToRegular(a.group, Inputs(0, a.edge_scalars, 1), a.fields, gain=0.7)
        self.here = ToRegular(a.group, Inputs(fields), a.fields, bias=False, gain=0.7)
        self.there = ToRegular(a.group, Inputs(fields), a.fields, bias=False, gain=0.7)
        self.number = ToInvariants(a.group, a.fields, 1)

    def forward(self, features: Tensor, edges: Edges) -> Tensor:
        """Return (B * N, M, 1)."""
        pair = self.here(features)[:, None] + edges.gather(self.there(features))
        return self.number(elu(pair + self.edge(edges.features)))


def _in_three(features: Tensor, dense: tuple[Tensor, Tensor | None]) -> tuple[Tensor, ...]:
    """Apply a map of three stacked outputs, each contiguous."""
    matrices = dense[0].chunk(3)
    offsets = (None,) * 3 if dense[1] is None else dense[1].chunk(3)
    return tuple(linear(features, *part) for part in zip(matrices, offsets))
