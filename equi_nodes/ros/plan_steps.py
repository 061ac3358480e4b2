"""Orders for plans as the steps of a planner, in the node's worker."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.ros.clock import steady_ns
from equi_nodes.ros.plan_figures import PlanFigures
from equi_nodes.ros.plan_inputs import Order, PlanInputs, Refusal
from equi_nodes.ros.planning import Place, is_blocked
from equi_nodes.samples import GridSample, PlanCode, PlanRequest, PlanSample

REPLACED = "replaced by a newer goal"
CANCELLED = "cancelled by the client"
FAILED = "planning failed, the log of the node has the details"


class Planner(Protocol):
    """What is needed of ``pipelines.plan``."""

    backend_name: str

    def warm_up(self) -> None:
        """Make the first step as fast as the later ones."""

    def step(self, request: PlanRequest) -> PlanSample:
        """Return a plan, or the reason why there is none."""

    def reset(self) -> None:
        """Forget the previous plan."""


@dataclass(frozen=True)
class PlanResult:
    """What came of one look at the desk.

    Attributes:
        stamp_ns: the node's time when it began.
        frame_id: of the plan.
        plan: the plan, None if nothing had to be planned or nobody wants it any more.
        was_asked: there was something to plan, so there may be more.
        is_standing: it is the plan to the goal that is kept.
        goal: (2,) metres, where it should lead.
        notes: what a user should know, in sentences.
    """

    stamp_ns: int
    frame_id: str
    plan: PlanSample | None = None
    was_asked: bool = True
    is_standing: bool = False
    goal: np.ndarray = field(default_factory=lambda: np.zeros(2))
    notes: tuple[str, ...] = ()
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)


class PlanDesk:
    """What is to be planned next: one goal that waits for its turn, and one that is kept.

    Attributes:
        standing: the goal that is kept and planned again and again, None if there is none.
    """

    def __init__(self) -> None:
        self.standing: Order | None = None
        self._waiting: Order | None = None
        self._is_due = False
        self._lock = threading.Lock()

    def put(self, order: Order | None) -> None:
        """Let an order wait for its turn; one that waited already is answered as replaced."""
        with self._lock:
            old, self._waiting = self._waiting, order
        if old:
            old.answer(failure(PlanCode.UNKNOWN, REPLACED if order else "no longer active"), 0)

    def withdraw(self, order: Order) -> bool:
        """Take an order back; return whether it still waited."""
        with self._lock:
            is_waiting = self._waiting is order
            if is_waiting:
                self._waiting = None
            return is_waiting

    def stand(self, order: Order | None) -> None:
        """Keep a goal, and have it planned next."""
        with self._lock:
            self.standing, self._is_due = order, order is not None

    def due(self) -> bool:
        """Have the goal that is kept planned again; return whether there is one."""
        with self._lock:
            self._is_due = self.standing is not None
            return self._is_due

    def take(self) -> Order | None:
        """Return what comes next: the goal that waits before the one that is kept."""
        with self._lock:
            if self._waiting:
                order, self._waiting = self._waiting, None
                return order
            is_due, self._is_due = self._is_due, False
            return self.standing if is_due else None


class PlanSteps:
    """Plans what lies on the desk, and the kept goal anew when the map closes its path."""

    def __init__(
        self,
        kept: Planner,
        planners: Mapping[str, Planner],
        config: E2PlannerConfig,
        inputs: PlanInputs,
        desk: PlanDesk,
        figures: PlanFigures,
        now_ns: Callable[[], int],
    ) -> None:
        """Plan the kept goal with one planner, the others with that of the id in their order.

        A planner keeps to its way as long as its goal stays, so the kept goal has one of its own.
        """
        self._kept, self._planners, self._config = kept, planners, config
        self._inputs, self._desk, self._figures, self._now_ns = inputs, desk, figures, now_ns
        self._standing: Order | None = None
        self._plan: PlanSample | None = None
        self._checked: GridSample | None = None
        self._last_ns = 0

    @property
    def backend_name(self) -> str:
        """Return what runs the network."""
        return self._kept.backend_name

    def warm_up(self) -> None:
        """Make the first step as fast as the later ones."""
        for planner in {self._kept, *self._planners.values()}:
            planner.warm_up()

    def reset(self) -> None:
        """Forget the previous plans."""
        for planner in {self._kept, *self._planners.values()}:
            planner.reset()
        self._plan, self._last_ns = None, 0

    def step(self, look: object) -> PlanResult:
        """Plan the next order, if there is one.

        The clock of a simulation stands between its steps: a nanosecond tells two plans apart.
        """
        stamp = max(self._now_ns(), self._last_ns + 1)
        order = self._desk.take() or self._closed()
        if order is None:
            return PlanResult(stamp, "", was_asked=False)
        self._last_ns = stamp
        began = steady_ns()
        try:
            plan = self._planned(order, stamp)
        except Exception:
            order.answer(failure(PlanCode.UNKNOWN, FAILED), steady_ns() - began)
            raise
        is_cancelled = order.is_cancelled()
        plan = failure(PlanCode.UNKNOWN, CANCELLED) if is_cancelled else self._framed(plan, order)
        self._figures.note(plan, steady_ns() - began, is_cancelled=is_cancelled)
        order.answer(plan, steady_ns() - began)
        return PlanResult(stamp, "") if is_cancelled else self._result(order, plan, stamp)

    def _result(self, order: Order, plan: PlanSample, stamp: int) -> PlanResult:
        """Return a plan with what the node has to know of it."""
        is_standing = order is self._desk.standing
        if is_standing:
            self._standing, self._plan = order, plan
        goal = order.goal.T[:2, 3] if order.goal else np.zeros(2)
        return PlanResult(
            stamp, plan.frame_id, plan, is_standing=is_standing, goal=goal, notes=plan.notes,
            is_fallback=plan.is_fallback,
        )  # fmt: skip

    def _planned(self, order: Order, stamp: int) -> PlanSample:
        """Return the plan of an order, or why there is none."""
        order.begun()
        is_standing = order is self._desk.standing
        planner = self._kept if is_standing else self._planners.get(order.planner_id)
        if planner is None:
            known = ", ".join(name for name in self._planners if name)
            text = f"there is no planner '{order.planner_id}', choose one of {known}"
            return failure(PlanCode.INVALID_PLANNER, text)
        try:
            request = self._inputs.request(order, stamp)
        except Refusal as refusal:
            return failure(refusal.code, str(refusal), stamp)
        if is_standing:  # what moves with the robot must not move the goal
            order.goal = Place(request.grid.frame_id, self._inputs.in_map(order.goal, "goal").T)
            self._checked = request.grid
        return planner.step(request)

    def _framed(self, plan: PlanSample, order: Order) -> PlanSample:
        """Return a plan with a frame, which one that was not even begun lacks."""
        known = self._inputs.grid or order.goal
        return replace(plan, frame_id=plan.frame_id or (known.frame_id if known else "map"))

    def _closed(self) -> Order | None:
        """Return the kept goal if a newer map has an obstacle on its path, or it has no path."""
        standing, grid = self._desk.standing, self._inputs.grid
        if standing is None or standing is not self._standing or grid is self._checked:
            return None
        if self._config.only_when_asked:
            return None
        self._checked = grid
        config, plan = self._config, self._plan
        if plan is None or plan.code != PlanCode.NONE or grid.frame_id != plan.frame_id:
            return standing
        is_closed = is_blocked(plan.poses, grid, config.occupied_threshold, config.robot_radius)
        return standing if is_closed else None


def failure(code: PlanCode, reason: str, stamp: int = 0) -> PlanSample:
    """Return that there is no plan, and why."""
    return PlanSample(stamp, "", code, reason)
