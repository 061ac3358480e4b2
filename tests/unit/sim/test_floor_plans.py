"""Floors made up from a seed are whole, of a building's size, and never the same twice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from equi_nodes.errors import EquiError
from equi_nodes.sim.floor_layouts import LAYOUTS
from equi_nodes.sim.floor_plans import KINDS, floor_plan
from equi_nodes.sim.floor_scans import scanned

ROBOT_RADIUS = 0.22  # m


def plan(seed, kind=None, resolution=0.1, as_scanned=False):
    return floor_plan(np.random.default_rng(seed), kind, resolution, as_scanned)


@pytest.mark.parametrize("as_scanned", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_plan_is_one_connected_building(kind, as_scanned):
    for seed in range(4):
        cells = plan(seed, kind, as_scanned=as_scanned)
        assert cells.dtype == np.int8 and set(np.unique(cells)) == {0, 100}
        assert ndimage.label(cells == 0)[1] == 1
        assert 7.0 < min(cells.shape) * 0.1 and max(cells.shape) * 0.1 < 95.0
        assert (cells == 0).sum() * 0.01 > 80.0  # m^2
        rim = np.r_[cells[0], cells[-1], cells[:, 0], cells[:, -1]]
        assert (rim == 100).all()


@pytest.mark.parametrize("kind", KINDS)
def test_robot_gets_around(kind):
    for seed in range(8):
        distance = ndimage.distance_transform_edt(plan(seed, kind) == 0) * 0.1
        labels, _ = ndimage.label(distance > ROBOT_RADIUS)
        sizes = np.bincount(labels.ravel())[1:]
        assert sizes.max() > 0.7 * sizes.sum()


def test_scanners_add_to_buildings_and_never_close_one():
    drawn = [np.random.default_rng(seed) for seed in range(12)]
    grown = 0
    for rng in drawn:
        sheet = LAYOUTS["office"](rng).solid
        seen = scanned(sheet, rng)
        rim = (seen.shape[0] - sheet.shape[0]) // 2
        inner = seen[rim : rim + sheet.shape[0], rim : rim + sheet.shape[1]]
        assert not (inner[sheet == 0] == 255).any()
        grown += (seen == 0).sum() > (sheet == 0).sum()
    assert grown == len(drawn)


def test_seed_decides_the_plan():
    np.testing.assert_array_equal(plan(3), plan(3))
    assert plan(3).shape != plan(4).shape or (plan(3) != plan(4)).any()


def test_finer_cells_show_the_same_building_larger():
    coarse, fine = plan(5, "home"), plan(5, "home", resolution=0.05)
    assert np.array(fine.shape) / coarse.shape == pytest.approx([2.0, 2.0], rel=0.1)


@pytest.mark.parametrize("wrong", [{"kind": "castle"}, {"resolution": 0.0}, {"resolution": 0.5}])
def test_impossible_wishes_are_refused(wrong):
    with pytest.raises(EquiError):
        plan(0, **wrong)
