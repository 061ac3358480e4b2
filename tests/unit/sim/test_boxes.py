"""Boxes cover what is solid, and keep bodies out of it, whichever way the floor is turned."""

from __future__ import annotations

import numpy as np
import pytest
from sim_room import room_scenario

from equi_nodes.sim.boxes import Obstacles, merged, skin


def test_boxes_cover_every_solid_cell_once():
    solid = np.random.default_rng(0).random((40, 60)) < 0.6
    covered = np.zeros(solid.shape, int)
    for row, column, end_row, end_column in merged(solid):
        covered[row:end_row, column:end_column] += 1
    np.testing.assert_array_equal(covered, solid)


def test_a_plain_rectangle_is_one_box():
    solid = np.zeros((20, 30), bool)
    solid[3:9, 5:25] = True
    assert merged(solid).tolist() == [[3, 5, 9, 25]]
    assert len(merged(~np.ones((4, 4), bool))) == 0


def test_only_what_is_near_free_space_is_built():
    solid = np.ones((60, 60), bool)
    solid[25:35, 25:35] = False
    kept = skin(solid, 0.1)
    assert kept[24, 30] and kept[22, 30] and not kept[15, 30] and not kept[30, 30]


@pytest.mark.parametrize("turn", [0.0, 0.4, -2.0])
def test_gaps_and_directions_turn_with_the_floor(turn):
    room = Obstacles.of_floor(room_scenario(8.0, 6.0, turn).floor)
    along = np.array([np.cos(turn), np.sin(turn)])
    gaps, away = room.gaps(np.stack([3.0 * along, 4.1 * along]))
    np.testing.assert_allclose(gaps, [1.0, -0.1], atol=1e-9)
    np.testing.assert_allclose(away, [-along, -along], atol=1e-9)


def test_discs_are_pushed_out_of_walls_and_corners():
    room = Obstacles.of_floor(room_scenario().floor)
    points = np.random.default_rng(1).uniform(-3.2, 3.2, (200, 2))
    assert room.gaps(room.pushed_out(points, 0.3))[0].min() > 0.3 - 1e-9
