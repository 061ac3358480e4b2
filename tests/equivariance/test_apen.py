"""APEN's answer when every part moves on its own, in both precisions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from equi_nodes.geometry.neighbours import seeds_first
from equi_nodes.models.apen import APEN, Architecture, Segments

TOLERANCE = {torch.float32: 2e-5, torch.float64: 1e-10}  # untrained frames raise rounding
RAISED = {"pieces": 1, "figure": 30}  # times more by waves of places; processors round apart
CELLS, PARTS, POINTS = 48, 6, 360
LOOKS = {"pieces": {}, "figure": {"figure": True, "tokens": (96,), "blocks": 4}}


def network(dtype: torch.dtype = torch.float64, **sizes) -> APEN:
    torch.manual_seed(0)
    return APEN(Architecture(**({"cells": CELLS} | sizes))).eval().to(dtype)


def limbs(dtype: torch.dtype = torch.float64, spacing: float = 0.3) -> tuple[Tensor, ...]:
    """Return long clouds side by side, some points missing: points, mask and true parts."""
    draw = torch.Generator().manual_seed(1)
    parts = torch.arange(PARTS).repeat_interleave(POINTS // PARTS)
    points = torch.randn(POINTS, 3, generator=draw) * torch.tensor([0.05, 0.04, 0.15])
    points[:, 0] += spacing * parts
    mask = torch.rand(1, POINTS, generator=draw) > 0.1
    order = seeds_first(points[None], mask, Architecture().seeds)[0]
    return points[None, order].to(dtype), mask[:, order], parts[None, order]


def turns(count: int, mirrored: bool = False) -> Tensor:
    """Return random rotations (count, 3, 3), or as many that mirror too."""
    draw = torch.Generator().manual_seed(2)
    matrices, _ = torch.linalg.qr(torch.randn(count, 3, 3, generator=draw).double())
    signs = torch.linalg.det(matrices).sign()[:, None, None]
    return matrices * (-signs if mirrored else signs)


def each_moved(points: Tensor, parts: Tensor, mirrored: bool = False, far: float = 1.0) -> Tensor:
    """Return the points after every part was turned and shifted by its own motion."""
    matrices = turns(PARTS, mirrored).to(points)[parts]
    shifts = far * torch.randn(PARTS, 3, generator=torch.Generator().manual_seed(3))
    return (matrices @ points[..., None]).squeeze(-1) + shifts.to(points)[parts]


def turned_in_place(points: Tensor, parts: Tensor, spacing: float) -> Tensor:
    """Return the points after every limb was turned about its own centre."""
    centres = torch.zeros_like(points)
    centres[..., 0] = spacing * parts
    return centres + each_moved(points - centres, parts, far=0.0)


def change(before: Segments, after: Segments, mask: Tensor) -> float:
    """Return the largest difference of the numbers that no motion of a part may change."""
    found = [(before.logits, after.logits), *zip(before.rest, after.rest)]
    points = [float((one - other).abs()[mask].max()) for one, other in found]
    return max(*points, float((before.category - after.category).abs().max()))


@torch.no_grad()
@pytest.mark.parametrize("chiral", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("look", LOOKS)
def test_every_true_part_may_move_on_its_own_where_the_partition_is_given(look, dtype, chiral):
    model = network(dtype, chiral=chiral, **LOOKS[look])
    points, mask, parts = limbs(dtype)
    before = model(points, mask, parts)
    after = model(each_moved(points, parts), mask, parts)
    assert before.logits[mask].std(0).max() > 1e-2
    assert change(before, after, mask) < RAISED[look] * TOLERANCE[dtype]
    for one, other in zip(before.votes, after.votes):
        expected = each_moved(one, parts)
        assert float((expected - other).abs()[mask].max()) < TOLERANCE[dtype]


@torch.no_grad()
def test_parts_may_be_mirrored_unless_mirror_images_are_to_be_told_apart():
    points, mask, parts = limbs()
    mirrored = each_moved(points, parts, mirrored=True)
    for chiral, least, most in ((False, 0.0, 1e-10), (True, 1e-6, 10.0)):
        model = network(chiral=chiral)
        found = change(model(points, mask, parts), model(mirrored, mask, parts), mask)
        assert least <= found < most


@torch.no_grad()
@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 1e-4), (torch.float64, 1e-9)])
def test_the_whole_may_move_with_the_predicted_partition(dtype, most):
    model = network(dtype)
    points, mask, _ = limbs(dtype)
    turn = turns(1, mirrored=True)[0].to(dtype)
    moved = points @ turn.T + torch.tensor([3.0, -2.0, 1.0]).to(dtype)
    before, after = model(points, mask), model(moved, mask)
    assert change(before, after, mask) < most
    assert torch.equal(before.instance, after.instance)
    assert torch.equal(before.live, after.live)


@torch.no_grad()
@pytest.mark.parametrize(("dtype", "most"), [(torch.float32, 2e-4), (torch.float64, 1e-9)])
@pytest.mark.parametrize("look", LOOKS)
def test_a_look_at_the_whole_turns_with_it_and_with_known_parts_turns_with_each(look, dtype, most):
    model = network(dtype, whole=True, chiral=True, **LOOKS[look])
    points, mask, parts = limbs(dtype)
    turn = turns(1)[0].to(dtype)
    before, after = model(points, mask), model(points @ turn.T + 2, mask)
    assert change(before, after, mask) < most
    assert float((turn @ before.axes - after.axes).abs()[:, mask].max()) < most
    moved = each_moved(points, parts)
    given = change(model(points, mask, parts), model(moved, mask, parts), mask)
    assert given < RAISED[look] * TOLERANCE[dtype]
    assert change(before, model(moved, mask), mask) > 1e-3  # else it would not see the whole


@torch.no_grad()
def test_parts_that_stand_apart_may_move_with_the_predicted_partition():
    """The cells then hold one part each, which is all that exactness takes."""
    model = network(sigmas=(0.02, 0.04, 0.06, 0.08))
    points, mask, parts = limbs(spacing=2.0)
    before = model(points, mask)
    after = model(turned_in_place(points, parts, 2.0), mask)
    pure = [parts[before.instance == one].unique().numel() == 1 for one in before.instance.unique()]
    assert all(pure[1:])
    assert before.live[-1] < before.live[0]
    assert change(before, after, mask) < 1e-9
    assert torch.equal(before.live, after.live)


@torch.no_grad()
def test_points_may_come_in_any_order():
    model = network()
    points, mask, _ = limbs()
    order = torch.randperm(POINTS, generator=torch.Generator().manual_seed(4))
    shuffled, seen = points[:, order], mask[:, order]
    again = seeds_first(shuffled, seen, model.architecture.seeds)[0]
    before, after = model(points, mask), model(shuffled[:, again], seen[:, again])
    place = order[again]
    assert change(before._replace(logits=before.logits[:, place]), after, mask[:, place]) < 1e-9
    assert torch.equal(before.instance[:, place], after.instance)
