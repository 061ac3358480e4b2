"""Plans paths on occupancy grids, also through buildings that were not seen yet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from equi_msgs.action import ComputePlan
from equi_msgs.msg import PredictionArray
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import OccupancyGrid, Odometry, Path
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.ros import planning, qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.gate import Content
from equi_nodes.ros.guard import EventGuard, Guard, limit_length
from equi_nodes.ros.markers import delete_all
from equi_nodes.ros.messages import make
from equi_nodes.ros.optional import ComputePathToPose, OccupancyGridUpdate
from equi_nodes.ros.pipeline import Job
from equi_nodes.ros.plan_figures import PlanFigures
from equi_nodes.ros.plan_inputs import Order, PlanInputs
from equi_nodes.ros.plan_markers import plan_markers
from equi_nodes.ros.plan_server import PlanServer
from equi_nodes.ros.plan_steps import PlanDesk, PlanResult, PlanSteps
from equi_nodes.ros.run import run

ACTIONS = {"compute_plan": ComputePlan, "compute_path_to_pose": ComputePathToPose}
MOST_PEOPLE = 1000  # predictions in a message; one of more is not read at all


class E2PlannerNode(PipelineNode):
    """A map and a goal in, a path out; as a topic that is planned anew, and as an action."""

    config_class = E2PlannerConfig

    def __init__(self, name: str) -> None:
        """Declare the parameters and offer the actions, which take goals while it is active."""
        super().__init__(name)
        self._desk, self._figures = PlanDesk(), PlanFigures()
        self._servers = [
            PlanServer(self, kind, action, self._desk, self._figures, self._look)
            for action, kind in ACTIONS.items()
            if kind
        ]

    def open_topics(self) -> None:
        """Subscribe to all that planning reads, advertise the path and its markers."""
        inputs = self._heard = PlanInputs(
            self.config, lambda: self._pose_guard.is_recorded, self.clock.passing_ns
        )
        self._pose_guard = Guard("", lambda msg: planning.pose_problem(msg.pose.pose))
        guard = EventGuard("", planning.grid_problem)
        self.add_input("map", OccupancyGrid, qos.LATCHED, guard, inputs.take_map, self._look)
        if OccupancyGridUpdate:
            kind, guard = OccupancyGridUpdate, EventGuard("", inputs.update_problem)
            take = inputs.take_update
            self.add_input("map_updates", kind, qos.RESULT, guard, take, self._look)
        if not self.config.base_frame:
            guard, take = self._pose_guard, inputs.take_odometry
            self.add_input("odometry", Odometry, qos.SENSOR, guard, lambda msg: msg, take)
        guard = EventGuard("", lambda msg: planning.place_problem(msg, "goal"))
        self.add_input("goal", PoseStamped, qos.RESULT, guard, planning.place, self._take_goal)
        guard, take = Guard("", limit_length("predictions", MOST_PEOPLE)), inputs.take_people
        self.add_input(
            "predictions", PredictionArray, qos.SENSOR, guard, take, self._take_news,
            is_optional=True,
        )  # fmt: skip
        self.path = self.add_output("path", Path, qos.RESULT)
        self.markers = self.add_output("markers", MarkerArray, qos.RESULT)
        self.add_report("planning", lambda: self._figures.report(inputs.grid))
        self._transforms = [
            self.create_subscription(TFMessage, topic, inputs.take_transforms, profile)
            for topic, profile in (("/tf", qos.IMU), ("/tf_static", qos.STATIC_TRANSFORMS))
        ]
        rate = self.config.replan_rate
        self._timer = self.create_timer(1 / rate, self._replan) if rate > 0 else None

    def load(self) -> PlanSteps:
        """Load the network; torch is imported here so that the node answers while it loads."""
        from equi_nodes.pipelines.plan import Planner

        config = self.config
        kept = Planner.from_config(config)
        usual = Planner(config, kept.network)
        plain = Planner(replace(config, unknown_cost=1.0))
        planners = {"": usual, "equiv": usual, "a_star": plain}
        now = self.clock.now_ns
        return PlanSteps(kept, planners, config, self._heard, self._desk, self._figures, now)

    @property
    def longest_age(self) -> float:
        """Return the seconds after which a path is not published: planning may take its time."""
        return self.settings.max_age + self.config.time_limit

    def deliver(self, job: Job, result: PlanResult) -> None:
        """Publish the path to the goal that is kept; clients of the action have their answer."""
        if result.was_asked:
            self._look()  # of several requests to look, the worker has kept one
        if result.is_standing:
            super().deliver(job, result)
        elif result.plan is not None:
            self._show(result)

    def content(self, result: PlanResult) -> Content:
        """Return what must be sound in a plan."""
        plan = result.plan
        numbers = (plan.poses, np.array([plan.length, plan.cost]))
        return Content(result.stamp_ns, result.frame_id, numbers)

    def publish(self, result: PlanResult) -> None:
        """Publish the path, an empty one if there is none, and its markers if someone looks."""
        self._figures.standing = result.plan
        self.path.publish(planning.plan_path(result.plan, make))
        self._show(result)

    def clear(self) -> None:
        """Forget where everybody was before a restart, and erase the markers."""
        self._heard.forget()
        self.markers.publish(delete_all())

    def deactivate(self) -> None:
        """Give all goals up, and take none."""
        super().deactivate()
        self._give_up()

    def clean_up(self) -> None:
        """Give back the topics that the base does not know of."""
        self._give_up()
        if hasattr(self, "_transforms"):
            for subscription in self._transforms:
                self.destroy_subscription(subscription)
            if self._timer:
                self.destroy_timer(self._timer)
            del self._transforms
        super().clean_up()

    def close(self) -> None:
        """End the actions too."""
        for server in self._servers:
            server.close()
        super().close()

    def _give_up(self) -> None:
        for server in self._servers:
            server.give_up()
        self._desk.put(None)
        self._desk.stand(None)
        self._figures.standing = None

    def _look(self, *_: object) -> None:
        """Have the worker look at the desk."""
        if self.is_taking:
            self.submit(None)

    def _take_goal(self, goal: planning.Place) -> None:
        order = Order(goal=goal)
        order.is_cancelled = lambda: self._desk.standing is not order
        self._desk.stand(order)
        self._look()

    def _take_news(self, has_newcomers: bool) -> None:
        if has_newcomers:
            self._replan()

    def _replan(self) -> None:
        if not self.config.only_when_asked and self._desk.due():
            self._look()

    def _show(self, result: PlanResult) -> None:
        if self.markers.has_readers:
            self.markers.publish(plan_markers(result.plan, result.goal))


def main() -> None:
    """Run the node."""
    run(lambda: E2PlannerNode("e2_planner"))


if __name__ == "__main__":
    main()
