"""A run is the same every time, its readings come when they should, and its truth is the truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sim_room import BLIND, room_scenario

from equi_nodes.geometry.rotations import yaw_of
from equi_nodes.samples import VelocityCommand
from equi_nodes.sim.boxes import OCCUPIED
from equi_nodes.sim.scenario import KidnapEvent, make_scenario
from equi_nodes.sim.simulation import PERIOD_NS, Simulation


def run(scenario, steps=12, **options):
    """All readings of a robot that drives a bend, and the truth at the end."""
    simulation = Simulation(scenario, **options)
    readings = [simulation.step(VelocityCommand(0.5, 0.4)) for _ in range(steps)]
    simulation.close()
    return readings, simulation.truth


def flat(readings):
    """Every number that was read, one after the other."""
    numbers = []
    for r in readings:
        numbers += [np.r_[s.stamp_ns, s.gyro, s.accel] for s in r.imu]
        numbers += [np.array([w.stamp_ns, w.speed, w.yaw_rate]) for w in r.wheels]
        numbers += [side.ravel() for f in r.frames for side in (f.left, f.right)]
        numbers += [np.r_[c.points.ravel(), c.times, c.intensity, c.index] for c in r.clouds]
    return np.concatenate(numbers)


def test_equal_scenarios_and_commands_give_equal_readings_bit_for_bit():
    scenario = make_scenario("crowd", 4)
    small = replace(scenario, sensors=replace(scenario.sensors, picture=(94, 60)))
    one, other = (flat(run(small)[0]) for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, flat(run(replace(small, seed=9))[0]))


def test_readings_come_at_their_rates_and_times():
    readings, truth = run(room_scenario(sensors=replace(BLIND, picture=(94, 60))))
    stamps = [s.stamp_ns for r in readings for s in r.imu]
    assert set(np.diff(stamps)) == {5_000_000}
    assert [len(r.wheels) for r in readings] == [1] * 12
    assert [len(r.frames) for r in readings] == [len(r.clouds) for r in readings] == [0, 1] * 6
    for before, now in zip(readings[:-1], readings[1:]):
        assert now.stamp_ns - before.stamp_ns == PERIOD_NS
        assert before.stamp_ns < now.imu[0].stamp_ns and now.imu[-1].stamp_ns == now.stamp_ns
        assert all(f.stamp_ns == now.stamp_ns for f in now.frames)
    assert truth.stamp_ns == readings[-1].stamp_ns > 1_000_000_000_000


def test_the_truth_is_where_the_commands_lead():
    _, truth = run(room_scenario(), steps=40)
    assert yaw_of(truth.T_w_b) == pytest.approx(0.4 * 2.0, abs=0.15)
    assert np.linalg.norm(truth.velocity) == pytest.approx(0.5, abs=0.01)
    assert 0.6 < np.linalg.norm(truth.T_w_b[:2, 3]) < 1.0


def test_the_robot_stops_at_a_wall_and_is_to_blame():
    simulation = Simulation(room_scenario(turn=0.0))
    for _ in range(160):
        simulation.step(VelocityCommand(0.8, 0.0))
    truth = simulation.truth
    assert truth.T_w_b[0, 3] == pytest.approx(4.0 - 0.22, abs=0.02)
    assert truth.collisions[0].is_fault and truth.collisions[0].person is None
    assert np.isinf(truth.nearest_person)


def test_a_kidnapped_robot_is_elsewhere_and_its_wheels_said_nothing():
    scenario = room_scenario(events=(KidnapEvent(0.5),))
    simulation = Simulation(scenario)
    readings = [simulation.step(VelocityCommand()) for _ in range(25)]
    truth = simulation.truth
    assert np.linalg.norm(truth.T_w_b[:2, 3]) == pytest.approx(1.5, abs=1e-6)
    assert yaw_of(truth.T_w_b) == pytest.approx(np.radians(40.0), abs=1e-6)
    assert not any(w.speed for r in readings for w in r.wheels)
    assert max(np.linalg.norm(s.accel) for r in readings for s in r.imu) > 20.0


def test_the_true_map_shows_the_floor_turned_into_the_world():
    scenario = room_scenario(8.0, 6.0)
    grid = Simulation(scenario).truth_map(0.05)
    rows, columns = np.indices(grid.cells.shape)
    x, y = ((np.stack([columns, rows]) + 0.5) * 0.05) + grid.origin[:2, None, None]
    turn = scenario.floor.origin[2]
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    inside = (np.abs(u) < 4.0) & (np.abs(v) < 3.0)
    walls = ~inside & (np.abs(u) < 4.3) & (np.abs(v) < 3.3)
    for drawn, true in ((grid.cells == 0, inside), (grid.cells == 100, walls)):
        assert (drawn & true).sum() / (drawn | true).sum() > 0.95
    assert (grid.cells == -1).any() and grid.origin[2] == 0.0


def test_a_coarse_map_loses_no_wall():
    scenario = make_scenario("office", 1)
    fine, coarse = (Simulation(replace(scenario, sensors=BLIND)).truth_map(r) for r in (0.05, 0.1))
    share = (coarse.cells >= OCCUPIED).mean() / (fine.cells >= OCCUPIED).mean()
    assert 1.0 < share < 2.0


def test_faults_change_readings_and_nothing_else():
    def deaf(readings):
        return replace(readings, imu=())

    sound, truth = run(room_scenario(), faults=())
    faulty, same = run(room_scenario(), faults=(deaf,))
    assert not any(r.imu for r in faulty) and all(r.imu for r in sound)
    assert np.array_equal(truth.T_w_b, same.T_w_b)
    assert np.array_equal(sound[-1].clouds[0].points, faulty[-1].clouds[0].points)
