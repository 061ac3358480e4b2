"""The lifecycle node that every node of this package is: it says how, the node says what."""

from __future__ import annotations

import traceback
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile
from std_msgs.msg import Float64

from equi_nodes.config.node import NodeConfig
from equi_nodes.ros import qos
from equi_nodes.ros.clock import NodeClock, steady_ns
from equi_nodes.ros.convert import SECOND_NS, stamp_ns
from equi_nodes.ros.diagnostics import ERROR, OK, WARN, Diagnostics, Report
from equi_nodes.ros.ending import unless_ended
from equi_nodes.ros.gate import Content
from equi_nodes.ros.guard import Guard
from equi_nodes.ros.input import Input
from equi_nodes.ros.lifecycle import ManagedNode
from equi_nodes.ros.log import ThrottledLog
from equi_nodes.ros.output import Output
from equi_nodes.ros.parameters import NodeParameters
from equi_nodes.ros.pipeline import Job, Pipeline, PipelineRunner, Result

AHEAD_NS, BEHIND_NS = 50_000_000, 500_000_000  # so far stamps may be off a clock that agrees
STOP_S = 0.5  # patience with a worker that is to end; then it is abandoned


class PipelineNode(ManagedNode):
    """Inputs pass a guard, the newest sample goes to a worker, results pass a gate.

    A node names its config dataclass and implements ``open_topics``, ``load``, ``content`` and
    ``publish``. It is configured at once; the pipeline loads in the worker, and data is taken as
    soon as the node is active and the pipeline is ready.

    Attributes:
        settings: current values of the parameters every node has.
        config: current values of the node's own parameters.
        log: for what may repeat.
        clock: the node's clock.
        restarts: how often the past was forgotten because time went back.
        abandoned: workers that were stuck when they had to end.
    """

    config_class: ClassVar[type]
    parts: ClassVar[dict[str, type]] = {}  # config dataclass by prefix of its parameters

    def __init__(self, name: str) -> None:
        """Declare all parameters.

        Raises:
            EquiError: a parameter given at start is refused.
        """
        super().__init__(name)
        self._configs = NodeParameters(self, NodeConfig, self.config_class, parts=self.parts)
        self.log = ThrottledLog(self.get_logger(), lambda: self.settings.log_period)
        self.clock = NodeClock(self, self._jumped)
        self.restarts = self.abandoned = 0
        self._inputs: list[Input] = []
        self._outputs: list[Output] = []
        self._runner: PipelineRunner | None = None
        self._is_active = False
        self._newest_ns = 0  # greatest stamp since the restart, 0: there was no message
        self._diagnostics = Diagnostics(self)
        self._timing = self.create_publisher(Float64, "~/debug/processing_time_ms", qos.RESULT)
        steady = Clock(clock_type=ClockType.STEADY_TIME)  # a paused /clock must not silence it
        self._news = self.create_guard_condition(self._diagnose)
        self.create_timer(self.settings.diagnostics_period, self._diagnose, clock=steady)

    @property
    def settings(self) -> NodeConfig:
        """Return the current values of the parameters every node has."""
        return self._configs.config(NodeConfig)

    @property
    def config(self) -> Any:
        """Return the current values of this node's own parameters."""
        return self._configs.config(self.config_class)

    def part(self, name: str) -> Any:
        """Return the current values of one of the ``parts``."""
        return self._configs.config(self.parts[name])

    # What a node says of itself

    @abstractmethod
    def open_topics(self) -> None:
        """Call ``add_input`` and ``add_output`` for each topic."""

    @abstractmethod
    def load(self) -> Pipeline:
        """Build the pipeline; runs in the worker and may take long.

        Raises:
            EquiError: something a user can repair is missing; it is tried again later.
        """

    @abstractmethod
    def content(self, result: Any) -> Content:
        """Return what the output gate has to check of a result."""

    @abstractmethod
    def publish(self, result: Any) -> None:
        """Publish a result that is fresh and sound; runs in the worker."""

    def clear(self) -> None:
        """Take back what viewers still show of the time before a restart."""

    @property
    def longest_age(self) -> float:
        """Return the seconds after which a result is not published."""
        return self.settings.max_age

    # What a node calls

    def add_input(
        self,
        name: str,
        message_type: type,
        profile: QoSProfile,
        guard: Guard,
        sample: Callable[[Any], Any],
        take: Callable[[Any], None] | None = None,
        *,
        is_optional: bool = False,
    ) -> Input:
        """Subscribe to ``~/input/<name>``; each message becomes a sample for the pipeline.

        A node that has to bring several inputs together gives ``take``, which gets the samples
        instead, and calls ``submit`` when it has what the pipeline steps on. An optional input may
        be silent from the start.
        """
        accept = partial(self._accept, sample, take or self.submit)
        endpoint = Input(self, name, message_type, profile, guard, accept, is_optional=is_optional)
        self._inputs.append(endpoint)
        self._diagnostics.add(f"input {name}", endpoint.report)
        return endpoint

    def submit(self, sample: Any) -> None:
        """Hand a sample to the pipeline; it is dropped if a newer one comes before its turn."""
        self._runner.put(Job(sample, self.restarts, steady_ns()))

    def add_report(self, subject: str, report: Callable[[], Report]) -> None:
        """Have a further subject in the diagnostics."""
        self._diagnostics.add(subject, report)

    def add_output(self, name: str, message_type: type, profile: QoSProfile) -> Output:
        """Advertise ``~/output/<name>``."""
        endpoint = Output(self, name, message_type, profile)
        self._outputs.append(endpoint)
        self._diagnostics.add(f"output {name}", endpoint.report)
        return endpoint

    # Transitions

    def configure(self) -> None:
        """Open the topics and start to load the pipeline in its worker."""
        self.open_topics()
        self._runner = PipelineRunner(
            self.load, self._deliver, self._news.trigger, self.log, self.settings.retry_period
        )
        self._diagnostics.add("pipeline", self._runner.report)

    def activate(self) -> None:
        """Take data as soon as the pipeline is ready."""
        self._is_active = True

    def deactivate(self) -> None:
        """Take no data and publish no result."""
        self._is_active = False

    def clean_up(self) -> None:
        """Give back the pipeline and the topics."""
        self._is_active, self._newest_ns = False, 0
        self._diagnostics.clear()
        if self._runner and not self._runner.stop(STOP_S):
            self.abandoned += 1
        self._runner = None
        for endpoint in (*self._inputs, *self._outputs):
            endpoint.close()
        self._inputs, self._outputs = [], []

    def transition_done(self) -> None:
        """Show the new state at once instead of at the next tick."""
        self._diagnose()

    def close(self) -> None:
        """Stop all work; a thread that is stuck is counted in ``abandoned``."""
        self.clean_up()
        self.clock.close()
        self.destroy_node()

    # Data

    def restart(self, reason: str) -> None:
        """Forget the past: time went back or jumped. Nothing happens while there is no past."""
        if not self._newest_ns:
            return
        self._newest_ns = 0
        self.restarts += 1
        for endpoint in self._inputs:
            endpoint.guard.restart()
        self.get_logger().warning(f"Restart {self.restarts}: {reason}.")
        self.clear()

    def _jumped(self, reason: str) -> None:
        """Restart, unless the messages were faster than the clock and are of its new time."""
        behind = self.clock.now_ns() - self._newest_ns
        if not -AHEAD_NS <= behind <= BEHIND_NS:
            self.restart(reason)

    @property
    def is_taking(self) -> bool:
        """Return whether messages are used: the node is active and its pipeline is ready."""
        return self._is_active and self._runner is not None and self._runner.is_ready

    def _accept(
        self, to_sample: Callable[[Any], Any], take: Callable[[Any], None], msg: Any
    ) -> None:
        self._newest_ns = max(self._newest_ns, stamp_ns(msg.header.stamp), 1)
        take(to_sample(msg))

    def deliver(self, job: Job, result: Result) -> None:
        """Publish a result unless it is of a time before a restart, too old, or unsound."""
        if job.epoch != self.restarts or not self._is_active:
            return
        if self._age_s(job, result) > self.longest_age:
            self._runner.too_old += 1
            return
        if self._outputs[0].passes(self.content(result), job.epoch):
            self.publish(result)
        self._timing.publish(Float64(data=self._runner.work_time.newest_ms))

    def _deliver(self, job: Job, result: Result) -> None:
        with unless_ended(self.context):
            self.deliver(job, result)

    def _age_s(self, job: Job, result: Result) -> float:
        """Return the age of a result by its stamp, or since its message where stamps tell none.

        In simulated time the stamp alone counts: the wall's clock tells of the machine.
        """
        since_message = 0 if self.clock.is_sim_time else steady_ns() - job.received_ns
        now_ns = self.clock.now_ns()
        is_comparable = now_ns > 0 and not any(item.guard.is_recorded for item in self._inputs)
        by_stamp = now_ns - result.stamp_ns if is_comparable else 0
        return max(since_message, by_stamp) / SECOND_NS

    # Diagnostics

    def _diagnose(self) -> None:
        try:
            self._diagnostics.publish(self._report())
        except Exception:  # telling the state must never be what ends the node
            if self.context.ok():  # a signal may end the context in mid-publication
                self.log.error("diagnostics", traceback.format_exc())

    def _report(self) -> Report:
        """Return the state of the node as a whole."""
        state = self._state()
        rung = "full" if self._runner is None else self._runner.rung
        values = {
            "state": state,
            "rung": rung,
            "restarts": self.restarts,
            "abandoned_workers": self.abandoned,
        }
        report = Report(OK, state, values)
        if self.failure:
            report.raise_to(ERROR, self.failure)
        if state == "loading":
            report.raise_to(WARN, "loading")
        return report

    def _state(self) -> str:
        """Return the one word that says what the node does."""
        if self._runner is None:
            return "unconfigured"
        if self._runner.state != "ready":
            return self._runner.state
        return "active" if self._is_active else "inactive"
