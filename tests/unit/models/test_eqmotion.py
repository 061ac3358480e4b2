"""The network against the literal formulas, and what its options promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from literal_eqmotion import LiteralEqMotion

from equi_nodes.models.eqmotion import FAITHFUL, Architecture, EqMotion

SMALL = {"modes": 3, "channels": 6, "width": 8, "layers": 2}


def build(architecture: Architecture) -> EqMotion:
    torch.manual_seed(1)
    return EqMotion(architecture).double().eval()


def walkers(model: EqMotion, agents: int = 5, scenes: int = 1):
    past, mask, time_step = model.example_inputs(scenes, agents)
    return past.double(), mask, time_step


@pytest.mark.parametrize("space", [2, 3])
@pytest.mark.parametrize("agents", [1, 2, 5])
def test_faithful_form_equals_the_literal_formulas(space: int, agents: int) -> None:
    model = build(replace(FAITHFUL, **SMALL, space=space))
    past, mask, time_step = walkers(model, agents)
    paths = model(past, torch.ones_like(mask), time_step).paths[0]
    absolute = (paths + past[0, :, None, -1:]).transpose(0, 1).detach().numpy()
    np.testing.assert_allclose(absolute, LiteralEqMotion(model)(past[0].numpy()), atol=1e-5)


def test_faithful_form_ignores_padding() -> None:
    model = build(replace(FAITHFUL, **SMALL))
    past, mask, time_step = walkers(model, 4)
    mask = torch.ones_like(mask)
    padded = torch.cat([past, torch.zeros(1, 3, *past.shape[2:])], 1)
    padded_mask = torch.cat([mask, torch.zeros(1, 3, mask.shape[2], dtype=torch.bool)], 1)
    alone = model(past, mask, time_step).paths
    beside = model(padded, padded_mask, time_step).paths[:, :4]
    torch.testing.assert_close(alone, beside, atol=1e-12, rtol=0)


def test_a_far_agent_changes_nothing() -> None:
    model = build(replace(Architecture(), **SMALL))
    past, mask, time_step = walkers(model, 4)
    far = torch.cat([past, past[:, :1] + 100.0], 1)
    far_mask = torch.cat([mask, mask[:, :1]], 1)
    alone = model(past, mask, time_step).paths
    beside = model(far, far_mask, time_step).paths[:, :4]
    torch.testing.assert_close(alone, beside, atol=1e-12, rtol=0)


def test_the_published_form_moves_by_metres_for_a_far_agent() -> None:
    """Why interactions are bounded: the same far agent, in the published form."""
    model = build(replace(FAITHFUL, **SMALL))
    past, mask, time_step = walkers(model, 4)
    mask = torch.ones_like(mask)
    far = torch.cat([past, past[:, :1] + 100.0], 1)
    alone = model(past, mask, time_step).paths
    beside = model(far, torch.ones(1, 5, mask.shape[2], dtype=torch.bool), time_step).paths[:, :4]
    assert (alone - beside).abs().max() > 1.0


def test_an_agent_that_crosses_the_radius_makes_no_jump() -> None:
    model = build(replace(Architecture(), **SMALL))
    past, mask, time_step = walkers(model, 2)
    past[:, 1] = past[:, 0]

    def paths_at(distance: float) -> torch.Tensor:
        moved = past.clone()
        moved[:, 1, :, 0] += distance
        return model(moved, torch.ones_like(mask), time_step).paths[:, 0]

    radius = model.architecture.radius
    step = (paths_at(radius - 0.01) - paths_at(radius + 0.01)).abs().max()
    inside = (paths_at(0.2 * radius) - paths_at(radius + 0.01)).abs().max()
    assert step < 1e-3 * inside


def test_values_at_unseen_steps_are_ignored() -> None:
    model = build(replace(Architecture(), **SMALL))
    past, mask, time_step = walkers(model)
    mask[:, :, :3] = False
    other = torch.where(mask[..., None], past, torch.full_like(past, 1e6))
    for one, two in zip(model(past, mask, time_step), model(other, mask, time_step)):
        torch.testing.assert_close(one, two, atol=1e-12, rtol=0)


@pytest.mark.parametrize("time_step", [0.1, 0.4, 1.0])
def test_futures_start_where_the_agent_is_and_accelerate_boundedly(time_step: float) -> None:
    a = replace(Architecture(), **SMALL)
    model = build(a)
    past, mask, _ = walkers(model)
    paths = model(past, mask, torch.tensor([time_step])).paths
    start = torch.zeros_like(paths[..., :1, :])
    velocities = torch.cat([start, paths], 3).diff(dim=3) / time_step
    fastest = past.diff(dim=2).norm(dim=-1).max() / time_step
    bound = fastest + a.max_acceleration * time_step * torch.arange(1, a.future + 1)
    assert (velocities.norm(dim=-1) <= bound + 1e-9).all()


def test_covariances_are_positive_definite() -> None:
    model = build(replace(Architecture(), **SMALL))
    eigenvalues = torch.linalg.eigvalsh(model(*walkers(model)).covariances)
    assert eigenvalues.min() > 0


def test_gradients_are_finite_for_people_who_stand_on_one_point() -> None:
    model = build(replace(Architecture(), **SMALL)).train()
    past, mask, time_step = walkers(model)
    futures = model(torch.zeros_like(past), torch.ones_like(mask), time_step)
    (futures.paths.sum() + futures.logits.sum() + futures.covariances.sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
