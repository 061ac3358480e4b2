"""Drives a simulated robot by what is true, so that one part of it can be judged alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.geometry.rotations import yaw_of
from equi_nodes.pipelines.plan import Planner
from equi_nodes.samples import OdometrySample, PlanRequest, Status, VelocityCommand
from equi_nodes.sim.follower import Follower
from equi_nodes.sim.mission import Mission
from equi_nodes.sim.simulation import Readings, Simulation, Truth

RESOLUTION = 0.1  # m, of the true map that is planned on
REPLAN_STEPS = 20  # control periods between two plans


class Guide:
    """Leads a robot through its goals on the true map, with the true people in view."""

    def __init__(self, world: Simulation) -> None:
        """Plan for the goals of a world's scenario."""
        self._grid = world.truth_map(RESOLUTION)
        self._mission, self._follower = Mission(world.scenario.goals), Follower()
        self._planner = Planner(E2PlannerConfig(time_limit=60.0))
        self._path, self._steps = np.zeros((0, 3)), 0
        self._mission.start(world.stamp_ns, world.truth.T_w_b, world.truth.T_w_b)

    @property
    def is_done(self) -> bool:
        """Return whether all goals were reached."""
        return self._mission.is_done

    def command(self, truth: Truth) -> VelocityCommand:
        """Return what to do next."""
        T = truth.T_w_b
        pose = np.array([*T[:2, 3], yaw_of(T)])
        is_new = self._mission.step(truth.stamp_ns, T, T)
        if is_new or self._steps % REPLAN_STEPS == 0 and self._mission.current:
            goal = self._mission.current.place
            self._path = self._planner.step(PlanRequest(self._grid, pose, goal)).poses
        self._steps += 1
        speed = float(truth.velocity @ T[:3, 0])
        return self._follower.step(pose, speed, self._path, (truth.people,), self._grid)


def guided(
    world: Simulation, seconds: float, standing: float = 0.0
) -> Iterator[tuple[Readings, Truth]]:
    """Drive to all goals, and yield each period's readings and how things were after it.

    Args:
        world: is stepped, but not closed.
        seconds: after which it ends in any case.
        standing: seconds at the start in which the robot does not move.
    """
    guide, start_ns = Guide(world), world.stamp_ns
    while not guide.is_done and world.stamp_ns - start_ns < seconds * 1e9:
        stands = world.stamp_ns - start_ns < standing * 1e9
        truth = world.truth
        readings = world.step(VelocityCommand() if stands else guide.command(truth))
        yield readings, world.truth


def true_odometry(truth: Truth) -> OdometrySample:
    """Return the truth as an odometry that makes no error."""
    none = np.zeros(3)
    return OdometrySample(
        truth.stamp_ns, Status.TRACKING, "", truth.T_w_b, truth.velocity, none, none, none,
        1e-8 * np.eye(15),
    )  # fmt: skip
