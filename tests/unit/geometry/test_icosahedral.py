"""The icosahedral group: what the layers that are built on it rely on."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.icosahedral import icosahedral
from equi_nodes.geometry.rotations import rotation

GROUP = icosahedral()
R = GROUP.matrices


def test_has_sixty_rotations_of_the_angles_of_an_icosahedron():
    assert np.allclose(R @ R.transpose(0, 2, 1), np.eye(3), atol=1e-15)
    assert np.allclose(np.linalg.det(R), 1)
    traces = np.trace(R, axis1=1, axis2=2)
    angles = np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1))).round(3)
    found = dict(zip(*np.unique(angles, return_counts=True)))
    assert found == {0: 1, 72: 12, 120: 20, 144: 12, 180: 15}
    assert np.array_equal(R[0], np.eye(3))


def test_tables_say_what_products_and_vertices_become():
    assert np.allclose(R[GROUP.table], R[:, None] @ R, atol=1e-15)
    turned = np.einsum("aij,kj->aki", R, GROUP.vertices)
    assert np.allclose(GROUP.vertices[GROUP.moved], turned, atol=1e-15)


def test_near_elements_are_the_same_twelve_from_everywhere():
    assert GROUP.near.shape == (60, 12)
    assert np.array_equal(GROUP.near, GROUP.table[:, GROUP.near[0]])
    for g in range(60):  # left products permute the neighbourhoods
        assert np.array_equal(GROUP.near[GROUP.table[g]], GROUP.table[g][GROUP.near])


def test_any_rotation_is_a_linear_sum_of_the_sixty():
    turn = rotation(np.random.default_rng(0).normal(size=4))
    weights = np.einsum("ij,aij->a", turn, R)
    assert np.allclose(R.sum(0), 0, atol=1e-13)
    assert np.allclose(np.einsum("a,aij->ij", weights, R), 20 * turn, atol=1e-13)
