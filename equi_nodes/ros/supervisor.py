"""Bringing a simulated graph up, watching it until the run is over, and what was seen of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from diagnostic_msgs.msg import DiagnosticStatus
from lifecycle_msgs.msg import Transition

from equi_nodes.config.graph import RecordedTopic
from equi_nodes.errors import EquiError
from equi_nodes.ros import qos
from equi_nodes.ros.heard import Heard
from equi_nodes.ros.node_group import NodeGroup
from equi_nodes.ros.observer import Health, Observer
from equi_nodes.ros.recorder import Recorder
from equi_nodes.ros.simulation import read_record

SIM, RECORD = "sim", "ground_truth/record"
START_LIMIT_S = 120.0  # until all nodes are ready: a first start may compile much
STILL_LIMIT_S = 20.0  # that the clock may stand still
USAGE_S = 2.0  # between two looks at processor time and memory
AFTER_S = 1.0  # that is recorded after the end
OVER = ("arrived", "out of time")  # states of a run
LOSSES = ("dropped", "lost_by_stamps", "lost_by_middleware", "rejected.")


class Kill(Protocol):
    """A node that is killed on purpose, ``begin_s`` seconds after the start of the simulation."""

    stream: str
    begin_s: float


class Supervisor:
    """Watches the nodes of a graph with a simulation among them.

    Attributes:
        record: what the simulation said last of the run.
        end: why the run ended, once it has.
        notes: what else happened, in sentences.
    """

    def __init__(
        self,
        seen: Observer,
        group: NodeGroup,
        write: Callable[..., None],
        kills: Sequence[Kill],
        log: Path,
    ) -> None:
        """Watch and record.

        Args:
            seen: hears the nodes.
            group: their processes, under way.
            write: takes topic, type, time and data of each message, as ``BagWriter.write`` does.
            kills: in the order of time; each is killed once and started again.
            log: where the nodes' output goes, to be named when one of them fails.
        """
        self.record: dict[str, Any] = {}
        self.end, self.notes = "", []
        self._seen, self._group, self._kills, self._log = seen, group, list(kills), log
        self._killed: dict[str, float] = {}  # by node, when; until it works again
        self._usage = {name: _Usage() for name in group.processes}
        self._began = self._usage_due = 0.0

        def keep(topic: RecordedTopic, now_ns: int, data: bytes) -> None:
            write(f"/{topic.name}", topic.type, now_ns, data, is_latched=topic.latched)

        self._recorder = Recorder(seen.context, group.graph.record, lambda: seen.now_ns, keep)
        seen.between = self._recorder.poll
        seen.node.create_subscription(DiagnosticStatus, RECORD, self._on_record, qos.LATCHED)

    def steps(self, limit_s: float, period_s: float) -> Iterator[None]:
        """Bring the nodes up, then watch them; yield now and then until the run is over.

        Args:
            limit_s: seconds on the wall that the driving may take.
            period_s: between two yields.

        Raises:
            EquiError: a node ended by itself or is not ready in time, or time stands still.
        """
        yield from self._bring_up(period_s)
        self._began = time.monotonic()
        deadline = self._began + limit_s
        while not self.end:
            self._look(period_s)
            self._kill_when_due()
            self._check_clock()
            if self.record.get("state") in OVER:
                self.end = self.record["state"]
            elif time.monotonic() > deadline:
                self.end = "out of minutes"
            yield
        self._finish()

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return how each node does, for a table."""
        return {name: self._row(name) for name in self._group.processes}

    def heard(self) -> Heard:
        """Return all that was seen."""
        resources = {
            name: {
                "cpu": usage.mean,
                "rss_mb": usage.most_mb,
                "rate_hz": self._health(name).mean_rate_hz,
                "dropped": self._health(name).number("pipeline", "dropped"),
            }
            for name, usage in self._usage.items()
        }
        return Heard(
            end=self.end,
            record=self.record,
            resources=resources,
            losses={name: _losses(self._health(name)) for name in self._group.processes},
            arrivals=self._recorder.arrivals,
            seconds=time.monotonic() - self._began if self._began else 0.0,
            notes=self.notes,
        )

    # Under way

    def _bring_up(self, period_s: float) -> Iterator[None]:
        """Have the world built, wait for all nodes, and let time run."""
        self._change(Transition.TRANSITION_CONFIGURE, "loading", "inactive", "failed")
        deadline = time.monotonic() + START_LIMIT_S
        while waiting := [name for name in self._group.processes if not self._is_ready(name)]:
            self._look(period_s)
            if self._health(SIM).state == "failed":
                raise EquiError(f"The world could not be built: {self._health(SIM).message}")
            if time.monotonic() > deadline:
                said = self._health(waiting[0]).message or "nothing"
                raise EquiError(
                    f"Node {waiting[0]} was not ready within {START_LIMIT_S:.0f} s, it says: "
                    f"{said}; its output is in {self._log}."
                )
            yield
        self._change(Transition.TRANSITION_ACTIVATE, "active")

    def _change(self, transition: int, *states: str) -> None:
        self._seen.change(SIM, transition, states, self._check_processes)

    def _finish(self) -> None:
        """Stop time, and take what is still on its way."""
        self._change(Transition.TRANSITION_DEACTIVATE, "inactive")
        self._seen.spin(AFTER_S)
        while self._recorder.poll():
            pass

    def _is_ready(self, name: str) -> bool:
        return self._health(name).state == ("inactive" if name == SIM else "active")

    def _look(self, period_s: float) -> None:
        """Hear messages for a while and look at the processes."""
        self._seen.spin(period_s)
        self._check_processes()
        if time.monotonic() >= self._usage_due:
            self._usage_due = time.monotonic() + USAGE_S
            for name, process in self._group.processes.items():
                self._usage[name].note(process.cpu_s, process.rss_mb, bool(self._began))
        for name, since in list(self._killed.items()):
            health = self._health(name)
            if health.state == "active" and health.heard_s > since and health.rate_hz > 0.0:
                del self._killed[name]
                self.notes.append(
                    f"{name} was killed; {health.heard_s - since:.1f} s later it worked again."
                )

    def _check_processes(self) -> None:
        """Start again what was killed on purpose; raise for what ended by itself."""
        while process := self._group.ended(0):
            name = process.name
            if name not in self._killed:
                raise EquiError(
                    f"Node {name} ended with code {process.code}, so all were stopped: its output "
                    f"is in {self._log}."
                )
            self._seen.health[name] = Health()
            self._group.start(name)

    def _kill_when_due(self) -> None:
        while self._kills and self.record.get("seconds", 0.0) >= self._kills[0].begin_s:
            name = self._kills.pop(0).stream
            self._killed[name] = time.monotonic()
            self._group.processes[name].send(signal.SIGKILL)

    def _check_clock(self) -> None:
        """Raise when simulated time stands still."""
        still = time.monotonic() - max(self._seen.clock_s, self._began)
        if still > STILL_LIMIT_S:
            said = self._health(SIM).message
            raise EquiError(f"The simulation stood still for {still:.0f} s, it says: {said}.")

    def _row(self, name: str) -> dict[str, Any]:
        health, usage = self._health(name), self._usage[name]
        return {
            "state": health.state,
            "level": health.level,
            "message": health.message,
            "rate_hz": health.rate_hz,
            "p50": health.number("pipeline", "result_age_ms_p50"),
            "p99": health.number("pipeline", "result_age_ms_p99"),
            "cpu": usage.newest,
            "rss_mb": usage.rss_mb,
        }

    def _health(self, name: str) -> Health:
        return self._seen.health.get(name, Health())

    def _on_record(self, message: DiagnosticStatus) -> None:
        self.record = read_record(message)


