"""A scenario under way: the world, the robot's mission in it, and how the run stands."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from equi_nodes.samples import VelocityCommand
from equi_nodes.sim.contacts import Collision
from equi_nodes.sim.mission import GoalRecord, Mission
from equi_nodes.sim.scenario import FRAME
from equi_nodes.sim.simulation import Readings, Simulation, Truth
from equi_nodes.sim.viewer import Viewer

ANEW_NS = 2_000_000_000  # without odometry, then what comes may have a new frame
SETTLE_S = 2.0  # that the robot stands at first: odometry, tracks and map begin


@dataclass(frozen=True, eq=False)
class SessionStep:
    """What one control period brought; the other fields are those of every pipeline's result."""

    stamp_ns: int
    readings: Readings
    truth: Truth
    frame_id: str = FRAME
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Session:
    """Steps a simulation and keeps the account of its run.

    Attributes:
        simulation: the world.
        mission: the scenario's goals.
        nearest_m: smallest distance so far between the outlines of the robot and a person.
    """

    backend_name = "mujoco"

    def __init__(self, simulation: Simulation, viewer: Viewer | None = None) -> None:
        """Begin at the start; each step is shown if there is a viewer."""
        self.simulation, self._viewer = simulation, viewer
        self.mission = Mission(simulation.scenario.goals)
        self.nearest_m = np.inf
        self._start_ns = self._odometry_ns = simulation.stamp_ns

    def warm_up(self) -> None:
        """Do nothing: the world is built, and a step would be one of the run."""

    def reset(self) -> None:
        """Do nothing: a world does not forget."""

    def step(self, command: VelocityCommand) -> SessionStep:
        """Advance the world by one period."""
        readings, truth = self.simulation.step(command), self.simulation.truth
        self.nearest_m = min(self.nearest_m, truth.nearest_person)
        if self._viewer:
            self._viewer.show()
        return SessionStep(truth.stamp_ns, readings, truth)

    def look(self, T_odom_b: np.ndarray, stamp_ns: int | None = None) -> bool:
        """Tell the mission where the odometry sees the robot; return whether a goal is to be told.

        The first odometry after ``SETTLE_S`` seconds brings the first goal; one after a long
        silence brings the present goal in its own frame.

        Args:
            T_odom_b: (4, 4).
            stamp_ns: of that odometry; None: it never begins anew.
        """
        truth, mission = self.simulation.truth, self.mission
        is_anew = stamp_ns is not None and stamp_ns - self._odometry_ns > ANEW_NS
        self._odometry_ns = stamp_ns or self._odometry_ns
        if mission.T_odom_w is None:
            if not mission.goals or self.seconds < SETTLE_S:
                return False
            mission.start(truth.stamp_ns, truth.T_w_b, T_odom_b)
            return True
        if is_anew:
            mission.tie(truth.T_w_b, T_odom_b)
        return mission.step(truth.stamp_ns, truth.T_w_b, T_odom_b) or is_anew

    @property
    def state(self) -> str:
        """Return ``waiting`` for the odometry, ``driving``, ``arrived`` or ``out of time``."""
        if self.mission.goals and self.mission.is_done:
            return "arrived"
        if self.seconds >= self.simulation.scenario.time_limit:
            return "out of time"
        return "waiting" if self.mission.T_odom_w is None else "driving"

    @property
    def seconds(self) -> float:
        """Return the simulated time since the start."""
        return (self.simulation.stamp_ns - self._start_ns) / 1e9

    def record(self) -> dict[str, Any]:
        """Return how the run stands, in what JSON can hold; places are in the world."""
        goals = self.mission.goals
        is_near = np.isfinite(self.nearest_m)
        return {
            "state": self.state,
            "scenario": self.simulation.scenario.name,
            "seed": self.simulation.scenario.seed,
            "seconds": self.seconds,
            "time_limit": self.simulation.scenario.time_limit,
            "goal": sum(goal.sent_ns is not None for goal in goals),
            "goals": [_goal(goal) for goal in goals],
            "collisions": [_collision(item) for item in self.simulation.truth.collisions],
            "nearest_person_m": self.nearest_m if is_near else None,
        }


def _goal(goal: GoalRecord) -> dict[str, Any]:
    return asdict(goal) | {"place": goal.place.tolist()}


def _collision(item: Collision) -> dict[str, Any]:
    return {
        "stamp_ns": item.stamp_ns,
        "other": "wall" if item.person is None else f"person {item.person}",
        "is_robot_at_fault": item.is_fault,
        "place": item.position.tolist(),
    }
