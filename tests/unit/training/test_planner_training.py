"""What the planner's network learns from, and that it learns from it."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from equi_nodes.datasets.frontier_data import Moment, read_moments, write_moments
from equi_nodes.models.e2_planner import E2Planner, Scores
from equi_nodes.training import e2_planner
from equi_nodes.training.e2_planner import ARCHITECTURE, batches, loss, train, validate
from equi_nodes.training.loop import Schedule
from equi_nodes.training.trips import record_trip

SMALL = replace(ARCHITECTURE, fields=4, iterations=3)


@pytest.fixture(scope="module")
def moments() -> list[Moment]:
    """Of two trips through made-up buildings or homes."""
    return record_trip(1, None) + record_trip(3, None)


def test_moments_are_sound(moments):
    assert len(moments) > 5
    for moment in moments:
        nodes = len(moment.known)
        assert moment.scalars.shape == (nodes, ARCHITECTURE.scalars)
        assert moment.views.shape == (nodes, ARCHITECTURE.views, ARCHITECTURE.view_width)
        assert moment.is_frontier.any() and np.isfinite(moment.known).all()
        # Nothing is nearer than at best, but for the cell beside it that counts for a node.
        at = moment.is_frontier
        assert (moment.beyond[at] >= moment.optimistic[at] - 0.3).all()
        assert (moment.distance[at] >= moment.optimistic[at] - 0.3).all()
        assert (moment.distance <= moment.beyond + 0.3).all()
        assert (moment.in_vain >= 0).all()
    leads_on = np.concatenate([np.isfinite(m.beyond[m.is_frontier]) for m in moments])
    assert 0.05 < leads_on.mean() < 0.95


def test_moments_survive_a_file(moments, tmp_path):
    write_moments(tmp_path / "trip.npz", moments)
    again = read_moments([tmp_path / "trip.npz"])
    for one, two in zip(moments, again):
        for part in fields(Moment):
            np.testing.assert_array_equal(getattr(one, part.name), getattr(two, part.name))


def test_moments_of_a_batch_know_nothing_of_each_other(moments):
    torch.manual_seed(0)
    model, moment = E2Planner(SMALL).eval(), moments[0]
    one, two = (
        model(*e2_planner._on(next(batches([moment] * count)), torch.device("cpu")).inputs)
        for count in (1, 2)
    )
    assert torch.allclose(one.readouts.repeat(1, 2, 1), two.readouts, atol=1e-4)


class Knowing(torch.nn.Module):
    """Stands for a network that knows the truth of a batch, or is sure of the contrary."""

    def __init__(self, batch, knows: bool) -> None:
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))
        logit = torch.where(batch.leads_on > 0.5, 9.0, -9.0) * (1 if knows else -1)
        rest = (torch.log(torch.expm1(part.clamp(min=1e-4))) for part in batch[3:5])
        self.readouts = torch.stack([logit, *rest], -1)[None]

    def forward(self, *inputs, iterations=None):
        return Scores(inputs[6].float(), self.readouts)


def test_who_knows_the_truth_is_right_and_who_is_sure_of_the_contrary_is_not(moments):
    batch = next(batches(moments))
    knows, errs = (validate(Knowing(batch, knows), [batch]) for knows in (True, False))
    assert knows["criterion"] < 1e-3 and knows["right"] == 1.0
    assert knows["beyond"] < 1e-6 and knows["in_vain"] < 1e-6
    assert errs["criterion"] > 5 and errs["right"] == 0.0


def test_learning_lowers_the_loss(moments):
    torch.manual_seed(0)
    model, batch = E2Planner(SMALL), next(batches(moments))
    optimiser = torch.optim.Adam(model.parameters(), 3e-3)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        value = loss(model, batch, 0.0)
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert np.mean(losses[-3:]) < 0.85 * losses[0]


def test_a_training_resumes_and_is_reproducible(moments, tmp_path):
    write_moments(tmp_path / "trips" / "000001.npz", moments[: len(moments) // 2])
    write_moments(tmp_path / "trips" / "000002.npz", moments[len(moments) // 2 :])
    short = [tmp_path / "trips"]

    def run(name: str, epochs: int, stop_after: int = 99):
        class Stop(Exception):
            pass

        def report(epoch, figures):
            if epoch == stop_after:
                raise Stop

        try:
            return train(short, tmp_path / name, Schedule(epochs), SMALL, report)[1]
        except Stop:
            return None

    whole = run("whole", 2)
    assert run("parts", 2, stop_after=1) is None
    resumed = run("parts", 2)
    assert whole.keys() == resumed.keys()
    assert whole["moments"] > 0
