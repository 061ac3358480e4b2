"""The newest of all that planning reads, put together when a plan is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.errors import EquiError
from equi_nodes.ros.convert import SECOND_NS, prediction_sample, stamp_ns
from equi_nodes.ros.planning import Place, flat, grid_sample, people_in, update_problem, updated
from equi_nodes.ros.sensors import StaticTransforms, transform_of
from equi_nodes.samples import GridSample, PlanCode, PlanRequest, PlanSample, PredictionSample


class Refusal(EquiError):
    """A plan cannot even be begun.

    Attributes:
        code: what the client is told.
    """

    def __init__(self, code: PlanCode, reason: str) -> None:
        """Say why in one sentence."""
        super().__init__(reason)
        self.code = code


@dataclass(eq=False)
class Order:
    """A plan that somebody asks for.

    Attributes:
        goal: where to go.
        start: from where; None is where the robot is.
        tolerance: metres from a blocked goal at which the path may end; 0 is the parameter.
        planner_id: who is to plan.
        problem: why it cannot be planned, empty if nothing is known against it.
        is_cancelled: asked again and again while it is planned.
        begun: called when its planning begins.
        answer: takes the plan and the nanoseconds that it took; called once at least.
    """

    goal: Place | None
    start: Place | None = None
    tolerance: float = 0.0
    planner_id: str = ""
    problem: str = ""
    is_cancelled: Callable[[], bool] = lambda: False
    begun: Callable[[], None] = lambda: None
    answer: Callable[[PlanSample, int], None] = lambda plan, took_ns: None


@dataclass
class _Heard:
    """A value and the passing time when it came."""

    value: Any
    at_ns: int


class PlanInputs:
    """Callbacks store here, the worker reads; each field is replaced as a whole.

    Attributes:
        grid: the newest map, None before the first.
        tree: the newest transform of each frame.
    """

    def __init__(
        self,
        config: E2PlannerConfig,
        is_recorded: Callable[[], bool],
        passing_ns: Callable[[], int],
    ) -> None:
        """Hear nothing yet.

        Args:
            config: of the node.
            is_recorded: tells whether stamps are far from the clock.
            passing_ns: the time that ages are measured by.
        """
        self.grid: GridSample | None = None
        self.tree = StaticTransforms()
        self._config, self._is_recorded, self._passing_ns = config, is_recorded, passing_ns
        self.forget()

    def forget(self) -> None:
        """Forget where the robot and the people are; maps and transforms come only once."""
        self._robot: _Heard | None = None
        self._people: _Heard | None = None

    def take_map(self, msg: Any) -> None:
        """Take a ``nav_msgs/OccupancyGrid``."""
        self.grid = grid_sample(msg)

    def update_problem(self, msg: Any) -> str:
        """Return why a ``map_msgs/OccupancyGridUpdate`` does not fit the map, empty if it does."""
        return update_problem(msg, self.grid)

    def take_update(self, msg: Any) -> None:
        """Take a ``map_msgs/OccupancyGridUpdate``."""
        self.grid = updated(self.grid, msg)

    def take_odometry(self, msg: Any) -> None:
        """Take a ``nav_msgs/Odometry``."""
        T = transform_of(msg.pose.pose.position, msg.pose.pose.orientation)
        self._robot = self._now((Place(msg.header.frame_id, T), stamp_ns(msg.header.stamp)))

    def take_transforms(self, msg: Any) -> None:
        """Take a ``tf2_msgs/TFMessage``; what it says of the base is where the robot is."""
        self.tree.add(msg)
        for item in msg.transforms:
            if item.child_frame_id == self._config.base_frame:
                here = Place(self._config.base_frame, np.eye(4))
                self._robot = self._now((here, stamp_ns(item.header.stamp)))

    def take_people(self, msg: Any) -> bool:
        """Take an ``equi_msgs/PredictionArray``; return whether somebody new is in it.

        Raises:
            EquiError: it is not sound.
        """
        people, before = prediction_sample(msg), self._people
        numbers = (people.positions, people.paths, people.probabilities, people.covariances)
        if people.time_step_ns <= 0 or not all(np.isfinite(array).all() for array in numbers):
            raise EquiError("its time step or a number of its paths is not sound")
        self._people = self._now(people)
        return not set(people.ids) <= (set(before.value.ids) if before else set())

    def request(self, order: Order, now_ns: int) -> PlanRequest:
        """Return what the planner is asked.

        Raises:
            Refusal: something is missing, or is said in a frame that nothing joins to the map's.
        """
        if order.problem:
            raise Refusal(PlanCode.UNKNOWN, order.problem)
        if self.grid is None:
            raise Refusal(PlanCode.UNKNOWN, "no map has come yet")
        stamp = now_ns
        start = order.start
        if start is None:
            start, pose_stamp = self._where()
            stamp = pose_stamp if self._is_recorded() else now_ns
        return PlanRequest(
            grid=self.grid,
            start=flat(self.in_map(start, "start").T),
            goal=flat(self.in_map(order.goal, "goal").T),
            tolerance=order.tolerance if order.tolerance > 0.0 else self._config.tolerance,
            people=self._people_in_map(),
            is_cancelled=order.is_cancelled,
            stamp_ns=stamp,
        )

    def in_map(self, place: Place, name: str) -> Place:
        """Return a place in the frame of the map.

        Raises:
            Refusal: no transform joins the two frames.
        """
        frame = self.grid.frame_id
        T = self.tree.find(frame, place.frame_id)
        if T is None:
            text = f"no transform joins '{frame}' of the map and '{place.frame_id}' of the {name}"
            raise Refusal(PlanCode.TF_ERROR, text)
        return Place(frame, T @ place.T)

    def _now(self, value: Any) -> _Heard:
        return _Heard(value, self._passing_ns())

    def _age_s(self, heard: _Heard) -> float:
        return (self._passing_ns() - heard.at_ns) / SECOND_NS

    def _where(self) -> tuple[Place, int]:
        """Return where the robot is and the stamp of that."""
        source = f"transform of {self._config.base_frame}" * bool(self._config.base_frame)
        source, robot = source or "odometry", self._robot
        if robot is None:
            raise Refusal(PlanCode.TF_ERROR, f"where the robot is, is not known: no {source} came")
        if (age := self._age_s(robot)) > self._config.odometry_timeout:
            text = f"where the robot is, is not known: no {source} for {age:.1f} s"
            raise Refusal(PlanCode.TF_ERROR, text)
        return robot.value

    def _people_in_map(self) -> PredictionSample | None:
        """Return the newest predictions; None if they are old, or nothing joins their frame."""
        people = self._people
        if people is None or self._age_s(people) > self._config.people_timeout:
            return None
        T = self.tree.find(self.grid.frame_id, people.value.frame_id)
        return None if T is None else people_in(people.value, self.grid.frame_id, T)
