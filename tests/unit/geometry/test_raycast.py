"""Rays end where cells begin."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.raycast import cast


def room() -> np.ndarray:
    """Return a room of 6 x 8 cells inside walls of material 2, with a pillar of material 5."""
    cells = np.full((8, 10), 2)
    cells[1:-1, 1:-1] = 0
    cells[3, 7] = 5
    return cells


def test_rays_stop_at_the_border_of_the_cell_that_they_hit():
    angles = np.array([[0.0, np.pi / 2, np.pi, -np.pi / 2]])
    distances, hits = cast(room(), np.array([[2.5, 3.5]]), angles, 50.0)
    assert np.allclose(distances, [[4.5, 3.5, 1.5, 2.5]], atol=1e-6)
    assert hits.tolist() == [[5, 2, 2, 2]]


def test_rays_agree_with_small_steps():
    rng = np.random.default_rng(0)
    cells, reach = room(), 20.0
    origins, angles = rng.uniform(1, 7, (30, 2)), rng.uniform(0, 2 * np.pi, (30, 12))
    distances, _ = cast(cells, origins, angles, reach)
    ways = np.stack([np.cos(angles), np.sin(angles)], -1)
    for share in (0.1, 0.5, 0.9, 0.999):
        before = (origins[:, None] + share * distances[..., None] * ways).astype(int)
        assert (cells[before[..., 1], before[..., 0]] == 0).all()
    behind = (origins[:, None] + (distances[..., None] + 1e-3) * ways).astype(int)
    assert (cells[behind[..., 1], behind[..., 0]] > 0).all()


def test_nothing_is_hit_beyond_reach_or_outside():
    distances, hits = cast(room(), np.array([[4.5, 4.5]]), np.array([[np.pi / 2]]), 1.0)
    assert (distances.item(), hits.item()) == (1.0, 0)
    distances, hits = cast(np.zeros((3, 3), int), np.array([[1.5, 1.5]]), np.zeros((1, 1)), 9.0)
    assert (distances.item(), hits.item()) == (9.0, 0)


def test_a_ray_that_starts_in_a_wall_has_no_length():
    distances, hits = cast(room(), np.array([[0.5, 0.5]]), np.zeros((1, 1)), 9.0)
    assert (distances.item(), hits.item()) == (0.0, 2)
