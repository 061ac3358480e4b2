"""A point from its views."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.rotations import exp_so3
from equi_nodes.vio.triangulation import BEHIND, NO_PARALLAX, OK, triangulate

POINT = np.array([0.4, -0.3, 4.0])


def views(rng, spread, noise=0.0):
    rotations = exp_so3(0.1 * rng.normal(size=(6, 3)))
    centres = spread * rng.normal(size=(6, 3))
    seen = np.einsum("vji,vj->vi", rotations, POINT - centres)
    points = seen[:, :2] / seen[:, 2:] + noise * rng.normal(size=(6, 2))
    whitening = np.tile([500.0, 0.0, 500.0], (6, 1))
    return rotations, centres, np.ones(6), points, whitening


def test_a_point_seen_without_noise_is_found():
    code, found, residuals, _ = triangulate(*views(np.random.default_rng(0), 0.3))
    assert code == OK
    np.testing.assert_allclose(found, POINT, atol=1e-6)
    assert np.abs(residuals).max() < 1e-3


def test_residuals_have_unit_variance_with_three_freedoms_less():
    rng = np.random.default_rng(1)
    squares = [np.sum(triangulate(*views(rng, 0.3, noise=1 / 500))[2] ** 2) for _ in range(300)]
    assert abs(np.mean(squares) / 9 - 1) < 0.1


def test_equal_centres_show_no_distance():
    code = triangulate(*views(np.random.default_rng(2), 0.0))[0]
    assert code in (NO_PARALLAX, BEHIND)


def test_a_point_behind_is_refused():
    rotations, centres, scales, points, whitening = views(np.random.default_rng(3), 0.3)
    centres = 2 * POINT - centres  # the same rays meet behind
    assert triangulate(rotations, centres, scales, points, whitening)[0] == BEHIND
