"""The LiDAR measures the room that is there, each point when and from where it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sim_room import BLIND, TURN, room_scenario

from equi_nodes.geometry.rotations import transform
from equi_nodes.samples import VelocityCommand
from equi_nodes.sim.crowd import Person
from equi_nodes.sim.simulation import Simulation
from equi_nodes.sim.world_model import WALL_HEIGHT

SENSORS = replace(BLIND, rings=16, columns=900)
HALF = np.array([4.0, 3.0])  # m, of the room


@pytest.fixture(scope="module")
def run():
    """Two seconds of a robot that drives a bend: clouds, and poses (2000 Hz) over time in s."""
    simulation = Simulation(room_scenario(sensors=SENSORS))
    clouds, times, poses = [], [0.0], [simulation.truth.T_w_b]
    for _ in range(40):
        clouds += simulation.step(VelocityCommand(0.8, 1.4)).clouds
        times += (times[-1] + 0.005 * np.arange(1, 11)).tolist()
        poses += list(simulation._motion.T_w_b)
    return simulation, clouds, np.array(times), np.array(poses)


def in_the_room(run, cloud):
    """Points (N, 3) of a cloud in the axes of the room, each by the pose at its own time."""
    simulation, _, times, poses = run
    at = (cloud.stamp_ns - 1_000_000_000_000) / 1e9 + cloud.times
    nearest = np.searchsorted(times, at).clip(0, len(times) - 1)  # 5 ms at most too late
    points = transform(simulation.rig.T_base_lidar, cloud.points)
    world = np.einsum("nij,nj->ni", poses[nearest, :3, :3], points) + poses[nearest, :3, 3]
    cos, sin = np.cos(-TURN), np.sin(-TURN)
    world[:, :2] = world[:, :2] @ np.array([[cos, -sin], [sin, cos]]).T
    return world


def test_points_of_a_moving_sensor_lie_on_walls_floor_and_ceiling(run):
    cloud = run[1][-1]
    points = in_the_room(run, cloud)
    beyond_wall = np.abs(np.abs(points[:, :2]) - HALF).min(1)
    off = np.minimum(beyond_wall, np.minimum(abs(points[:, 2]), abs(points[:, 2] - WALL_HEIGHT)))
    assert len(points) > 14_000
    assert np.sqrt((off**2).mean()) < 0.025  # m, of 0.02 m of noise along the rays
    assert off.max() < 0.15


def test_taking_a_sweep_for_one_instant_is_much_worse(run):
    simulation, clouds, times, poses = run
    still = replace(clouds[-1], times=np.zeros(len(clouds[-1].points), np.float32))
    points = in_the_room(run, still)
    wall = (points[:, 2] > 0.2) & (points[:, 2] < WALL_HEIGHT - 0.2)
    off = np.abs(np.abs(points[wall, :2]) - HALF).min(1)
    assert np.sqrt((off**2).mean()) > 0.04


def test_times_columns_and_rings_follow_from_the_index(run):
    cloud = run[1][0]
    columns, rings = np.divmod(cloud.index, SENSORS.rings)
    np.testing.assert_allclose(cloud.times, columns * 0.1 / SENSORS.columns, atol=1e-6)
    flat = np.linalg.norm(cloud.points[:, :2], axis=1)
    elevation = np.arctan2(cloud.points[:, 2], flat)
    np.testing.assert_allclose(elevation, np.linspace(*SENSORS.elevation, 16)[rings], atol=1e-5)
    azimuth = np.arctan2(cloud.points[:, 1], cloud.points[:, 0])
    assert np.all(np.diff(azimuth[columns > 0][::16]) > -1e-3)  # once around, to the left


def test_clouds_come_at_10_hz_stamped_at_their_start(run):
    stamps = [cloud.stamp_ns for cloud in run[1]]
    assert stamps == [1_000_000_000_000 + k * 100_000_000 for k in range(20)]


def test_people_are_seen_with_legs_and_the_robot_itself_is_not():
    person = Person(np.array([[2.0, 0.0]]), np.array([2.0, 0.0]), 0, 1.3, 0)
    simulation = Simulation(room_scenario(sensors=SENSORS, people=(person,)))
    clouds = [c for _ in range(2) for c in simulation.step(VelocityCommand()).clouds]
    points = transform(simulation.rig.T_base_lidar, clouds[0].points)
    near = np.linalg.norm(points[:, :2] - [2.0, 0.0], axis=1) < 0.4
    body = points[near & (points[:, 2] > 0.1)]
    assert len(body) > 60
    assert body[:, 2].min() < 0.4 and body[:, 2].max() > 1.0
    assert np.linalg.norm(points[:, :2], axis=1).min() > 1.0
