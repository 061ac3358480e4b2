"""The planning network in its published form: an MLP on every edge, and absolute positions.

What ours is compared with in speed; see ``equi_nodes.models.e2_planner`` for the letters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import elu

from equi_nodes.equivariant.steerable import Inputs, ToInvariants, ToRegular
from equi_nodes.models.e2_planner import Architecture


class PublishedLayer(nn.Module):
    """Two-layer maps of every edge's concatenated inputs, summed into the nodes, then of nodes."""

    def __init__(self, a: Architecture, inputs: int, outputs: int):
        super().__init__()
        self.message = ToRegular(a.group, Inputs(2 * inputs, 0, 1), a.fields)
        self.message_out = ToRegular(a.group, Inputs(a.fields), a.fields)
        self.update = ToRegular(a.group, Inputs(inputs + a.fields, 0, 1), a.fields)
        self.update_out = ToRegular(a.group, Inputs(a.fields), outputs)

    def forward(self, positions: Tensor, features: Tensor, edges: Tensor) -> Tensor:
        """Map features (N, F * G) over directed edges (2, E), sender first."""
        sender, receiver = edges
        offsets = positions[sender] - positions[receiver]
        pairs = torch.cat([features[receiver], features[sender], offsets], -1)
        messages = self.message_out(elu(self.message(pairs)))
        total = messages.new_zeros(len(positions), messages.shape[-1])
        total.index_add_(0, receiver, messages)
        return self.update_out(elu(self.update(torch.cat([features, total, positions], -1))))


class PublishedPlanner(nn.Module):
    """Encode, reward, iterate, with the widths of an architecture of ours; a score an edge."""

    def __init__(self, a: Architecture):
        super().__init__()
        self.architecture = a
        seen = Inputs(0, a.scalars, a.vectors, a.views, a.view_width, a.mirrored)
        self.lift = ToRegular(a.group, seen, a.fields)
        self.encode = PublishedLayer(a, a.fields, a.fields)
        self.reward = PublishedLayer(a, a.fields, a.value_fields)
        self.backup = PublishedLayer(a, 2 * a.value_fields, a.value_fields * a.actions)
        self.policy = PublishedLayer(a, a.value_fields * a.actions, a.fields)
        self.number = ToInvariants(a.group, a.fields, 1)

    def forward(self, features: Tensor, positions: Tensor, edges: Tensor) -> Tensor:
        """Return a number for each node."""
        a = self.architecture
        features = self.encode(positions, elu(self.lift(features)), edges)
        reward = self.reward(positions, features, edges)
        values = torch.zeros_like(reward)
        for _ in range(a.iterations):
            quality = self.backup(positions, torch.cat([reward, values], -1), edges)
            values = quality.unflatten(-1, (a.actions, -1)).amax(-2)
        return self.number(self.policy(positions, quality, edges))
