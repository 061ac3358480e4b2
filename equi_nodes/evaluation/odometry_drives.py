"""The odometry of the simulated robot, driven by what is true: with and without its wheels.

Both odometries take the same readings of one drive, so that they differ by the wheels alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from equi_nodes.config.load import load, read_parameter_file
from equi_nodes.config.paths import share_dir
from equi_nodes.config.vio import PARTS
from equi_nodes.datasets.euroc import PoseTable
from equi_nodes.evaluation.guide import guided
from equi_nodes.evaluation.odometry import OdometryRun, Step, error_table, measure, origin_of
from equi_nodes.geometry.rotations import inverse
from equi_nodes.pipelines.odometry import Odometry, OdometryParts, make_rig
from equi_nodes.samples import Frame
from equi_nodes.sim.mounts import Mounts
from equi_nodes.sim.scenario import Scenario
from equi_nodes.sim.simulation import Readings, Simulation

WAYS = ("wheels", "no wheels")
STANDING = 1.0  # s at the start


def simulated_parts() -> OdometryParts:
    """Return the settings that the odometry has on the simulated robot."""
    values = read_parameter_file(share_dir() / "config" / "nodes" / "vio_sim.param.yaml")
    parts = {name: load(kind, values.get(name, {})) for name, kind in PARTS.items()}
    return OdometryParts(**parts | {"mapping": None})


def drive_odometry(
    scenario: Scenario,
    seconds: float,
    parts: OdometryParts,
    report: Callable[[float], None] = lambda share: None,
) -> dict[str, dict]:
    """Drive through a scenario and return the figures of each of ``WAYS``.

    Args:
        scenario: its robot drives by its true pose, whatever the odometry says.
        seconds: after which it ends, if not at its last goal.
        parts: settings of the odometry.
        report: is told the share of the time that has gone.

    Returns:
        those of ``evaluation.odometry.measure``; ``driven_m``, ``ate_share`` of it, and the error
        without alignment but at the start: ``end_m`` and ``worst_m``. Times are of the processor.
    """
    blunt = replace(scenario.sensors, rings=1, columns=4)  # nobody looks at the sweeps
    world = Simulation(replace(scenario, sensors=blunt))
    try:
        ridden = {way: _Ride(world.rig, parts, with_wheels=way == WAYS[0]) for way in WAYS}
        poses, began_ns = [], world.stamp_ns
        for readings, truth in guided(world, seconds, STANDING):
            for ride in ridden.values():
                ride.take(readings)
            if readings.frames:
                poses.append(truth.T_w_b @ world.rig.T_base_imu)
            report((readings.stamp_ns - began_ns) * 1e-9 / seconds)
    finally:
        world.close()
    stamps = np.array([step.stamp_ns for step in ridden[WAYS[0]].steps], np.int64)
    table = PoseTable(stamps, np.array(poses))
    return {way: _figures(OdometryRun(tuple(ride.steps)), table) for way, ride in ridden.items()}


class _Ride:
    """One odometry on its way."""

    def __init__(self, rig: Mounts, parts: OdometryParts, *, with_wheels: bool) -> None:
        T_b_base = inverse(rig.T_base_imu) if with_wheels else None
        self._odometry = Odometry(make_rig(rig.cameras, rig.imu_noise, T_b_base), parts)
        self._odometry.warm_up()
        self._has_wheels = with_wheels
        self.steps: list[Step] = []

    def take(self, readings: Readings) -> None:
        for sample in readings.imu:
            self._odometry.add_imu(sample.stamp_ns, sample.gyro, sample.accel)
        for sample in readings.wheels if self._has_wheels else ():
            self._odometry.add_wheels(sample)
        self.steps += [self._step(frame) for frame in readings.frames]

    def _step(self, frame: Frame) -> Step:
        odometry, began = self._odometry, time.thread_time()
        sample = odometry.step(frame)
        seconds = time.thread_time() - began
        return Step(frame.stamp_ns, sample, seconds, dict(odometry.timings), odometry.remarks)


def _figures(run: OdometryRun, truth: PoseTable) -> dict:
    steps = np.linalg.norm(np.diff(truth.T_w_b[:, :3, 3], axis=0), axis=1)
    figures = measure(run, truth) | {"driven_m": float(steps.sum())}
    away = error_table(run.usable, truth, origin_of(run.samples)).distance
    if len(away):
        figures |= {"end_m": float(away[-1]), "worst_m": float(away.max())}
    if "ate_rmse_m" in figures:
        figures["ate_share"] = figures["ate_rmse_m"] / figures["path_m"]
    return figures
