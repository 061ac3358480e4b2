"""What the tests of nodes share: a peer in this process, nodes in others, a domain apart."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DOMAIN = int(os.environ.get("ROS_DOMAIN_ID") or 1 + os.getpid() % 100)
os.environ["ROS_DOMAIN_ID"] = str(DOMAIN)
os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"

rclpy = pytest.importorskip("rclpy", reason="rclpy is not installed")

import numpy as np  # noqa: E402
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus  # noqa: E402
from equi_msgs.msg import PredictionArray, TrackArray  # noqa: E402
from lifecycle_msgs.msg import Transition  # noqa: E402
from lifecycle_msgs.srv import ChangeState, GetState  # noqa: E402
from rcl_interfaces.srv import DescribeParameters, GetParameters, SetParameters  # noqa: E402
from rclpy.executors import SingleThreadedExecutor  # noqa: E402
from rclpy.node import Node  # noqa: E402
from rclpy.parameter import Parameter  # noqa: E402

from equi_nodes.ros import qos  # noqa: E402
from equi_nodes.ros.convert import track_array  # noqa: E402
from equi_nodes.ros.messages import make  # noqa: E402
from equi_nodes.ros.process import NodeProcess, stop_all  # noqa: E402
from equi_nodes.samples import TrackSample  # noqa: E402

ECHO = [sys.executable, str(Path(__file__).with_name("echo_node.py"))]
EQMOTION = [sys.executable, "-m", "equi_nodes.nodes.eqmotion"]
LIMIT_S = 20.0
AGAIN_S = 3.0


class Peer(Node):
    """Sends tracks to one node, and hears all it says."""

    def __init__(self, target: str, namespace: str = "") -> None:
        """Talk to the node ``target``."""
        super().__init__("peer", namespace=namespace)
        self.executor_ = SingleThreadedExecutor()
        self.executor_.add_node(self)
        self.target = target
        self.heard = 0
        self.diagnostics: list[dict[str, DiagnosticStatus]] = []
        self.predictions: list[PredictionArray] = []
        self.statuses: list[DiagnosticStatus] = []
        self.tracks = self.create_publisher(TrackArray, f"{target}/input/tracks", qos.RESULT)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.RESULT)
        self.create_subscription(
            PredictionArray, f"{target}/output/predictions", self.predictions.append, qos.RESULT
        )
        self.create_subscription(
            DiagnosticStatus, f"{target}/status", self.statuses.append, qos.LATCHED
        )

    def _on_diagnostics(self, msg: DiagnosticArray) -> None:
        self.diagnostics.append({s.name.split(": ")[-1]: s for s in msg.status})

    def until(self, condition: Callable[[], object], what: str, limit_s: float = LIMIT_S) -> None:
        """Serve callbacks until a condition holds, and fail when it does not in time."""
        deadline = time.monotonic() + limit_s
        while not condition():
            assert time.monotonic() < deadline, f"not in {limit_s} s: {what}; {self.last()}"
            self.executor_.spin_once(timeout_sec=0.02)

    def spin(self, seconds: float) -> None:
        """Serve callbacks for a time that is itself part of the test."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.executor_.spin_once(timeout_sec=left)

    def last(self) -> dict[str, str]:
        """Return the messages of the newest diagnostics by subject."""
        return {k: s.message for k, s in self.diagnostics[-1].items()} if self.diagnostics else {}

    def until_state(self, state: str) -> None:
        """Wait until the node says it is in a state, with its topics matched."""
        self.until(
            lambda: self.statuses and self.value("state", "state") == state, f"state {state}"
        )
        if state == "active":
            self.until(lambda: self.tracks.get_subscription_count() > 0, "node subscribes")

    def value(self, subject: str, key: str) -> str:
        """Return a figure of the newest diagnostics, empty if there is none."""
        status = self.diagnostics[-1].get(subject) if self.diagnostics else None
        return {v.key: v.value for v in status.values}.get(key, "") if status else ""

    def until_says(
        self,
        subject: str,
        text: str,
        level: int | None = None,
        again: Callable[[], None] | None = None,
    ) -> DiagnosticStatus:
        """Wait for a diagnostic since the last ``send`` that contains a text; return it.

        Inputs are best effort: ``again`` repeats what was sent while nothing is said.
        """
        found: list[DiagnosticStatus] = []
        next_try = time.monotonic() + AGAIN_S

        def said() -> bool:
            nonlocal next_try
            if again and time.monotonic() > next_try:
                again()
                next_try = time.monotonic() + AGAIN_S
            found[:] = [
                d[subject]
                for d in self.diagnostics[self.heard :]
                if subject in d and text in d[subject].message
                if level is None or d[subject].level == bytes([level])
            ]
            return bool(found)

        self.until(said, f"{subject}: '{text}', level {level}")
        return found[0]

    def send(self, sample: TrackSample) -> None:
        """Publish a sample of tracks."""
        self.send_message(track_array(sample, make))

    def send_message(self, message: TrackArray) -> None:
        """Publish tracks; from here on ``until_says`` listens."""
        self.heard = len(self.diagnostics)
        self.tracks.publish(message)

    def send_walk(self, messages: int, period_s: float = 0.1, agents: int = 2) -> None:
        """Publish agents that walk along x, at the rate they would have."""
        for _ in range(messages):
            now = self.now_ns()
            x = (now % 100_000_000_000) * 1e-9 + np.zeros(agents)
            positions = np.stack([x, 2.0 * np.arange(agents)], axis=-1)
            self.send(TrackSample.of_positions(now, "map", np.arange(agents), positions))
            self.spin(period_s)

    def until_predicts(self, limit_s: float = LIMIT_S) -> PredictionArray:
        """Send walking agents until a new prediction with agents comes, and return it."""
        start = len(self.predictions)
        deadline = time.monotonic() + limit_s
        while not any(p.predictions for p in self.predictions[start:]):
            assert time.monotonic() < deadline, f"no prediction in {limit_s} s; {self.last()}"
            self.send_walk(1)
        return self.predictions[-1]

    def now_ns(self) -> int:
        """Return the time."""
        return self.get_clock().now().nanoseconds

    def call(self, kind: type, name: str, **fields: object) -> object:
        """Call a service of the node."""
        client = self.create_client(kind, f"{self.target}/{name}")
        try:
            self.until(client.service_is_ready, f"service {name}")
            future = client.call_async(kind.Request(**fields))
            self.until(future.done, f"answer of {name}")
            return future.result()
        finally:
            self.destroy_client(client)

    def change(self, transition: int) -> bool:
        """Ask for a lifecycle transition and return whether it succeeded."""
        wanted = Transition(id=transition)
        return self.call(ChangeState, "change_state", transition=wanted).success

    def lifecycle_state(self) -> str:
        """Return the lifecycle state."""
        return self.call(GetState, "get_state").current_state.label

    def set_parameter(self, name: str, value: object) -> tuple[bool, str]:
        """Set a parameter; return whether it was taken and the reason if not."""
        parameters = [Parameter(name, value=value).to_parameter_msg()]
        result = self.call(SetParameters, "set_parameters", parameters=parameters).results[0]
        return result.successful, result.reason

    def parameter(self, name: str) -> object:
        """Return the value of a parameter."""
        values = self.call(GetParameters, "get_parameters", names=[name]).values
        return rclpy.parameter.parameter_value_to_python(values[0])

    def describe(self, name: str) -> object:
        """Return the descriptor of a parameter."""
        return self.call(DescribeParameters, "describe_parameters", names=[name]).descriptors[0]


