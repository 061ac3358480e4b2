"""The checker of paths measures from the robot's way to the faces of obstacles."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.evaluation.collisions import gaps, in_cells
from equi_nodes.samples import GridSample


def sample(cells, resolution=0.1, origin=(0.0, 0.0, 0.0)):
    return GridSample(1, "map", resolution, np.array(origin), np.array(cells, np.int8))


def wall(height=20, width=20, row=10):
    cells = np.zeros((height, width), np.int8)
    cells[row] = 100
    return cells


def test_gap_is_measured_to_the_face_of_the_wall():
    path = np.array([[0.2, 0.55], [1.5, 0.55]])  # the wall's face lies at y = 1.0
    found = gaps(sample(wall()), path, 65)
    assert found == pytest.approx(np.full(len(found), 0.45))


def test_gap_to_a_corner_is_the_straight_distance():
    cells = np.zeros((20, 20), np.int8)
    cells[10, 10] = 100
    point = np.array([[0.7, 0.6], [0.7, 0.6]])
    assert gaps(sample(cells), point, 65)[0] == pytest.approx(0.5)


def test_crossing_a_wall_of_one_cell_is_found_between_far_points():
    path = np.array([[1.0, 0.2], [1.0, 1.9]])
    assert gaps(sample(wall()), path, 65).min() == 0.0


def test_turned_and_shifted_map_gives_the_same_gaps():
    path = np.array([[0.2, 0.3], [0.9, 0.7], [1.5, 0.4]])
    turn = np.array([[np.cos(0.7), -np.sin(0.7)], [np.sin(0.7), np.cos(0.7)]])
    moved = sample(wall(), origin=(5.0, -3.0, 0.7))
    there = path @ turn.T + (5.0, -3.0)
    np.testing.assert_allclose(in_cells(moved, there), path / 0.1)
    np.testing.assert_allclose(gaps(moved, there, 65), gaps(sample(wall()), path, 65), atol=1e-9)


def test_unknown_and_free_cells_are_no_obstacles():
    cells = np.where(wall() == 100, -1, 30)
    assert np.isinf(gaps(sample(cells), np.array([[1.0, 0.2], [1.0, 1.9]]), 65)).all()
