"""Optimisers: Muon steps as far in all directions of a matrix, and the state can be kept."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from equi_nodes.equivariant.attention import Block
from equi_nodes.training.optimiser import Optimiser

RATE = 1e-2
WIDTH = 16


class Small(nn.Sequential):
    """A layer of attention between others."""

    def matrices(self) -> list[nn.Parameter]:
        return [own for own in self[1].parameters() if own.ndim == 2]


def build() -> Small:
    torch.manual_seed(0)
    return Small(nn.Linear(WIDTH, WIDTH), Block(WIDTH, 2), nn.Linear(WIDTH, 1))


def stepped(model: nn.Module, optimiser: Optimiser, steps: int) -> dict[str, torch.Tensor]:
    """Return the parameters by name after some steps on the same tokens."""
    tokens = torch.randn(64, 5, WIDTH, generator=torch.Generator().manual_seed(1))
    for _ in range(steps):
        model.zero_grad()
        model(tokens).square().mean().backward()
        optimiser.step(RATE)
    return {name: own.detach().clone() for name, own in model.named_parameters()}


def test_matrices_of_attention_step_as_far_in_all_directions_and_all_else_follows_adam():
    before = {name: own.detach().clone() for name, own in build().named_parameters()}
    models = build(), build()
    adam, both = (stepped(m, Optimiser(m, RATE, 0.0, muon), 1) for m, muon in zip(models, (0, 1)))
    step = both["1.mix.0.weight"] - before["1.mix.0.weight"]
    spread = torch.linalg.svdvals(step) / (0.2 * RATE * (2 * WIDTH) ** 0.5)
    assert 0.5 < spread[-2] and spread[0] < 1.3  # the norm before it leaves one direction out
    differ = {name for name in adam if not torch.equal(adam[name], both[name])}
    assert differ == {f"1.{name}.weight" for name in ("ask", "answer", "mix.0", "mix.2")}


@pytest.mark.parametrize("muon", [False, True])
def test_one_that_took_the_state_goes_on_alike(muon):
    model = build()
    first = Optimiser(model, RATE, 1e-4, muon)
    stepped(model, first, 3)
    other = copy.deepcopy(model)
    second = Optimiser(other, RATE, 1e-4, muon)
    second.load({"else": torch.zeros(1)} | {k: v.clone() for k, v in first.tensors().items()})
    expected, found = stepped(model, first, 2), stepped(other, second, 2)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