class _Usage:
    """Processor time and memory of one node, whose process may change."""

    def __init__(self) -> None:
        self.newest, self.rss_mb, self.most_mb = float("nan"), float("nan"), 0.0
        self._busy_s = self._watched_s = 0.0
        self._last: tuple[float, float] | None = None

    @property
    def mean(self) -> float:
        """Return the share of a core that it took."""
        return self._busy_s / self._watched_s if self._watched_s else float("nan")

    def note(self, cpu_s: float, rss_mb: float, counts: bool) -> None:
        """Note a look; ``counts`` tells whether it is part of the run."""
        now, self.rss_mb = time.monotonic(), rss_mb
        self.most_mb = max(self.most_mb, rss_mb)
        if self._last and cpu_s >= self._last[1]:
            busy, watched = cpu_s - self._last[1], now - self._last[0]
            self.newest = busy / watched
            if counts:
                self._busy_s, self._watched_s = self._busy_s + busy, self._watched_s + watched
        self._last = (now, cpu_s)


def _losses(health: Health) -> dict[str, int]:
    """Return what a node says of its inputs: received and lost, by input and reason."""
    return {
        f"{subject.removeprefix('input ')} {key}": int(value)
        for subject, values in health.figures.items()
        for key, value in values.items()
        if subject.startswith("input ") and (key == "received" or key.startswith(LOSSES))
    }
