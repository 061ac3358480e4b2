"""The closest points: as a search by hand finds them, each centre with its own, and of few."""

from __future__ import annotations

import pytest
import torch

from equi_nodes.geometry.neighbours import closest

DRAW = torch.Generator().manual_seed(0)
POINTS, CENTRES = torch.randn(2, 30, 3, generator=DRAW), torch.randn(2, 7, 3, generator=DRAW)


def test_the_closest_are_those_that_a_sort_puts_first():
    mask = torch.rand(2, 30, generator=DRAW) > 0.3
    found = closest(CENTRES, POINTS, mask, 5)
    away = torch.cdist(CENTRES, POINTS).masked_fill(~mask[:, None], torch.inf)
    assert torch.equal(found.index, away.argsort(-1)[..., :5])
    rows = torch.arange(2)[:, None, None]
    assert torch.allclose(found.offsets, POINTS[rows, found.index] - CENTRES[:, :, None])
    assert (found.weight > 0).all() and (found.weight.diff() < 0).all()


def test_each_centre_may_have_its_own_points():
    mask = torch.rand(2, 7, 30, generator=DRAW) > 0.6
    found = closest(CENTRES, POINTS, mask, 4)
    chosen = mask.gather(2, found.index)
    assert torch.equal(chosen, found.weight > 0)
    for centre in range(7):
        alone = closest(CENTRES[:, [centre]], POINTS, mask[:, centre], 4)
        assert torch.equal(alone.index[:, 0], found.index[:, centre])


@pytest.mark.parametrize("points", [1, 3])
def test_of_fewer_points_than_asked_for_the_rest_has_no_weight(points):
    few = POINTS[:, :points]
    found = closest(CENTRES, few, torch.ones(2, points, dtype=torch.bool), 4)
    assert found.index.shape == (2, 7, 4) and int(found.index.max()) < points
    assert torch.equal(found.weight > 0, torch.arange(4).expand(2, 7, 4) < points)


def test_with_no_point_at_all_none_has_weight():
    found = closest(CENTRES, POINTS, torch.zeros(2, 30, dtype=torch.bool), 4)
    assert not found.weight.any()
