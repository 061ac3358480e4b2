"""Cells collect evidence: hits win in a sweep, higher rays clear nothing, the grid makes room."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.mapping.evidence import EvidenceGrid, Weights
from equi_nodes.mapping.view import Rays, look

RESOLUTION, HIGHEST, RANGE = 0.05, 1.2, 15.0
WEIGHTS = Weights.of_probabilities(0.62, 0.4, 0.05, 0.97)


def grid(window=0.0, largest=100.0):
    return EvidenceGrid(RESOLUTION, WEIGHTS, window, largest)


def add(evidence, ends, at=(0.0, 0.0), height=0.5, hits=True, times=1):
    """Add a sweep, some times; ends are x, y, height."""
    ends = np.array(ends, float).reshape(-1, 3)
    rays = Rays(np.array([*at, height]), ends, np.full(len(ends), hits), np.ones(len(ends), bool))
    for _ in range(times):
        agreement = evidence.add(rays, look(rays, RANGE, RESOLUTION), HIGHEST)
    return agreement


def cell(evidence, x, y):
    column, row = np.floor(np.array([x, y]) / RESOLUTION).astype(int) - evidence.corner
    return evidence.cells[row, column]


def test_a_wall_is_occupied_the_way_to_it_free_and_behind_it_unknown():
    evidence = grid()
    add(evidence, [(3.02, 0.02, 0.5), (3.02, 1.0, 0.5)], times=5)
    assert cell(evidence, 3.02, 0.02) > 80
    assert cell(evidence, 2.0, 0.02) < 20
    add(evidence, [(6.0, 3.0, 0.5)])
    assert cell(evidence, 4.0, 0.02) == -1


def test_one_sweep_is_not_believed_yet():
    evidence = grid()
    add(evidence, [(3.02, 0.02, 0.5)])
    assert 50 < cell(evidence, 3.02, 0.02) < 65


def test_what_stood_there_is_cleared_by_a_ray_that_passes_as_low():
    evidence = grid()
    add(evidence, [(2.02, 0.02, 0.4)], times=10)
    add(evidence, [(4.02, 0.02, 0.4)], times=20)
    assert cell(evidence, 2.02, 0.02) < 25


def test_a_ray_that_passes_above_a_low_obstacle_does_not_clear_it():
    evidence = grid()
    add(evidence, [(2.02, 0.02, 0.15)], times=10)
    add(evidence, [(4.02, 0.02, 0.5)], times=50)
    assert cell(evidence, 2.02, 0.02) > 80
    assert cell(evidence, 3.0, 0.02) < 25


def test_a_ray_above_the_band_says_nothing_of_what_is_beneath():
    evidence = grid()
    add(evidence, [(4.0, 0.02, 2.5)], hits=False, times=5)
    assert cell(evidence, 1.0, 0.02) < 25  # the ray is at 1 m height there
    assert evidence.corner[0] + evidence.cells.shape[1] <= 4.0 / RESOLUTION + 1
    assert cell(evidence, 2.5, 0.02) == -1


def test_what_a_robot_stands_on_is_free():
    evidence = grid()
    add(evidence, [(0.1, 0.0, 0.5), (2.0, 0.0, 0.5)], times=3)
    evidence.free_disc(np.array([0.0, 0.0]), 0.22)
    assert cell(evidence, 0.1, 0.0) <= 5


def test_a_map_grows_without_moving_what_it_knows():
    evidence = grid()
    add(evidence, [(2.02, 0.02, 0.5)], times=5)
    for x, y in ((-3.0, 1.0), (1.0, 8.0), (9.0, -9.0)):
        add(evidence, [(x, y, 0.5)], times=1)
    assert cell(evidence, 2.02, 0.02) > 80
    assert evidence.corner.dtype == np.int64


def test_a_map_does_not_outgrow_its_largest_size():
    evidence = grid(largest=4.0)
    add(evidence, [(1.5, 0.0, 0.5), (-1.0, 1.0, 0.5)], times=3)
    add(evidence, [(9.0, 0.0, 0.5)])
    assert evidence.is_full
    assert cell(evidence, 1.52, 0.02) != -1
    add(evidence, [(1.5, 0.0, 0.5)])
    assert not evidence.is_full


def test_a_rolling_map_keeps_its_size_and_what_is_still_in_it():
    evidence = grid(window=8.0)
    add(evidence, [(2.02, 0.02, 0.5)], times=5)
    for x in np.arange(0.0, 3.0, 0.25):
        add(evidence, [(x + 3.0, 2.0, 0.5)], at=(x, 0.0))
    assert evidence.cells.shape == (160, 160)
    assert cell(evidence, 2.02, 0.02) > 50
    add(evidence, [(30.0, 0.0, 0.5)], at=(28.0, 0.0))
    with pytest.raises(IndexError):
        cell(evidence, -200.0, 0.0)
    assert (evidence.cells == -1).mean() > 0.9


def test_agreement_tells_confirmed_from_contradicted():
    evidence = grid()
    wall = [(3.02, y, 0.5) for y in np.arange(-1.0, 1.0, 0.05)]
    add(evidence, wall, times=10)
    same = add(evidence, wall)
    assert same.confirmed > 30 and same.contradicted == 0
    other = add(evidence, [(1.5, y / 2, 0.5) for _, y, _ in wall])
    assert other.contradicted > 15 and other.confirmed == 0


def test_numbers_never_leave_their_range():
    evidence, rng = grid(), np.random.default_rng(0)
    for _ in range(50):
        add(evidence, rng.uniform((-6, -6, -0.5), (6, 6, 2.0), (500, 3)))
    cells = evidence.cells
    assert np.isfinite(evidence.evidence).all()
    assert cells.min() == -1 and cells.max() <= 100
