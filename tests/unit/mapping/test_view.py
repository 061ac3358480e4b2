"""What a sweep sees from above: up to the nearest obstacle, and by the lowest ray."""

from __future__ import annotations

import numpy as np

from equi_nodes.mapping.view import AZIMUTHS, Rays, is_obstacle, look

STEP = 0.05
SENSOR = np.array([0.0, 0.0, 0.5])


def rays(*ends, hits=None):
    """Return rays of a sensor half a metre above the ground; ends are x, y, height."""
    ends = np.array(ends, float)
    is_hit = np.ones(len(ends), bool) if hits is None else np.array(hits)
    return Rays(SENSOR, ends, is_hit, np.ones(len(ends), bool))


def seen(view, yaw=0.0):
    """Return reach and slopes of the azimuth of a direction."""
    turn = int((yaw / (2 * np.pi) + 0.5) * AZIMUTHS) % AZIMUTHS
    return view.reaches[turn], view.slopes[turn]


def test_a_direction_is_seen_up_to_the_cell_before_its_nearest_obstacle():
    reach, _ = seen(look(rays((4.0, 0.0, 0.5), (2.0, 0.0, 0.3), (6.0, 0.0, 0.9)), 15.0, STEP))
    assert abs(reach - (2.0 - STEP)) < 1e-9


def test_the_floor_is_seen_up_to_the_end_of_the_ray():
    reach, _ = seen(look(rays((3.0, 0.0, 0.0), hits=[False]), 15.0, STEP))
    assert abs(reach - 3.0) < 1e-9


def test_directions_without_a_ray_and_places_beyond_the_range_are_not_seen():
    view = look(rays((30.0, 0.0, 0.5)), 10.0, STEP)
    assert seen(view)[0] == 10.0
    assert seen(view, np.pi / 2)[0] == 0.0


def test_each_distance_knows_its_lowest_ray():
    # One ray ends on the floor at 2 m, a level one goes on to a wall.
    _, slopes = seen(look(rays((2.0, 0.0, 0.0), (5.0, 0.0, 0.5), hits=[False, True]), 15.0, STEP))
    np.testing.assert_allclose(slopes[int(1.0 / STEP)], -0.25, atol=1e-6)
    np.testing.assert_allclose(slopes[int(3.0 / STEP)], 0.0, atol=1e-6)
    assert np.isinf(slopes[int(5.5 / STEP)])


def test_a_hole_is_not_seen_as_floor():
    reach, _ = seen(look(rays((7.0, 0.0, -0.9), hits=[False]), 15.0, STEP))
    assert abs(reach - 3.5) < 1e-6  # where the ray is 0.2 m below the ground


def test_an_obstacle_is_higher_than_the_floor_and_lower_than_the_robot():
    heights = np.array([0.05, 0.15, 0.8, 1.3, 0.15])
    distances = np.array([1.0, 1.0, 1.0, 1.0, 10.0])
    found = is_obstacle(heights, distances, (0.1, 1.2), 0.02)
    assert found.tolist() == [False, True, True, False, False]
