"""What a running graph says of itself, heard by one more node."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rosgraph_msgs.msg import Clock

from equi_nodes.errors import EquiError
from equi_nodes.ros import qos
from equi_nodes.ros.convert import SECOND_NS, stamp_ns

SUBJECT = ": "  # between the name of a node and what a status is about
TURN_S = 0.02  # between two calls of what else is to be done
ANSWER_S = 3.0  # until a service is asked again
SERVICE_LIMIT_S = 30.0  # a node that loads much answers late


@dataclass
class Health:
    """What one node said last.

    Attributes:
        state: its state in one word, empty before it spoke.
        level: 0 well, 1 warning, 2 error.
        message: the worst of what it says.
        figures: its figures by subject and key, as text.
        rate_hz: of its first output since the report before, by its clock.
        heard_s: monotonic time of the newest report.
    """

    state: str = ""
    level: int = 0
    message: str = ""
    figures: dict[str, dict[str, str]] = field(default_factory=dict)
    rate_hz: float = 0.0
    heard_s: float = 0.0
    _published: tuple[int, int] = (0, 0)  # count and time of the newest report
    _first: tuple[int, int] = (0, 0)  # and of the first one

    @property
    def mean_rate_hz(self) -> float:
        """Return the rate of its first output since its first report, by its clock."""
        (first, began_ns), (last, ended_ns) = self._first, self._published
        return (last - first) / max(ended_ns - began_ns, 1) * SECOND_NS

    def number(self, subject: str, key: str) -> float:
        """Return one figure, NaN where it was not said."""
        try:
            return float(self.figures[subject][key])
        except (KeyError, ValueError):
            return float("nan")

    def take(self, message: DiagnosticArray) -> None:
        """Take a report."""
        self.heard_s = time.monotonic()
        for status in message.status:
            subject = status.name.partition(SUBJECT)[2]
            self.figures[subject] = {item.key: item.value for item in status.values}
            if subject == "state":
                self.level, self.message = status.level[0], status.message
                self.state = self.figures[subject].get("state", "")
        self._note_rate(stamp_ns(message.header.stamp))

    def _note_rate(self, now_ns: int) -> None:
        subject = next((name for name in self.figures if name.startswith("output ")), "")
        count, (before, then_ns) = self.number(subject, "published"), self._published
        if now_ns > then_ns and count == count:
            self.rate_hz = (count - before) / (now_ns - then_ns) * SECOND_NS if then_ns else 0.0
            self._published = (int(count), now_ns)
            self._first = self._first if self._first[1] else self._published


class Observer:
    """Hears the diagnostics of all nodes and the clock; ``observer`` makes one.

    Attributes:
        context: of its node.
        node: to subscribe with.
        between: called now and then while messages are taken.
        health: by the name of the node, without the slash.
        now_ns: simulated time, 0 before the first message on ``/clock``.
        clock_s: monotonic time of the newest of these messages.
    """

    def __init__(self, context: rclpy.Context) -> None:
        """Subscribe."""
        self.context = context
        self.node: Node = rclpy.create_node("observer", context=context)
        self.between: Callable[[], object] = lambda: None
        self.health: dict[str, Health] = {}
        self.now_ns, self.clock_s = 0, 0.0
        self._between_due = 0.0
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self.node)
        self.node.create_subscription(
            DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.RESULT
        )
        self.node.create_subscription(Clock, "/clock", self._on_clock, qos.RESULT)

    def close(self) -> None:
        """Hear no longer."""
        self._executor.shutdown()
        self.node.destroy_node()

    def spin(self, seconds: float) -> None:
        """Take messages for a time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self._turn(min(left, TURN_S))

    def spin_until(self, condition: Callable[[], object], limit_s: float) -> bool:
        """Take messages until a condition holds; return whether it did in time."""
        deadline = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            self._turn(TURN_S)
        return True

    def change(
        self, name: str, transition: int, states: tuple[str, ...], check: Callable[[], None]
    ) -> None:
        """Have a node make a lifecycle transition, one of ``lifecycle_msgs/Transition``.

        An answer may be lost on a busy machine, so what the node says of its state counts too.

        Args:
            name: of the node.
            transition: its number.
            states: those that the node may say it is in when it is done.
            check: called while waiting; raises when it is in vain.

        Raises:
            EquiError: the node refused, or did not answer.
        """
        client = self.node.create_client(ChangeState, f"/{name}/change_state")
        deadline = time.monotonic() + SERVICE_LIMIT_S

        def is_there() -> bool:
            check()
            return client.service_is_ready()

        try:
            if not self.spin_until(is_there, SERVICE_LIMIT_S):
                raise EquiError(f"The node {name} was not there within {SERVICE_LIMIT_S:.0f} s.")
            while time.monotonic() < deadline:
                request = ChangeState.Request(transition=Transition(id=transition))
                asked = client.call_async(request)
                self.spin_until(lambda asked=asked: asked.done(), ANSWER_S)
                is_done = asked.done() and asked.result().success
                if is_done or self.health.get(name, Health()).state in states:
                    return
                self.spin(TURN_S)
        finally:
            self.node.destroy_client(client)
        said = self.health.get(name, Health()).message or "it said nothing"
        raise EquiError(f"The node {name} did not change its state, it says: {said}.")

    def _turn(self, seconds: float) -> None:
        self._executor.spin_once(timeout_sec=seconds)
        if (now := time.monotonic()) >= self._between_due:
            self._between_due = now + TURN_S
            self.between()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        if message.status:
            name = message.status[0].hardware_id.lstrip("/")
            self.health.setdefault(name, Health()).take(message)

    def _on_clock(self, message: Clock) -> None:
        self.now_ns, self.clock_s = stamp_ns(message.clock), time.monotonic()


@contextmanager
def observer(domain: int) -> Iterator[Observer]:
    """Hear the graph on a ROS domain for the time of a ``with`` block."""
    context = rclpy.Context()
    context.init(domain_id=domain)
    try:
        made = Observer(context)
        try:
            yield made
        finally:
            made.close()
    finally:
        context.try_shutdown()
