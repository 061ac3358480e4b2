"""The searches find what SciPy's Dijkstra finds, the same both ways, and end when told to."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from equi_nodes.planning.search import a_star, field_from, path_to

SEEDS = range(8)


def grid(seed: int) -> np.ndarray:
    """Costs of a grid a third of which is closed."""
    rng = np.random.default_rng(seed)
    costs = rng.choice((1.0, rng.uniform(1, 30)), (30, 40)) + rng.random((30, 40))
    costs[rng.random((30, 40)) < 0.3] = np.inf
    costs[3, 4] = costs[20, 30] = 1.0
    return costs.astype(np.float32)


def reference(costs: np.ndarray, start: tuple[int, int]) -> np.ndarray:
    """Cost of every cell from the start, by SciPy on an explicit graph."""
    height, width = costs.shape
    rows, columns, lengths = [], [], []
    for r in range(height):
        for c in range(width):
            for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
                a, b = r + down, c + right
                if a >= height or not 0 <= b < width:
                    continue
                cells = [costs[r, c], costs[a, b]] + [costs[r, b], costs[a, c]] * bool(down * right)
                if np.isfinite(cells).all():
                    rows.append(r * width + c)
                    columns.append(a * width + b)
                    lengths.append(np.hypot(down, right) * np.mean(cells[:2]))
    graph = csr_matrix((lengths, (rows, columns)), (costs.size, costs.size))
    return dijkstra(graph, False, start[0] * width + start[1]).reshape(costs.shape)


@pytest.mark.parametrize("seed", SEEDS)
def test_field_is_that_of_dijkstra(seed):
    costs = grid(seed)
    np.testing.assert_allclose(field_from(costs, [(3, 4)]).cost, reference(costs, (3, 4)), 1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_star_is_optimal_and_its_path_costs_what_it_says(seed):
    costs = grid(seed)
    path, cost = a_star(costs, (3, 4), (20, 30))
    assert cost == pytest.approx(reference(costs, (3, 4))[20, 30], rel=1e-5)
    if np.isinf(cost):
        assert len(path) == 0
        return
    assert tuple(path[0]) == (3, 4) and tuple(path[-1]) == (20, 30)
    steps = np.hypot(*np.diff(path, axis=0).T)
    cells = costs[tuple(path.T)]
    assert steps.max() < 1.5
    assert cost == pytest.approx((steps * (cells[1:] + cells[:-1]) / 2).sum())


def test_a_way_costs_the_same_there_and_back():
    costs = grid(1)
    there, back = a_star(costs, (3, 4), (20, 30))[1], a_star(costs, (20, 30), (3, 4))[1]
    assert there == pytest.approx(back) and np.isfinite(there)


def test_no_corner_is_cut():
    costs = np.ones((4, 4), np.float32)
    costs[1, 2] = np.inf
    path, _ = a_star(costs, (1, 1), (2, 2))
    assert path.tolist() == [[1, 1], [2, 1], [2, 2]]


def test_the_nearest_of_many_sources_is_told():
    costs = np.ones((3, 9), np.float32)
    field = field_from(costs, [(1, 0), (1, 8)])
    assert field.source[1].tolist() == [0] * 4 + [field.source[1, 4]] + [1] * 4
    assert path_to(field, (1, 7)).tolist() == [[1, 8], [1, 7]]


def test_a_search_that_ends_early_is_right_where_it_came_to():
    costs, wanted = np.ones((30, 40), np.float32), [(5, 9), (9, 5)]
    early, whole = field_from(costs, [(3, 4)], wanted), field_from(costs, [(3, 4)])
    for cell in wanted:
        assert early.cost[cell] == whole.cost[cell]
    assert np.isinf(early.cost).any() and np.isfinite(whole.cost).all()


def test_another_thread_ends_a_search():
    costs = np.ones((3000, 3000), np.float32)
    costs[1500, :-1] = np.inf  # the way round is found last
    stop = np.zeros(1, bool)
    assert len(a_star(costs, (0, 0), (2999, 0), stop)[0])  # found, and compiled
    threading.Timer(0.01, stop.__setitem__, (0, True)).start()
    assert len(a_star(costs, (0, 0), (2999, 0), stop)[0]) == 0
