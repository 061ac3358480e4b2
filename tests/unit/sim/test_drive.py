"""A robot follows commands within its limits, and its IMU feels what it does."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from equi_nodes.geometry.rotations import exp_so3
from equi_nodes.samples import VelocityCommand
from equi_nodes.sim.drive import Drive, DriveLimits, Motion
from equi_nodes.sim.inertial import GRAVITY, Imu, Wheels, felt
from equi_nodes.sim.scenario import Sensors

PLACE = np.array([0.1, 0.05, 0.12])
STEP = 0.005


def drive(commands, carry_at=None, limits=DriveLimits()):
    """The motion (200 Hz) of a robot that gets the commands at 20 Hz, and the robot."""
    robot = Drive(limits, np.zeros(3), np.random.default_rng(0))
    pieces = []
    for number, command in enumerate(commands):
        if number == carry_at:
            robot.carry(np.array([1.2, 0.9, 0.7]), 0.5)
        pieces.append(robot.advance(VelocityCommand(*command), 10, STEP))
    columns = (np.concatenate([getattr(p, f.name) for p in pieces]) for f in fields(Motion))
    return Motion(*columns), robot


def wild(seconds):
    """Commands that start, stop and turn."""
    ticks = np.arange(round(seconds * 20))
    going = (ticks % 100 < 80) & (np.sin(ticks / 40) > -0.3)
    return np.stack([0.8 * going, 1.2 * np.sin(ticks / 17) * (ticks % 100 < 80)], 1)


@pytest.mark.parametrize("carry_at", [None, 150])
def test_what_the_imu_feels_integrates_to_where_the_robot_is(carry_at):
    motion, _ = drive(wild(30.0), carry_at)
    rates, forces = felt(motion, PLACE)
    truth = motion.T_w_b
    places = truth[:, :3, 3] + truth[:, :3, :3] @ PLACE
    R, p = truth[0, :3, :3], places[0]
    v = np.append(motion.velocity[0], 0.0) + R @ np.cross(rates[0], PLACE)
    for k in range(1, len(truth)):
        turned = R @ exp_so3(0.5 * (rates[k - 1] + rates[k]) * STEP)
        accel = 0.5 * (R @ forces[k - 1] + turned @ forces[k]) - [0.0, 0.0, GRAVITY]
        p, v, R = p + v * STEP + accel * STEP**2 / 2, v + accel * STEP, turned
    assert np.linalg.norm(p - places[-1]) < 0.02  # m, after half a minute without a correction
    assert np.abs(R - truth[-1, :3, :3]).max() < 1e-4


def test_speeds_come_to_the_command_within_the_limits():
    limits = DriveLimits()
    motion, _ = drive(np.tile([5.0, 9.0], (80, 1)), limits=limits)
    assert motion.wheels[-1] == pytest.approx([limits.speed, limits.yaw_rate], abs=1e-3)
    gains = np.diff(motion.wheels, axis=0) / STEP
    assert np.all(np.abs(gains).max(0) < np.array([limits.accel, limits.yaw_accel]) + 1e-6)
    assert np.all(motion.wheels.max(0) < 1.02 * np.array([limits.speed, limits.yaw_rate]))


def test_a_carried_robot_is_put_down_where_it_shall_be_and_its_wheels_stand():
    motion, robot = drive(np.zeros((20, 2)), carry_at=2)
    np.testing.assert_allclose(robot.place, [1.2, 0.9, 0.7], atol=1e-9)
    assert not motion.wheels.any() and not robot.is_carried
    assert np.linalg.norm(motion.velocity, axis=1).max() > 4.0
    assert np.abs(motion.velocity[-1]).max() < 1e-9


def test_an_imu_at_rest_shows_gravity_its_bias_and_its_noise():
    sensors = Sensors()
    motion, _ = drive(np.zeros((200, 2)))
    imu = Imu(sensors, PLACE, 200.0, np.random.default_rng(3))
    samples = imu.read(motion, np.arange(len(motion.position)) * 5_000_000)
    accel, gyro = (np.array([getattr(s, name) for s in samples]) for name in ("accel", "gyro"))
    assert accel.mean(0) == pytest.approx([0.0, 0.0, GRAVITY], abs=4 * sensors.accel_bias)
    white = np.diff(gyro, axis=0).std() / np.sqrt(2)
    assert white == pytest.approx(sensors.imu_noise["gyro"] * np.sqrt(200.0), rel=0.1)


def test_wheels_err_by_some_per_cent_and_stand_still_exactly():
    wheels = Wheels(Sensors(), np.random.default_rng(0))
    said = [wheels.read(np.array([0.5, 0.2]), k, 0.05).speed for k in range(400)]
    assert np.mean(said) == pytest.approx(0.5, rel=0.05) and 0.002 < np.std(said) < 0.03
    still = wheels.read(np.zeros(2), 0, 0.05)
    assert still.speed == 0.0 and still.yaw_rate == 0.0
