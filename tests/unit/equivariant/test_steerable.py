"""Steerable maps commute with the group, in closed form, and the lifting of views is exact."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equi_nodes.equivariant.steerable import Inputs, ToInvariants, ToRegular, acted
from equi_nodes.errors import EquiError
from equi_nodes.geometry.groups import group

GROUPS = ("C1", "C4", "C8", "D4", "D8")


@pytest.fixture(autouse=True)
def _double():
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def moved(inputs: Inputs, name: str, element: int, features: torch.Tensor) -> torch.Tensor:
    """Return the flat inputs after the element has moved the world."""
    g = group(name)
    parts = inputs.fields * g.size, inputs.scalars, 2 * inputs.vectors, inputs.views
    sizes = (*parts[:3], parts[3] * inputs.view_width)
    fields, scalars, vectors, views = features.split(sizes, -1)
    fields = acted(name, element, fields.unflatten(-1, (inputs.fields, g.size)))
    vectors = vectors.unflatten(-1, (-1, 2)) @ torch.from_numpy(g.matrices[element]).T
    views = views.unflatten(-1, (inputs.views, -1))
    goes = g.view_permutations(inputs.views)[element]
    turned = views.clone()
    turned[:, torch.from_numpy(goes)] = views
    return torch.cat([fields.flatten(1), scalars, vectors.flatten(1), turned.flatten(1)], -1)


@pytest.mark.parametrize("name", GROUPS)
def test_the_table_is_that_of_the_matrices(name):
    g = group(name)
    for h in range(g.size):
        for k in range(g.size):
            product = np.linalg.inv(g.matrices[h]) @ g.matrices[k]
            assert np.allclose(product, g.matrices[g.table[h, k]])
    assert np.allclose(g.matrices[g.inverse], np.linalg.inv(g.matrices))


@pytest.mark.parametrize("name", ["", "D", "E2", "D0", "C1000", "d4"])
def test_an_unknown_group_is_named(name):
    with pytest.raises(EquiError, match="group"):
        group(name)


@pytest.mark.parametrize("name", GROUPS)
def test_maps_of_all_inputs_commute_with_all_elements(name):
    inputs = Inputs(3, 2, 2, 24, 2)
    layer, features = ToRegular(name, inputs, 5), torch.randn(7, inputs.width(group(name).size))
    torch.nn.init.normal_(layer.bias)
    before = layer(features).unflatten(-1, (5, -1))
    invariants = ToInvariants(name, 5, 3, largest=True)
    for element in range(group(name).size):
        after = layer(moved(inputs, name, element, features)).unflatten(-1, (5, -1))
        assert torch.allclose(after, acted(name, element, before), atol=1e-12)
        assert torch.allclose(invariants(after.flatten(1)), invariants(before.flatten(1)))


@pytest.mark.parametrize("inputs", [Inputs(2), Inputs(scalars=3), Inputs(0, 1, 1)])
def test_maps_without_views_have_one_bias_a_field(inputs):
    assert ToRegular("D8", inputs, 5).bias.shape == (5, 1)


@pytest.mark.parametrize(("name", "views"), [("C4", 4), ("D4", 4), ("C8", 4), ("D8", 4), ("D8", 8)])
def test_a_cyclic_shift_of_images_is_the_turn_of_the_features(name, views):
    layer = ToRegular(name, Inputs(views=views, view_width=3, mirrored=False), 5)
    torch.nn.init.normal_(layer.bias)
    images = torch.randn(7, views, 3)
    before = layer(images.flatten(1)).unflatten(-1, (5, -1))
    quarter = group(name).rotations // 4
    after = layer(images.roll(views // 4, 1).flatten(1)).unflatten(-1, (5, -1))
    assert torch.allclose(after, acted(name, quarter, before), atol=1e-12)


@pytest.mark.parametrize(
    ("name", "inputs", "free"),
    [
        ("C1", Inputs(views=4, view_width=3), 12),
        ("D4", Inputs(views=4, view_width=3), 12),
        ("D4", Inputs(views=4, view_width=3, mirrored=False), 2 * 12),
        ("D8", Inputs(views=4, view_width=3, mirrored=False), 4 * 12),
        ("D8", Inputs(views=12, view_width=1), 2 * 12),
    ],
)
def test_views_are_lifted_by_all_maps_that_commute(name, inputs, free):
    """As many free numbers as the induced representation has; the matrix uses each of them."""
    layer = ToRegular(name, inputs, 1)
    assert layer.views.numel() == free
    layer.dense()[0].sum().backward()
    assert (layer.views.grad > 0).all()


def test_the_kept_matrix_follows_the_weights():
    layer = ToRegular("D4", Inputs(2), 2).eval()
    features = torch.randn(1, 16)
    with torch.no_grad():
        before = layer(features)
        layer.fields.mul_(2)
        assert torch.allclose(layer(features), 2 * before)
        layer.float()
        assert layer(features.float()).dtype == torch.float32
