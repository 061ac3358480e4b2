"""Bodies turn with their points: exactly by the group, and by any order and place of the points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from equi_nodes.geometry.icosahedral import icosahedral
from equi_nodes.geometry.neighbours import seeds_first, take
from equi_nodes.models.arteq import Architecture, ArtEq, Estimate

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
SMALL = Architecture(tokens=24, neighbours=8, kernels=4, frame_width=16, width=32, layers=2)
MATRICES = torch.from_numpy(icosahedral().matrices)


@pytest.fixture(scope="module", params=TOLERANCE, ids=str)
def model(request) -> ArtEq:
    torch.manual_seed(0)
    return ArtEq(SMALL).eval().requires_grad_(False).to(request.param)


@pytest.fixture
def cloud(model: ArtEq) -> tuple[Tensor, Tensor]:
    points, mask = model.example_inputs(2, 60)
    return _spread(points.to(model.rest_to_tpose.dtype), mask)


def _spread(points: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    order = seeds_first(points, mask, SMALL.tokens)[:, None]
    return take(points, order)[:, 0], mask.gather(1, order[:, 0])


def _off(found: Estimate, expected: Estimate, mask: Tensor) -> float:
    """Return the largest difference; of single points only those that are there."""
    points = [(one - two)[mask].abs().max() for one, two in zip(found[:3], expected[:3])]
    rest = [(one - two).abs().max() for one, two in zip(found[3:], expected[3:])]
    return float(torch.stack(points + rest).max())


def test_everything_turns_with_all_60_rotations(model: ArtEq, cloud: tuple[Tensor, Tensor]) -> None:
    points, mask = cloud
    before = model(points, mask)
    for turn in MATRICES.to(points):
        after = model(points @ turn.T, mask)
        expected = before._replace(
            rotations=turn @ before.rotations, translation=before.translation @ turn.T
        )
        assert _off(after, expected, mask) < TOLERANCE[points.dtype]


def test_a_shift_moves_the_place_alone(model: ArtEq, cloud: tuple[Tensor, Tensor]) -> None:
    points, mask = cloud
    before, shift = model(points, mask), torch.tensor([1.0, -2.0, 0.5]).to(points)
    after = model(points + shift, mask)
    moved = before._replace(translation=before.translation + shift)
    assert _off(after, moved, mask) < 5 * TOLERANCE[points.dtype]


def test_the_order_of_the_points_is_free(model: ArtEq, cloud: tuple[Tensor, Tensor]) -> None:
    points, mask = cloud
    before = model(points, mask)
    order = torch.from_numpy(np.random.default_rng(0).permutation(points.shape[1]))
    shuffled, their_mask = _spread(points[:, order], mask[:, order])
    after = model(shuffled, their_mask)
    for name in Estimate._fields[3:]:
        difference = getattr(after, name) - getattr(before, name)
        assert difference.abs().max() < TOLERANCE[points.dtype], name


def test_missing_points_change_nothing(model: ArtEq, cloud: tuple[Tensor, Tensor]) -> None:
    points, mask = cloud
    before = model(points, mask)
    after = model(torch.where(mask[..., None], points, 7.0), mask)
    assert _off(after, before, mask) < TOLERANCE[points.dtype]
