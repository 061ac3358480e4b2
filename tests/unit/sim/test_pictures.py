"""The pictures show the world that the LiDAR measures, through the lenses that the rig states."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from sim_room import BLIND, room_scenario

from equi_nodes.samples import VelocityCommand
from equi_nodes.sim.crowd import Person
from equi_nodes.sim.physics import cast_rays, mujoco
from equi_nodes.sim.scenario import LightEvent
from equi_nodes.sim.scenario_floors import Furniture
from equi_nodes.sim.simulation import Simulation
from equi_nodes.sim.world_model import CAMERAS, RAY_GROUPS

SENSORS = replace(BLIND, picture=(188, 120))
DESK = Furniture(np.array([6.0, 3.5]), np.array([6.8, 5.0]), 0.75)
PERSON = Person(np.array([[2.0, -0.5]]), np.array([2.0, -0.5]), 0, 1.3, 0)


def make(**extras):
    scene = {"sensors": SENSORS, "furniture": (DESK,), "people": (PERSON,)}
    return Simulation(room_scenario(**{**scene, **extras}))


def frames(simulation, steps=4):
    found = [f for _ in range(steps) for f in simulation.step(VelocityCommand(0.3, 0.2)).frames]
    simulation.close()
    return found


@pytest.mark.parametrize("side", [0, 1])
def test_depths_of_a_picture_are_those_of_rays_through_the_camera_model(side):
    simulation = make()
    frames_seen = [simulation.step(VelocityCommand(0.3, 0.2)) for _ in range(4)]
    world, camera = simulation._world, simulation.rig.cameras[side]
    renderer = simulation._cameras._renderer
    renderer.update_scene(world.data, CAMERAS[side], simulation._cameras._options)
    renderer.enable_depth_rendering()
    drawn = renderer.render().copy()
    grid = np.stack(np.meshgrid(np.arange(4, 188, 9), np.arange(4, 120, 9)), -1).reshape(-1, 2)
    T = simulation.truth.T_w_b @ simulation.rig.T_base_cameras[side]
    rays = np.c_[camera.normalise(grid), np.ones(len(grid))]
    lengths = np.linalg.norm(rays, axis=1)
    directions = (rays / lengths[:, None]) @ T[:3, :3].T
    measured, _ = cast_rays(world.model, world.data, T[:3, 3], directions, RAY_GROUPS, 30.0)
    error = np.abs(drawn[grid[:, 1], grid[:, 0]] - measured / lengths)
    simulation.close()
    assert len(frames_seen[-1].frames) == 1
    assert np.median(error) < 0.005  # m
    assert (error < 0.02 * measured).mean() > 0.97  # the rest are pixels on edges


def test_pictures_are_full_of_corners_everywhere():
    frame = frames(make(sensors=replace(SENSORS, picture=(376, 240))))[-1]
    assert frame.left.shape == frame.right.shape == (240, 376)
    assert 60 < frame.left.mean() < 200 and frame.left.std() > 20
    corners = cv2.goodFeaturesToTrack(frame.left, 2000, 0.005, 5)[:, 0]
    places = (corners // [94, 60]).astype(int)
    assert len(corners) > 250 and len(np.unique(places, axis=0)) == 16


def test_near_things_are_shifted_between_left_and_right():
    frame = frames(make(sensors=replace(SENSORS, picture=(376, 240))))[-1]
    matched = cv2.StereoSGBM_create(0, 64, 7).compute(frame.left, frame.right) / 16
    floor = matched[-25:, 100:]  # 0.6 to 0.9 m ahead
    focal, baseline = 188.0, SENSORS.baseline
    distances = focal * baseline / floor[floor > 0]
    assert 0.6 < np.median(distances) < 0.9


def test_when_the_light_goes_out_pictures_are_nearly_black():
    bright, dark = frames(make(events=(LightEvent(0.1, 0.01),)))
    assert bright.left.mean() > 60 and dark.left.mean() < 4


def test_without_pictures_there_are_no_cameras():
    simulation = make(sensors=BLIND)
    assert simulation.rig.cameras == () and frames(simulation) == []


def test_the_camera_of_the_model_looks_where_the_rig_says():
    simulation = make()
    data = simulation._world.data
    simulation._world.place_robot(np.zeros(2), np.zeros(3))
    simulation._world.update()
    for name, T in zip(CAMERAS, simulation.rig.T_base_cameras):
        number = mujoco.mj_name2id(simulation._world.model, mujoco.mjtObj.mjOBJ_CAMERA, name)
        np.testing.assert_allclose(data.cam_xpos[number], T[:3, 3], atol=1e-9)
    simulation.close()
