"""The network of bodies: shapes, padding, few points, and that all of it learns."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from equi_nodes.body.skeleton import JOINTS
from equi_nodes.datasets.person_batches import rest_to_tpose
from equi_nodes.models.arteq import Architecture, ArtEq, Seen, closest_rotation

SMALL = Architecture(tokens=24, neighbours=8, kernels=4, frame_width=16, width=32, layers=1)


@pytest.fixture
def model() -> ArtEq:
    torch.manual_seed(0)
    return ArtEq(SMALL, rest_to_tpose()).eval()


def test_shapes_and_rotations(model: ArtEq) -> None:
    said = model(*model.example_inputs(2, 60))
    parts = len(JOINTS)
    assert said.parts.shape == (2, 60, parts + 1) and said.rest.shape == (2, 60, 3)
    assert said.confidence.shape == (2, 60) and said.certainty.shape == (2, parts)
    assert said.betas.shape == (2, 10) and said.translation.shape == (2, 3)
    assert said.log_sigma.shape == (2, parts, 2)
    unit = said.rotations @ said.rotations.transpose(-1, -2)
    assert torch.allclose(unit, torch.eye(3).expand_as(unit), atol=1e-5)


def test_a_person_does_not_see_the_others_of_its_batch(model: ArtEq) -> None:
    points, mask = model.example_inputs(3, 60)
    for one, all_three in zip(model(points[1:2], mask[1:2]), model(points, mask)):
        assert torch.allclose(one[0], all_three[1], atol=1e-4)


@pytest.mark.parametrize("points", [0, 1, 5])
def test_hardly_any_points_give_numbers(model: ArtEq, points: int) -> None:
    cloud, _ = model.example_inputs(1, 60)
    said = model(cloud, torch.arange(60)[None] < points)
    assert all(part.isfinite().all() for part in said)


def test_points_at_rest_tell_the_rotation_of_a_part() -> None:
    """Where the points are sure and the votes are not, the points decide."""
    model = ArtEq(replace(SMALL, worth=100.0), rest_to_tpose())
    draw = torch.Generator().manual_seed(0)
    true = closest_rotation(torch.randn(22, 3, 3, generator=draw))
    rest = torch.randn(1, 440, 3, generator=draw)
    parts = torch.arange(440) % 22
    turns = true @ rest_to_tpose()
    points = (turns[parts] @ rest[0, :, :, None])[None, ..., 0]
    logits = 50.0 * torch.nn.functional.one_hot(parts, 23)[None].float()
    cloud, middle = model.prepare(points, torch.ones(1, 440, dtype=torch.bool))
    seen = Seen(
        logits, rest, torch.full((1, 440), 8.0), torch.eye(3).repeat(1, 22, 1, 1),
        torch.zeros(1, 22, 3), torch.zeros(1, 22, 2), torch.zeros(1, 10),
    )  # fmt: skip
    said = model.conclude(cloud, middle, torch.eye(3)[None], seen)
    assert torch.allclose(said.rotations[0], true, atol=1e-2)


def test_everything_learns(model: ArtEq) -> None:
    cloud, _ = model.train().prepare(*model.example_inputs(2, 60))
    votes = model.vote(cloud)
    seen = model.look(cloud, closest_rotation(votes[:, 0].detach()))
    (votes.square().sum() + sum(part.square().sum() for part in seen)).backward()
    assert all(part.grad.isfinite().all() and part.grad.any() for part in model.parameters())
