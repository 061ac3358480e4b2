"""Action servers for plans: a goal waits on the desk, the worker plans it, the executor answers.

Nothing here blocks the executor: a goal is executed, in rclpy's sense, when its plan is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import rclpy
from rclpy.action import ActionServer, CancelResponse, GoalResponse

from equi_nodes.ros import qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.clock import steady_ns
from equi_nodes.ros.convert import SECOND_NS
from equi_nodes.ros.ending import unless_ended
from equi_nodes.ros.messages import make
from equi_nodes.ros.plan_figures import PlanFigures
from equi_nodes.ros.plan_inputs import Order
from equi_nodes.ros.plan_steps import CANCELLED, REPLACED, PlanDesk, failure
from equi_nodes.ros.planning import place, place_problem, plan_path
from equi_nodes.samples import PlanCode, PlanSample

FEEDBACK_NS = 100_000_000  # time between two feedbacks while a plan is made


class PlanServer:
    """One action by which plans are asked for: ``equi_msgs/ComputePlan`` or one with its fields."""

    def __init__(
        self,
        node: PipelineNode,
        kind: type,
        name: str,
        desk: PlanDesk,
        figures: PlanFigures,
        look: Callable[[], None],
    ) -> None:
        """Serve ``~/<name>``; ``look`` has the worker look at the desk."""
        self._node, self._kind, self._desk, self._figures = node, kind, desk, figures
        self._look = look
        self._goals: dict[bytes, _Goal] = {}
        self._server = ActionServer(
            node,
            kind,
            f"~/{name}",
            self._finish,
            goal_callback=self._judge,
            handle_accepted_callback=self._accept,
            cancel_callback=self._cancel,
            goal_service_qos_profile=qos.SERVICE,
            result_service_qos_profile=qos.SERVICE,
            cancel_service_qos_profile=qos.SERVICE,
        )

    def close(self) -> None:
        """Serve no longer."""
        self._server.destroy()

    def give_up(self) -> None:
        """Have the goal that is being planned given up, for the node is no longer active."""
        for goal in list(self._goals.values()):
            goal.is_cancelled = True

    def _judge(self, request: Any) -> GoalResponse:
        """Take goals while the node can plan."""
        self._figures.counts["goals"] += 1
        if self._node.is_taking:
            return GoalResponse.ACCEPT
        self._figures.counts["goals_rejected"] += 1
        self._node.log.warning("goal", "a goal was rejected: the node is not active yet")
        return GoalResponse.REJECT

    def _accept(self, handle: Any) -> None:
        goal = _Goal(handle, self._kind, self._node.context, self._schedule)
        self._goals[bytes(handle.goal_id.uuid)] = goal
        self._desk.put(goal.order)
        self._look()

    def _cancel(self, handle: Any) -> CancelResponse:
        """Give a plan up; one that waits is answered as soon as rclpy knows of the cancel."""
        goal = self._goals.get(bytes(handle.goal_id.uuid))
        if goal is None:
            return CancelResponse.REJECT
        goal.is_cancelled = True
        if self._desk.withdraw(goal.order):
            goal.order.answer(failure(PlanCode.UNKNOWN, CANCELLED), 0)
        return CancelResponse.ACCEPT

    def _schedule(self, handle: Any) -> None:
        """Have the executor answer a goal: it alone may change the state of goals."""
        if self._node.executor:
            self._node.executor.create_task(handle.execute)

    def _finish(self, handle: Any) -> Any:
        """Return the result of a goal whose plan is known."""
        goal = self._goals.pop(bytes(handle.goal_id.uuid))
        plan = goal.plan
        if handle.is_cancel_requested:
            self._figures.counts["goals_cancelled"] += 1
            plan = failure(PlanCode.UNKNOWN, CANCELLED)
            handle.canceled()
        elif plan.code == PlanCode.NONE:
            handle.succeed()
        else:
            self._figures.counts["goals_replaced"] += plan.reason == REPLACED
            handle.abort()
        return goal.result(plan)


class _Goal:
    """A goal under way.

    Attributes:
        order: what the desk holds of it.
        plan: its answer, None before.
        is_cancelled: nobody waits for it any more.
    """

    def __init__(
        self, handle: Any, kind: type, context: rclpy.Context, done: Callable[[Any], None]
    ) -> None:
        self.plan: PlanSample | None = None
        self.is_cancelled = False
        self._handle, self._kind, self._context, self._done = handle, kind, context, done
        self._came_ns = self._said_ns = steady_ns()
        self._took_ns = 0
        request = handle.request
        problem = next(_problems(request), "")
        self.order = Order(
            goal=None if problem else place(request.goal),
            start=place(request.start) if request.use_start and not problem else None,
            tolerance=float(getattr(request, "tolerance", 0.0)),
            planner_id=request.planner_id,
            problem=problem,
            is_cancelled=self._asked,
            begun=lambda: self._say("planning"),
            answer=self._answer,
        )
        self._say("waiting")

    def result(self, plan: PlanSample) -> Any:
        """Build the result message, as far as its type has the fields."""
        result = self._kind.Result()
        fields = {
            "path": plan_path(plan, make),
            "planning_time": _duration(self._took_ns),
            "error_code": int(plan.code),
            "error_msg": plan.reason,
            "planner": plan.planner,
        }
        for name in fields.keys() & result.get_fields_and_field_types().keys():
            setattr(result, name, fields[name])
        return result

    def _answer(self, plan: PlanSample, took_ns: int) -> None:
        """Take the plan; a second answer comes too late."""
        if self.plan is None:
            self.plan, self._took_ns = plan, took_ns
            self._done(self._handle)

    def _asked(self) -> bool:
        """Return whether to give up, and tell the client now and then that planning goes on."""
        if steady_ns() - self._said_ns > FEEDBACK_NS:
            self._say("planning")
        return self.is_cancelled

    def _say(self, state: str) -> None:
        """Publish a feedback, where the action has one."""
        self._said_ns = steady_ns()
        if "state" in self._kind.Feedback.get_fields_and_field_types():
            elapsed = _duration(self._said_ns - self._came_ns)
            with unless_ended(self._context):
                self._handle.publish_feedback(self._kind.Feedback(state=state, elapsed=elapsed))


def _problems(request: Any) -> Iterator[str]:
    """Say what is wrong with a goal of an action."""
    tolerance = float(getattr(request, "tolerance", 0.0))
    if not (np.isfinite(tolerance) and tolerance >= 0.0):
        yield f"the tolerance is {tolerance:g} m, it must be zero or more"
    for name in ("goal", "start") if request.use_start else ("goal",):
        if problem := place_problem(getattr(request, name), name):
            yield problem


def _duration(nanoseconds: int) -> Any:
    """Build a ``builtin_interfaces/Duration``."""
    seconds, rest = divmod(nanoseconds, SECOND_NS)
    return make("builtin_interfaces/msg/Duration", sec=seconds, nanosec=rest)
