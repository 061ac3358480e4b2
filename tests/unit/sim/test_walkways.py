"""Ways keep from walls, lead round them, and are no longer than they need to be."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.sim.walkways import Walkways, length_of

RESOLUTION = 0.05


@pytest.fixture(scope="module")
def walls():
    """A room of 10 x 6 m with a wall across it that leaves a door of 1.2 m at the top."""
    solid = np.zeros((120, 200), bool)
    solid[:4] = solid[-4:] = solid[:, :4] = solid[:, -4:] = True
    solid[:92, 98:102] = True
    return solid


def test_a_way_goes_through_the_door_and_keeps_clear(walls):
    ways = Walkways(walls, RESOLUTION, 0.35)
    path = ways.path(np.array([2.0, 1.0]), np.array([8.0, 1.0]))
    assert np.linalg.norm(path[0] - [2.0, 1.0]) < 0.1
    assert np.linalg.norm(path[-1] - [8.0, 1.0]) < 0.1
    assert all(ways.is_clear(a, b) for a, b in zip(path[:-1], path[1:]))
    shortest = np.hypot(2.9, 3.6) + np.hypot(2.9, 3.6) + 0.2  # touching the end of the wall
    assert shortest < length_of(path) < shortest + 1.3


def test_a_wider_body_does_not_fit_through(walls):
    narrow, wide = (Walkways(walls, RESOLUTION, keep) for keep in (0.35, 0.7))
    assert wide.area < 0.6 * narrow.area
    assert narrow.clearance.min() >= 0.35 and wide.clearance.min() >= 0.7


def test_costs_grow_from_the_start(walls):
    ways = Walkways(walls, RESOLUTION, 0.35)
    costs = ways.costs(np.array([2.0, 1.0]))
    far = np.argmin(np.linalg.norm(ways.points - [8.0, 1.0], axis=1))
    near = np.argmin(np.linalg.norm(ways.points - [3.0, 1.0], axis=1))
    assert costs[near] < 2.5 < 10.0 < costs[far] < 25.0
