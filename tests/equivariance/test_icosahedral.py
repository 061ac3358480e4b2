"""The icosahedral group and the layers that commute with it, in both precisions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equi_nodes.equivariant.icosahedral import GroupConvolution, OrbitConvolution, to_matrices
from equi_nodes.geometry.icosahedral import icosahedral
from equi_nodes.geometry.rotations import rotation

TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}
GROUP = icosahedral()


def test_the_group_has_60_rotations_and_is_closed():
    products = GROUP.matrices[:, None] @ GROUP.matrices[None]
    assert len(GROUP.matrices) == 60
    assert np.abs(products - GROUP.matrices[GROUP.table]).max() < 1e-12
    assert np.allclose(np.linalg.det(GROUP.matrices), 1)


def test_every_element_has_twelve_different_ones_beside_it():
    traces = np.trace(GROUP.matrices[GROUP.near[0]], axis1=1, axis2=2)
    angles = np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1))).round()
    assert sorted(angles) == [0] + 6 * [72] + 2 * [120] + 3 * [180]
    assert all(len(set(row)) == 12 for row in GROUP.near)


def test_vertices_are_permuted():
    moved = np.einsum("aij,kj->aki", GROUP.matrices, GROUP.vertices)
    assert np.abs(moved - GROUP.vertices[GROUP.moved]).max() < 1e-12


def test_any_rotation_is_read_out_exactly():
    turns = torch.from_numpy(rotation(np.random.default_rng(0).normal(size=(50, 4))))
    votes = torch.einsum("nij,aij->na", turns, torch.from_numpy(GROUP.matrices)) / 20
    assert (to_matrices(votes) - turns).abs().max() < 1e-12


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_layers_commute_with_all_60_rotations(dtype: torch.dtype):
    torch.manual_seed(0)
    over_points, over_group = (
        OrbitConvolution(3, 4, 0.5).to(dtype),
        GroupConvolution(4, 5).to(dtype),
    )
    offsets = 0.3 * torch.randn(2, 3, 6, 3, dtype=dtype)
    weight = (torch.rand(2, 3, 6) > 0.2).to(dtype)
    features = torch.randn(2, 3, 6, 60, 3, dtype=dtype)
    before = over_group(torch.relu(over_points(offsets, weight, features)))
    for matrix, row in zip(torch.from_numpy(GROUP.matrices), torch.from_numpy(GROUP.table)):
        turned = torch.empty_like(features)
        turned[..., row, :] = features
        after = over_group(torch.relu(over_points(offsets @ matrix.T.to(dtype), weight, turned)))
        assert (after[..., row, :] - before).abs().max() < TOLERANCE[dtype]
        moved = to_matrices(after[..., 0]) - matrix.to(dtype) @ to_matrices(before[..., 0])
        assert moved.abs().max() < TOLERANCE[dtype]
