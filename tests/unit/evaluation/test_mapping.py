"""Overlap and ghosts are counted as they are defined, in any frame of the truth."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.evaluation.mapping import VARIANTS, map_figures, map_scenario
from equi_nodes.samples import GridSample
from equi_nodes.sim.scenario import make_scenario


def building():
    """Return a true map: a room of 4 m x 3 m with walls two cells thick."""
    cells = np.full((64, 84), 100, np.int8)
    cells[2:-2, 2:-2] = 0
    return GridSample(0, "odom", 0.05, np.array([-0.1, -0.1, 0.0]), cells)


def mapped(truth, change=lambda cells: None):
    """Return what a perfect mapper would make of it: 3 and 97 per cent."""
    cells = np.where(truth.cells > 0, 97, 3).astype(np.int8)
    change(cells)
    return GridSample(1, "odom", truth.resolution, truth.origin, cells)


def test_a_perfect_map_overlaps_fully():
    figures = map_figures(mapped(building()), building())
    assert (figures["iou_free"], figures["iou_occupied"], figures["ghosts"]) == (1.0, 1.0, 0.0)
    assert figures["seen_m2"] == pytest.approx(4.0 * 3.0)


def test_what_was_not_seen_counts_neither_way():
    def forget(cells):
        cells[:, 40:] = -1

    figures = map_figures(mapped(building(), forget), building())
    assert (figures["iou_free"], figures["iou_occupied"]) == (1.0, 1.0)
    assert figures["seen_m2"] == pytest.approx(3.0 * 38 * 0.05)


def test_a_wall_one_cell_off_is_right_and_three_cells_off_is_wrong():
    def shift(cells, off):
        cells[2 : 2 + off] = 97

    near = map_figures(mapped(building(), lambda c: shift(c, 1)), building())
    far = map_figures(mapped(building(), lambda c: shift(c, 3)), building())
    assert near["iou_occupied"] == 1.0 and near["iou_free"] < 1.0
    assert far["iou_occupied"] < 0.9


def test_ghosts_are_what_stands_amid_the_floor_unless_somebody_is_there():
    def ghost(cells):
        cells[30:34, 40:44] = 90

    grid = mapped(building(), ghost)
    assert map_figures(grid, building())["ghost_m2"] == pytest.approx(16 * 0.05**2)
    middle = np.array([[42 * 0.05 - 0.1, 32 * 0.05 - 0.1]])
    assert map_figures(grid, building(), middle)["ghost_m2"] == 0.0


def test_a_truth_with_other_axes_is_compared_where_it_lies():
    truth = building()
    turned = GridSample(
        0, "odom", 0.05, np.array([-0.1, 3.1, -np.pi / 2]), np.rot90(truth.cells, 1).copy()
    )
    figures = map_figures(mapped(truth), turned)
    assert figures["iou_free"] > 0.999


def test_a_simulated_drive_is_mapped_well():
    found = map_scenario(make_scenario("office", 0), seconds=3.0)
    assert tuple(found) == VARIANTS
    for one in found.values():
        assert one.figures["iou_free"] > 0.7  # what was seen once is not believed yet
        assert one.figures["seen_m2"] > 10.0