class Started(NodeProcess):
    """A node's process with the lines it wrote."""

    def __init__(self, command: list[str]) -> None:
        """Start it."""
        self.lines: list[str] = []
        super().__init__("node", command, lambda _, line: self.lines.append(line))

    @property
    def text(self) -> str:
        """Return all output."""
        return "\n".join(self.lines)

    def end(self, number: int = signal.SIGINT) -> tuple[int, float]:
        """End it by a signal; return its exit code and the seconds it took."""
        started = time.monotonic()
        code = self.stop(number, timeout_s=10.0)
        return code, time.monotonic() - started


@pytest.fixture(scope="session", autouse=True)
def ros() -> Iterator[None]:
    """Open and close the client library once."""
    rclpy.init()
    yield
    rclpy.try_shutdown()


@contextmanager
def nodes() -> Iterator[Callable[..., Started]]:
    """Start nodes: ``start(command, parameter=value, ...)``; at last they are asked to end.

    Killed ones would leave their shared memory behind.
    """
    started: list[Started] = []

    def start_node(command: list[str], *ros_args: str, **parameters: object) -> Started:
        args = ["--ros-args", *ros_args]
        for key, value in parameters.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            args += ["-p", f"{key}:={text}"]
        started.append(Started([*command, *args]))
        return started[-1]

    yield start_node
    stop_all(started)


@contextmanager
def peers() -> Iterator[Callable[..., Peer]]:
    """Make peers: ``peer_of("echo")``; they are destroyed at the end."""
    made: list[Peer] = []

    def make_peer(target: str, namespace: str = "") -> Peer:
        made.append(Peer(target, namespace))
        return made[-1]

    yield make_peer
    for peer in made:
        peer.executor_.shutdown()
        peer.destroy_node()


@pytest.fixture
def start() -> Iterator[Callable[..., Started]]:
    """Start nodes for one test."""
    with nodes() as start_node:
        yield start_node


@pytest.fixture
def peer_of() -> Iterator[Callable[..., Peer]]:
    """Make peers for one test."""
    with peers() as make_peer:
        yield make_peer


@pytest.fixture(scope="module")
def shared_start() -> Iterator[Callable[..., Started]]:
    """Start nodes that all tests of a file share."""
    with nodes() as start_node:
        yield start_node


@pytest.fixture(scope="module")
def shared_peer_of() -> Iterator[Callable[..., Peer]]:
    """Make peers that all tests of a file share."""
    with peers() as make_peer:
        yield make_peer


@pytest.fixture
def start_plain() -> Iterator[Callable[[list[str]], Started]]:
    """Start any command; it is asked to end at the end of the test, with all its children."""
    started: list[Started] = []

    def start_command(command: list[str]) -> Started:
        started.append(Started(command))
        return started[-1]

    yield start_command
    for process in started:
        process.stop(signal.SIGINT, timeout_s=5.0)


@pytest.fixture(scope="session")
def echo_command() -> list[str]:
    """Return the command of the node that the glue is tested with."""
    return ECHO


@pytest.fixture(scope="session")
def eqmotion_command() -> list[str]:
    """Return the command of the prediction node."""
    return EQMOTION


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Write weights: untrained, for what is tested is the node and not how good its plans are."""
    from plan_driver import write_weights

    return write_weights(tmp_path_factory.mktemp("weights"))
