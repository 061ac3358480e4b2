"""An example that drives a simulated robot along its paths; robots have Nav2's controllers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from equi_msgs.msg import PredictionArray, TrackArray
from geometry_msgs.msg import Twist
from nav_msgs.msg import OccupancyGrid, Odometry, Path
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage

from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.ros import planning, qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.clouds import cloud_problem, cloud_sample
from equi_nodes.ros.convert import prediction_sample, stamp_ns, track_sample
from equi_nodes.ros.diagnostics import OK, WARN, Report
from equi_nodes.ros.following import path_poses, path_problem
from equi_nodes.ros.gate import Content
from equi_nodes.ros.guard import EventGuard, Guard, limit_length
from equi_nodes.ros.odometry import odometry_sample
from equi_nodes.ros.run import run
from equi_nodes.ros.sensors import StaticTransforms
from equi_nodes.samples import CloudSample
from equi_nodes.sim.following import FollowResult, FollowSteps, Heard

MOST_PEOPLE = 1000  # in a message; one of more is not read at all
MOST_POSES = 100_000


class PathFollowerNode(PipelineNode):
    """A path, odometry, people, a map and bare points in, commands for the wheels out."""

    config_class = PathFollowerConfig

    def open_topics(self) -> None:
        """Subscribe to all that following reads, advertise the command."""
        frame, self._heard, self._newest = self.config.fixed_frame, Heard(), None
        guard = Guard(frame, lambda msg: planning.pose_problem(msg.pose.pose))
        self.add_input(
            "odometry", Odometry, qos.SENSOR, guard, odometry_sample, self._set("odometry")
        )
        guard = EventGuard("", partial(_problem, frame, _path_problem))
        self.add_input("path", Path, qos.RESULT, guard, lambda msg: msg, self._take_path)
        guard = EventGuard("", partial(_problem, frame, planning.grid_problem))
        take = self._set("grid")
        self.add_input("map", OccupancyGrid, qos.LATCHED, guard, planning.grid_sample, take)
        people = (
            ("predictions", PredictionArray, prediction_sample),
            ("tracks", TrackArray, track_sample),
        )
        for name, kind, sample in people:
            guard, take = Guard(frame, limit_length(name, MOST_PEOPLE)), self._set(name)
            self.add_input(name, kind, qos.SENSOR, guard, sample, take, is_optional=True)
        self._open_points()
        self.command = self.add_output("cmd_vel", Twist, qos.RESULT)
        self.add_report("following", self._following_report)
        self._timer = self.create_timer(1 / self.config.rate, self._tick)

    def _open_points(self) -> None:
        """Subscribe to the LiDAR, and to where it sits."""
        self._tree, self._problem, unit = StaticTransforms(), "", self.config.time_unit
        guard, sample = Guard("", cloud_problem), lambda msg: cloud_sample(msg, unit)
        self.add_input(
            "points", PointCloud2, qos.SENSOR, guard, sample, self._take_sweep, is_optional=True
        )
        self._transforms = self.create_subscription(
            TFMessage, "/tf_static", self._tree.add, qos.STATIC_TRANSFORMS
        )

    def load(self) -> FollowSteps:
        """Build the follower."""
        from equi_nodes.sim.follower import Follower

        return FollowSteps(Follower(self.config), self.config)

    def content(self, result: FollowResult) -> Content:
        """Return what must be sound in a command."""
        numbers = np.array([result.command.speed, result.command.yaw_rate])
        return Content(result.stamp_ns, result.frame_id, (numbers,))

    def publish(self, result: FollowResult) -> None:
        """Publish the command."""
        self._newest = result
        message = Twist()
        message.linear.x, message.angular.z = result.command.speed, result.command.yaw_rate
        self.command.publish(message)

    def clear(self) -> None:
        """Forget all of the time before a restart but the map, which comes only once."""
        self._heard = Heard(grid=self._heard.grid)

    def deactivate(self) -> None:
        """Stop the robot, and give no more commands."""
        if self.is_taking:
            self.command.publish(Twist())
        super().deactivate()

    def clean_up(self) -> None:
        """Give back the timer and the topic that the base does not know of."""
        if hasattr(self, "_timer"):
            self.destroy_timer(self._timer)
            self.destroy_subscription(self._transforms)
            del self._timer, self._transforms
        super().clean_up()

    def _set(self, name: str) -> Callable[[Any], None]:
        """Return a function that keeps a sample as the newest of its input."""

        def take(sample: Any) -> None:
            self._heard = replace(self._heard, **{name: sample})

        return take

    def _take_path(self, msg: Path) -> None:
        when = stamp_ns(msg.header.stamp)
        self._heard = replace(self._heard, path=path_poses(msg), path_ns=when)

    def _take_sweep(self, cloud: CloudSample) -> None:
        base = self.config.base_frame
        T_base_sensor = self._tree.find(base, cloud.frame_id)
        self._problem = "" if T_base_sensor is not None else _apart(base, cloud.frame_id)
        if T_base_sensor is not None:
            self._heard = replace(self._heard, sweep=cloud, T_base_sensor=T_base_sensor)

    def _tick(self) -> None:
        if self.is_taking:
            self.submit(replace(self._heard, now_ns=self.clock.now_ns()))

    def _following_report(self) -> Report:
        newest = self._newest
        if newest is None:
            return Report(WARN, "no command has been given yet")
        figures = {"speed": newest.command.speed, "yaw_rate": newest.command.yaw_rate}
        is_waiting = newest.reason in ("", "there is no path")
        text = f"{newest.state}: {newest.reason}" if newest.reason else newest.state
        report = Report(OK if is_waiting else WARN, text, {"state": newest.state} | figures)
        if self._problem:
            report.raise_to(WARN, self._problem)
        return report


def _problem(frame: str, content: Callable[[Any], str], msg: Any) -> str:
    """Return why a message that holds from now on cannot be used, empty if it can."""
    if msg.header.frame_id != frame:
        return f"frame_id is '{msg.header.frame_id}', expected '{frame}'"
    return content(msg)


def _apart(base: str, sensor: str) -> str:
    return f"nobody looks at what stands close by: tf_static does not join {base} and {sensor}"


def _path_problem(msg: Path) -> str:
    return limit_length("poses", MOST_POSES)(msg) or path_problem(msg)


def main() -> None:
    """Run the node."""
    run(lambda: PathFollowerNode("path_follower"))


if __name__ == "__main__":
    main()
