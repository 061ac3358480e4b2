"""A simulated robot among people: all its sensors, its time, and the truth of its world."""

from __future__ import annotations

import math
import pathlib
import threading
from typing import Any

from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry, Path
from rclpy.clock import Clock, ClockType

from equi_nodes.config.sim import SimConfig
from equi_nodes.ros import planning, qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.commands import Commands
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.ros.diagnostics import WARN, Report
from equi_nodes.ros.gate import Content
from equi_nodes.ros.guard import Guard
from equi_nodes.ros.lock_step import FIRST_S, LockStep, ages_of
from equi_nodes.ros.pipeline import Job
from equi_nodes.ros.real_time import RealTime
from equi_nodes.ros.run import run
from equi_nodes.ros.sensors import transform_of
from equi_nodes.ros.sim_topics import SimTopics

CALIBRATION_S = 1.0  # between two CameraInfo while time stands
RECORD_NS = 500_000_000  # between two messages of how the run stands
GOAL_NS = 2_000_000_000  # without a plan, then the goal is told to a planner that began anew
ASK_NS = 500_000_000  # between two plans in lock-step, where only this node asks for them
SLOW = 0.9  # of the wanted factor, below it a warning is due
RESOLUTION = 0.05  # m, of the true map


class SimNode(PipelineNode):
    """A velocity command in, sensors and truth out; time runs while the node is active."""

    config_class = SimConfig

    def open_topics(self) -> None:
        """Advertise the world, hear the commands and the odometry."""
        config = self.config
        self._halt, self._session, self._T_odom_b = threading.Event(), None, None
        self._pace, self._commands = RealTime(), Commands(config.command_timeout)
        self._record_due_ns = self._goal_due_ns = self._odometry_ns = 0
        self.topics = SimTopics(self)
        ages = ages_of(config.lock_step_topics) if config.lock_step else {}
        self._lock_step = LockStep(self, ages, config.lock_step_limit)
        guard = Guard("", lambda msg: planning.pose_problem(msg.pose.pose))
        self._odometry = self.add_input(
            "odometry", Odometry, qos.SENSOR, guard, lambda msg: msg, self._take_odometry,
            is_optional=True,
        )  # fmt: skip
        self._twists = self.create_subscription(
            Twist, "~/input/cmd_vel", self._take_command, qos.RESULT
        )
        self._plans = self.create_subscription(Path, "~/input/plan", self._take_plan, qos.RESULT)
        for heard in (self._odometry.topic, self._twists.topic_name, self._plans.topic_name):
            self._lock_step.hear_elsewhere(heard)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._calibration = self.create_timer(CALIBRATION_S, self._calibrate, clock=steady)
        self.add_report("time", self._report_time)

    def load(self) -> Any:
        """Build the world; its pictures are drawn by the thread that does so."""
        from equi_nodes.sim.faults import FaultInjector, read_faults
        from equi_nodes.sim.scenario import START_NS, make_scenario
        from equi_nodes.sim.session import Session
        from equi_nodes.sim.simulation import Simulation
        from equi_nodes.sim.viewer import Viewer

        config = self.config
        faults = read_faults(pathlib.Path(config.faults)) if config.faults else ()
        faults = [fault for fault in faults if fault.kind != "killed"]
        injectors = [FaultInjector(faults, START_NS, config.seed)] if faults else []
        world = Simulation(make_scenario(config.scenario, config.seed), injectors)
        self._session = Session(world, Viewer(world.world) if config.viewer else None)
        self.topics.show_fixed(world.stamp_ns, world.rig, world.truth_map(RESOLUTION))
        return self._session

    @property
    def longest_age(self) -> float:
        """Return that no step is too old: the world has a time of its own."""
        return math.inf

    def restart(self, reason: str) -> None:
        """Do nothing: this node makes the time that others follow."""

    def activate(self) -> None:
        """Let time run."""
        super().activate()
        self._halt.clear()
        self.submit(self._commands.current(0))

    def deactivate(self) -> None:
        """Stop time."""
        super().deactivate()
        self._halt.set()

    def content(self, result: Any) -> Content:
        """Return what must be sound in a step."""
        return Content(result.stamp_ns, result.frame_id, (result.truth.T_w_b,))

    def deliver(self, job: Job, result: Any) -> None:
        """Publish a step and begin the next one, which is computed while others answer this one.

        In lock-step one speaks after the other: all have answered the step before, the clock brings
        the command, the goal a plan where one is due, and only then the sensors have news.
        """
        self._lock_step.wait(FIRST_S)
        now_ns = self._lock_step.now_ns = result.stamp_ns
        self.topics.tick(now_ns)
        self._lock_step.wait()
        command = self._commands.current(now_ns)
        self._look(now_ns)
        self._lock_step.wait()
        self._lock_step.sensed_ns = now_ns
        super().deliver(job, result)
        self._pace.wait(now_ns, self.config.real_time_factor, self._halt)
        if self.is_taking:
            self.submit(command if self.config.lock_step else self._commands.current(now_ns))

    def publish(self, result: Any) -> None:
        """Publish what the sensors gave and what is true."""
        world = self._session.simulation
        self.topics.show_readings(result.readings, world.rig, world.scenario.sensors.rings)
        self.topics.show_truth(result.truth)

    def clean_up(self) -> None:
        """End the worker, then give back the topics and the world."""
        is_open = hasattr(self, "topics")
        if is_open:
            self._halt.set()
            self._lock_step.close()
        super().clean_up()
        if is_open:
            self.destroy_timer(self._calibration)
            self.destroy_subscription(self._twists)
            self.destroy_subscription(self._plans)
            self.topics.close()
            del self.topics

    def _take_odometry(self, msg: Odometry) -> None:
        pose, when = msg.pose.pose, stamp_ns(msg.header.stamp)
        self._T_odom_b = transform_of(pose.position, pose.orientation)
        self._odometry_ns = when
        self._lock_step.note(self._odometry.topic, when)

    def _take_plan(self, msg: Path) -> None:
        if not self.config.lock_step:
            self._goal_due_ns = self._lock_step.now_ns + GOAL_NS
        self._lock_step.note(self._plans.topic_name, stamp_ns(msg.header.stamp))

    def _take_command(self, msg: Twist) -> None:
        self._commands.take(msg)
        self._lock_step.note(self._twists.topic_name)

    def _look(self, now_ns: int) -> None:
        """Send the goal that is due, and tell how the run stands."""
        session, pose = self._session, self._T_odom_b
        mission = session.mission
        is_new = self.config.mission and pose is not None and session.look(pose, self._odometry_ns)
        if mission.current and (is_new or now_ns >= self._goal_due_ns):
            self._goal_due_ns = now_ns + (ASK_NS if self.config.lock_step else GOAL_NS)
            self._lock_step.expect(self._plans.topic_name)
            self.topics.show_goal(now_ns, mission.in_odom(mission.current))
        if is_new or now_ns >= self._record_due_ns or session.state == "arrived":
            self._record_due_ns = now_ns + RECORD_NS
            factor = self._pace.factor  # no number before time has gone on
            known = {"real_time_factor": None if math.isnan(factor) else factor}
            self.topics.show_record(session.record() | known)

    def _calibrate(self) -> None:
        """Tell the cameras' calibration while time stands: others wait for it to start."""
        session = self._session
        if session and not self.is_taking:
            self.topics.show_cameras(session.simulation.stamp_ns, session.simulation.rig)

    def _report_time(self) -> Report:
        factor, wanted = self._pace.factor, self.config.real_time_factor
        late = {f"late.{topic}": count for topic, count in self._lock_step.late.items()}
        values = {"real_time_factor": factor, "commands": self._commands.received} | late
        report = Report(values=values)
        if factor < SLOW * wanted and not self.config.lock_step:
            report.raise_to(WARN, f"simulated time runs at {factor:.2f} of real time")
        return report


def main() -> None:
    """Run the node."""
    run(lambda: SimNode("sim"))


if __name__ == "__main__":
    main()
