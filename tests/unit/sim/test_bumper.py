"""Whatever stands ahead makes the robot stop before it; what stands beside does not."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.samples import CloudSample, VelocityCommand
from equi_nodes.sim.bumper import Near, safe_speed

CONFIG = PathFollowerConfig()
RNG = np.random.default_rng(0)
T_BASE_SENSOR = np.eye(4)
T_BASE_SENSOR[2, 3] = 0.6


def wall(start, end, noise=0.02):
    """Return points of a wall with the noise of a LiDAR."""
    line = np.linspace(start, end, 400)
    return line + noise * RNG.standard_normal(line.shape)


def test_it_may_drive_on_where_nothing_is_ahead():
    assert safe_speed(np.zeros((0, 2)), 0.0, CONFIG) == np.inf
    assert safe_speed(wall((2.0, -1.0), (2.0, 1.0)), 0.0, CONFIG) == np.inf


@pytest.mark.parametrize("distance", [0.4, 0.5, 0.7, 0.8])
def test_the_robot_can_stop_before_a_wall(distance):
    speed = min(safe_speed(wall((distance, -1.0), (distance, 1.0)), 0.0, CONFIG), CONFIG.speed)
    way = speed * CONFIG.reaction_time + speed**2 / (2 * CONFIG.acceleration)
    assert way <= distance - CONFIG.robot_radius


def test_it_stands_before_what_is_close_and_backs_off_from_it():
    points = wall((0.3, -0.5), (0.3, 0.5))
    assert safe_speed(points, 0.0, CONFIG) == 0.0
    assert safe_speed(points, 0.0, CONFIG, backwards=True) == np.inf


def test_walls_of_a_doorway_do_not_stop_it():
    sides = [wall((-1.0, y), (2.0, y)) for y in (-0.26, 0.26)]
    assert safe_speed(np.concatenate(sides), 0.0, CONFIG) == np.inf


def test_a_curve_that_leads_past_is_free_and_one_that_leads_into_a_wall_is_not():
    beside = wall((-1.0, 0.4), (2.0, 0.4))
    assert safe_speed(beside, 0.0, CONFIG) == np.inf
    assert safe_speed(beside, 1.5, CONFIG) < CONFIG.speed


def test_few_stray_points_do_not_stop_it():
    assert safe_speed(np.array([[0.4, 0.0], [0.5, 0.1]]), 0.0, CONFIG) == np.inf


def near(points, **known):
    cloud = CloudSample(0, "lidar", np.asarray(points, np.float32), **known)
    return Near(cloud, T_BASE_SENSOR, 0.17)


def test_floor_ceiling_the_robot_itself_and_rays_without_echo_are_left_out():
    points = [(1, 0, -0.6), (1, 0, 1.0), (0.1, 0, 0), (0, 1, 0), (1, 0, 0), (9, 0, 0)]
    echoes = np.array([True, True, True, False, True, True])
    kept = near(points, is_return=echoes).at(0, VelocityCommand())
    assert np.allclose(kept, [(1, 0)])


def test_points_move_as_the_robot_goes_on_from_the_time_of_each():
    sweep = near([(1, 0, 0), (1, 0, 0)], times=np.array([0.0, 0.1], np.float32))
    moved = sweep.at(200_000_000, VelocityCommand(0.5, 0.0))
    assert np.allclose(moved, [(0.9, 0.0), (0.95, 0.0)])
    turned = sweep.at(200_000_000, VelocityCommand(0.0, 1.0))
    assert np.allclose(np.arctan2(turned[:, 1], turned[:, 0]), [-0.2, -0.1])
