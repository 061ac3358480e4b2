"""Learning to plan: a little of it already helps, on every task, and it can be resumed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equi_nodes.training import planning_tasks, turned_buildings
from equi_nodes.training.loop import Schedule
from equi_nodes.training.planning_tasks import KINDS, Batch, contestants, measure, policy, train


@pytest.fixture(autouse=True)
def _little(monkeypatch):
    for name, value in (("STEPS", 2), ("LIMIT", 10), ("TRAIL", 5)):
        monkeypatch.setattr(planning_tasks, name, value)
    torch.manual_seed(0)


@pytest.mark.parametrize("task", KINDS)
def test_every_contestant_learns_on_every_task(task, tmp_path):
    kind = KINDS[task]
    problems, validation = kind.make(2, 0), kind.make(1, 1)
    for name, make in contestants(kind).items():
        figures = train(
            make(), kind, problems, validation, tmp_path / name, schedule=Schedule(epochs=1)
        )
        assert np.isfinite(figures["loss"])
        assert 0 <= figures["spl"] <= figures["success"] <= 1


def test_learning_helps(tmp_path, monkeypatch):
    monkeypatch.setattr(planning_tasks, "STEPS", 30)
    kind = KINDS["graph"]
    problems, test = kind.make(16, 0), kind.make(4, 1)
    model = contestants(kind)["plain"]()
    before = measure(policy(model, kind), kind, test)
    schedule = Schedule(epochs=5, learning_rate=1e-2)
    train(model, kind, problems, test, tmp_path, schedule=schedule)
    assert measure(policy(model, kind), kind, test)["spl"] > before["spl"] + 0.1


@torch.no_grad()
def test_a_learned_network_gives_the_same_answers_in_frames_turned_by_quarters():
    buildings = turned_buildings.scanned(2, 0)
    model = planning_tasks.GraphNetwork(turned_buildings.NETWORKS["D4"]).eval()
    for part in model.parameters():
        part.add_(0.1 * torch.randn(part.shape))  # as learning does, biases too
    found = []
    for degrees in (0, 90, 180, 270):
        problems = turned_buildings.turned(buildings, np.full(2, degrees))
        found.append(model(Batch(problems), 6)[0])
    assert found[0].std() > 0
    assert all(torch.allclose(one, found[0], atol=1e-2) for one in found)


def test_edges_are_told_in_units_of_the_graph():
    problems = KINDS["graph"].make(2, 0)
    batch = Batch(problems)
    mean = (batch.edge_scalars[..., 0] * batch.mask).sum((1, 2)) / batch.mask.sum((1, 2))
    assert torch.allclose(mean, torch.ones(2), atol=1e-5)
