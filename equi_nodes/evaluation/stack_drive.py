"""One run of the closed loop: the simulation and the robot's pipelines, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from equi_nodes.evaluation.stack import USABLE, Stack
from equi_nodes.evaluation.stack_frames import with_truth_moved
from equi_nodes.evaluation.stack_run import Contact, Goal, StackRun, Trajectory
from equi_nodes.evaluation.stack_scores import shortest
from equi_nodes.evaluation.stack_settings import StackSettings
from equi_nodes.geometry.rotations import yaw_of
from equi_nodes.samples import (
    OdometrySample,
    PlanSample,
    PredictionSample,
    TrackSample,
    VelocityCommand,
)
from equi_nodes.sim.contacts import Collision
from equi_nodes.sim.faults import Fault, FaultInjector
from equi_nodes.sim.scenario import START_NS, Scenario, make_scenario
from equi_nodes.sim.session import Session
from equi_nodes.sim.simulation import PERIOD_NS, Simulation, Truth

PREDICTION_NS = 500_000_000  # between two predictions that are kept
MAP_RESOLUTION = 0.05  # m, of the true map


def run_scenario(
    name: str,
    seed: int,
    settings: StackSettings | None = None,
    faults: Sequence[Fault] = (),
    longest_s: float = np.inf,
) -> StackRun:
    """Drive through a scenario until all goals are reached or its time is over.

    Args:
        name, seed: of the scenario.
        settings: of the robot; None: those of the graph ``demo``.
        faults: what goes wrong with the sensors.
        longest_s: seconds after which it ends in any case.

    Raises:
        EquiError: there is no such scenario, or a network cannot be had.
    """
    scenario = make_scenario(name, seed)
    scenario = replace(scenario, time_limit=min(scenario.time_limit, longest_s))
    return drive(scenario, settings or StackSettings.of_graph(), faults)


def drive(
    scenario: Scenario,
    settings: StackSettings,
    faults: Sequence[Fault] = (),
) -> StackRun:
    """Drive through any scenario; arguments as of ``run_scenario``."""
    if "odometry" in settings.true_parts:  # nobody looks at pictures
        scenario = replace(scenario, sensors=replace(scenario.sensors, picture=(0, 0)))
    injectors = [FaultInjector(faults, START_NS, scenario.seed)] if faults else []
    simulation = Simulation(scenario, injectors)
    try:
        loop = _Loop(simulation, settings)
        for _ in range(round(scenario.time_limit * 1e9 / PERIOD_NS)):
            loop.step()
            if loop.session.mission.is_done:
                break
        return loop.run()
    finally:
        simulation.close()


@dataclass
class _Diary:
    """What is kept of a run, as it comes."""

    truths: list[Truth] = field(default_factory=list)
    estimates: list[OdometrySample] = field(default_factory=list)
    tracks: list[TrackSample] = field(default_factory=list)
    predictions: list[PredictionSample] = field(default_factory=list)
    plans: list[PlanSample] = field(default_factory=list)

    def write(self, stack: Stack) -> None:
        """Keep what is new in what the stack knows."""
        known = stack.known
        _add(self.estimates, known.odometry, 1)
        _add(self.tracks, known.tracks, 1)
        _add(self.predictions, known.predictions, PREDICTION_NS)
        if known.plan is not None and (
            not self.plans or self.plans[-1].stamp_ns < known.plan.stamp_ns
        ):
            self.plans.append(replace(known.plan, graph=None))


class _Loop:
    """A session of the simulation and a stack that go on together."""

    def __init__(self, simulation: Simulation, settings: StackSettings) -> None:
        self.session = Session(simulation)
        self._stack = Stack(settings, simulation.rig, lambda: simulation.truth)
        self._stack.warm_up()
        self._true_map = simulation.truth_map(MAP_RESOLUTION)
        self._shortest: list[float | None] = []
        self._diary, self._command = _Diary(), VelocityCommand()

    def step(self) -> None:
        """Advance by one period."""
        step = self.session.step(self._command)
        self._command = self._stack.step(step.readings)
        if (step.stamp_ns - START_NS) // PERIOD_NS % 2 == 0:
            self._diary.truths.append(step.truth)
        self._diary.write(self._stack)
        odometry = self._stack.known.odometry
        if odometry is not None and odometry.status in USABLE:
            self._look(odometry, step.truth)

    def _look(self, odometry: OdometrySample, truth: Truth) -> None:
        """Have the robot driven to the next goal if the odometry says that it is at the last."""
        if self.session.look(odometry.T_w_b):
            mission, T = self.session.mission, truth.T_w_b
            self._stack.goal = mission.in_odom(mission.current)
            start = np.array([*T[:2, 3], yaw_of(T)])
            self._shortest.append(shortest(self._true_map, start, mission.current.place))

    def run(self) -> StackRun:
        """Return all that happened, in ``odom``."""
        diary, record, mission = self._diary, self._stack.record, self.session.mission
        simulation = self.session.simulation
        shortest_m = [*self._shortest, *[None] * len(mission.goals)]
        run = StackRun(
            simulation.scenario.name,
            simulation.scenario.seed,
            Trajectory(
                np.array([truth.stamp_ns for truth in diary.truths], np.int64),
                np.array([truth.T_w_b for truth in diary.truths]),
            ),
            _estimate(diary.estimates),
            tuple(truth.people for truth in diary.truths),
            tuple(diary.tracks),
            tuple(diary.predictions),
            tuple(diary.plans),
            self._true_map,
            self._stack.known.grid,
            tuple(
                Goal(tuple(goal.place.tolist()), goal.sent_ns, goal.reached_ns, metres)
                for goal, metres in zip(mission.goals, shortest_m)
            ),
            tuple(_contact(collision) for collision in simulation.truth.collisions),
            {node: np.array(seconds) for node, seconds in record.seconds.items()},
            remarks=record.remarks,
        )
        T_odom_w = mission.T_odom_w
        return run if T_odom_w is None else with_truth_moved(run, T_odom_w)


Sample = OdometrySample | TrackSample | PredictionSample | PlanSample


def _add(kept: list, sample: Sample | None, apart_ns: int) -> None:
    """Keep a sample that is so much newer than the last one kept."""
    if sample is not None and (not kept or sample.stamp_ns - kept[-1].stamp_ns >= apart_ns):
        kept.append(sample)


def _estimate(samples: list[OdometrySample]) -> Trajectory:
    usable = [sample for sample in samples if np.isfinite(sample.T_w_b).all()]
    return Trajectory(
        np.array([sample.stamp_ns for sample in usable], np.int64),
        np.array([sample.T_w_b for sample in usable]).reshape(-1, 4, 4),
        np.array([sample.status.value for sample in usable], "U12"),
    )


def _contact(collision: Collision) -> Contact:
    other = "wall" if collision.person is None else f"person {collision.person}"
    place = tuple(collision.position.tolist())
    return Contact(collision.stamp_ns, other, collision.is_fault, place)
