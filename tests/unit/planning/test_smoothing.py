"""Straight pieces touch no closed cell and cost no more than the path they replace."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.planning.search import a_star
from equi_nodes.planning.smoothing import densified, path_cost, pull_taut, segment_cost


def scattered(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    costs = (1 + 3 * (rng.random((40, 50)) < 0.2)).astype(np.float32)
    costs[rng.random((40, 50)) < 0.15] = np.inf
    costs[1, 1] = costs[38, 48] = 1
    return costs


@pytest.mark.parametrize("seed", range(20))
def test_a_piece_is_refused_exactly_where_samples_hit(seed):
    costs = scattered(seed)
    rng = np.random.default_rng(seed)
    for _ in range(50):
        a, b = rng.uniform(0, (40, 50)), rng.uniform(0, (40, 50))
        samples = a + np.linspace(0, 1, 20001)[:, None] * (b - a)
        cells = costs[tuple(samples.astype(int).T)]
        found = segment_cost(costs, *a, *b)
        if np.isinf(cells).any():
            assert np.isinf(found)
        elif np.isfinite(found):  # a sliver between two samples may be refused, never the reverse
            assert found == pytest.approx(cells.mean() * np.hypot(*(b - a)), rel=2e-3)


def test_a_piece_through_a_corner_needs_both_cells_beside_it():
    costs = np.ones((2, 2), np.float32)
    assert segment_cost(costs, 0.5, 0.5, 1.5, 1.5) == pytest.approx(np.sqrt(2))
    costs[0, 1] = np.inf
    assert np.isinf(segment_cost(costs, 0.5, 0.5, 1.5, 1.5))


def test_a_piece_that_leaves_the_map_is_refused():
    assert np.isinf(segment_cost(np.ones((5, 5), np.float32), 2.5, 2.5, 2.5, 5.5))


@pytest.mark.parametrize("seed", range(20))
def test_a_taut_path_costs_no_more_and_keeps_its_ends(seed):
    costs = scattered(seed)
    path, cost = a_star(costs, (1, 1), (38, 48))
    if not len(path):
        pytest.skip("this draw is not connected")
    points = path + 0.5
    taut = points[pull_taut(costs, np.isfinite(costs), points)]
    assert path_cost(costs, points) == pytest.approx(cost)
    assert path_cost(costs, taut) <= cost + 1e-6
    assert len(taut) < len(points)
    np.testing.assert_array_equal(taut[[0, -1]], points[[0, -1]])


def test_points_come_at_the_spacing_and_corners_stay():
    line = np.array([[0.0, 0.0], [0.0, 2.5], [1.0, 2.5]])
    dense = densified(line, 1.0)
    assert np.hypot(*np.diff(dense, axis=0).T).max() <= 1.0
    assert all((dense == corner).all(1).any() for corner in line)
