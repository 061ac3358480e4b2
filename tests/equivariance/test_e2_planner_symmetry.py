"""What the planning network says moves with the world, in both precisions."""

from __future__ import annotations

import pytest
import torch

from equi_nodes.geometry.groups import group
from equi_nodes.models.e2_planner import Architecture, E2Planner, Scores

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
SHIFTS = 20
GRID = 2.0**-10  # on it positions are exact in float32 a kilometre away too


def network(name: str, **sizes) -> E2Planner:
    torch.manual_seed(0)
    given = {"vectors": 2, "views": 24, "view_width": 2, "iterations": 6} | sizes
    model = E2Planner(Architecture(group=name, **given)).eval()
    for key, part in model.named_parameters():
        if key.endswith("bias"):  # which start at zero
            torch.nn.init.normal_(part, std=0.3)
    return model


def inputs(model: E2Planner, dtype: torch.dtype) -> list[torch.Tensor]:
    given = [x.to(dtype) if x.is_floating_point() else x for x in model.example_inputs(2, 17, 5)]
    given[3] = (given[3] / GRID).round() * GRID
    return given


def moved(model: E2Planner, given: list, name: str, element: int, shift: torch.Tensor) -> list:
    """Return the inputs of the world turned or mirrored, then shifted."""
    scalars, vectors, views, positions, *rest = given
    matrix = torch.from_numpy(group(name).matrices[element]).to(positions.dtype)
    goes = group(name).view_permutations(views.shape[2])[element]
    turned = views.clone()
    turned[:, :, torch.from_numpy(goes)] = views
    return [scalars, vectors @ matrix.T, turned, positions @ matrix.T + shift, *rest]


def difference(one: Scores, two: Scores) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(one, two))


@torch.no_grad()
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", ["C4", "C8", "D4", "D8"])
def test_scores_are_the_same_under_every_element_and_shift(name, dtype):
    model = network(name).to(dtype)
    given, draw = inputs(model, dtype), torch.Generator().manual_seed(1)
    before = model(*given)
    assert before.edges.std() > 1e-2
    shifts = 40 * torch.rand(SHIFTS, 2, generator=draw).to(dtype) - 20
    shifts[0] = torch.tensor([1000.0, -1000.0])
    for k, shift in enumerate((shifts / GRID).round() * GRID):
        after = model(*moved(model, given, name, k % group(name).size, shift))
        assert difference(before, after) < TOLERANCE[dtype]


@torch.no_grad()
def test_nodes_may_come_in_any_order():
    model = network("D4").double()
    given = inputs(model, torch.float64)
    before = model(*given)
    order = torch.randperm(17, generator=torch.Generator().manual_seed(2))
    place = torch.argsort(order)
    permuted = [x[:, order] for x in given]
    permuted[4] = place[permuted[4]]
    slots = torch.randperm(5, generator=torch.Generator().manual_seed(3))
    permuted[4:] = [x[:, :, slots] for x in permuted[4:]]
    after = model(*permuted)
    assert torch.allclose(after.edges, before.edges[:, order][:, :, slots], atol=1e-9)
    assert torch.allclose(after.readouts, before.readouts[:, order], atol=1e-9)


@torch.no_grad()
def test_cyclic_groups_tell_left_from_right_and_the_plain_form_tells_directions():
    for name, whole, element in (("C4", "D4", 4), ("C1", "C4", 1)):
        model = network(name).double()
        given = inputs(model, torch.float64)
        after = model(*moved(model, given, whole, element, torch.zeros(2).double()))
        assert difference(model(*given), after) > 1e-3


@torch.no_grad()
def test_images_are_exact_under_quarter_turns():
    model = network("D8", views=4, view_width=3, mirrored=False).double()
    given = inputs(model, torch.float64)
    for element in range(4):
        turned = moved(model, given, "C4", element, torch.ones(2).double())
        assert difference(model(*given), model(*turned)) < 1e-9
