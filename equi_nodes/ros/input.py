"""An input of a node: a subscription with its guard and its figures."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Any

from rclpy.event_handler import SubscriptionEventCallbacks
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_policy_name_from_kind

from equi_nodes.errors import EquiError
from equi_nodes.ros import qos
from equi_nodes.ros.clock import steady_ns
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.ros.diagnostics import ERROR, WARN, Report
from equi_nodes.ros.guard import Guard
from equi_nodes.ros.statistics import Stream

if TYPE_CHECKING:
    from equi_nodes.ros.base_node import PipelineNode

SHORTEST_SILENCE_S = 0.1  # that is worth a warning: fast streams come in bunches
RECORDED = (
    "stamps are days from the clock, taken for a recording: "
    "set use_sim_time and publish /clock to have their age checked"
)


class Input:
    """A subscription whose messages pass the guard before anything else sees them.

    Attributes:
        topic: fully resolved name.
        guard: judges each message.
        stream: rate, age and loss.
    """

    def __init__(
        self,
        node: PipelineNode,
        name: str,
        message_type: type,
        profile: QoSProfile,
        guard: Guard,
        accept: Callable[[Any], None],
        *,
        is_optional: bool = False,
    ) -> None:
        """Subscribe to ``~/input/<name>``; ``accept`` takes each message the guard lets pass.

        What is latched comes once, so it is taken whatever the state of the node is. An optional
        input may be silent until its first message.
        """
        self.guard, self.stream, self._is_optional = guard, Stream(), is_optional
        self._is_latched = profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        self._node, self._type, self._accept = node, message_type, accept
        self._profile = copy(profile)
        self._taking_since_ns = steady_ns()
        self._refused, self._last_refusal = 0, ""
        self._mismatch = ""
        self._lost = 0
        events = SubscriptionEventCallbacks(
            incompatible_qos=self._on_mismatch, message_lost=self._on_lost
        )
        self._subscription = node.create_subscription(
            message_type,
            f"~/input/{name}",
            self._on_message,
            self._profile,
            event_callbacks=events,
            qos_overriding_options=qos.overridable(),
        )
        self.topic = self._subscription.topic_name

    def close(self) -> None:
        """Unsubscribe."""
        self._node.destroy_subscription(self._subscription)

    def report(self) -> Report:
        """Return the state of this input since the last report."""
        if not self._node.is_taking:
            self._taking_since_ns = steady_ns()
        report = Report(values=self._figures())
        if self._mismatch and (peers := self._mismatched_peers()):
            report.raise_to(ERROR, f"{self.topic}: incompatible QoS {self._mismatch} from {peers}")
        refusals = f"{self._refused} messages rejected: {self._last_refusal}"
        said = f"; {refusals}" if self._refused else ""
        self._judge_silence(report, said)
        if self._refused:
            report.raise_to(WARN, f"{self.topic}: {refusals}")
        if self.guard.is_recorded:
            report.values["note"] = RECORDED
        self._refused = 0
        return report

    def _on_message(self, msg: Any) -> None:
        if not (self._node.is_taking or self._is_latched):
            return
        try:
            self._take(msg)
        except EquiError as error:
            self._refuse("unusable", str(error))
        except Exception:  # an exception would end the executor and with it the node
            self._refuse("unusable", "it could not be used, the log has the traceback")
            self._node.log.error(f"{self.topic} failed", traceback.format_exc())

    def _take(self, msg: Any) -> None:
        """Pass a message on if the guard lets it; time that went back restarts the node first."""
        clock = self._node.clock
        verdict = self.guard.check(msg, clock.now_ns(), is_sim_time=clock.is_sim_time)
        if not verdict.is_accepted:
            self._refuse(verdict.reason, verdict.detail)
            return
        if verdict.is_restart:
            self._node.restart(f"the stamps of {self.topic} went back")
        if self.guard.is_recorded:
            self._node.log.warning("recorded", f"{self.topic}: {RECORDED}")
        self.stream.arrived(steady_ns(), stamp_ns(msg.header.stamp))
        self._accept(msg)

    def _refuse(self, reason: str, detail: str) -> None:
        """Remember a refusal for the next report, and log it."""
        self._refused += 1
        self._last_refusal = detail
        self._node.log.warning(reason, f"{self.topic}: message rejected: {detail}")

    def _judge_silence(self, report: Report, said: str) -> None:
        """Warn after two periods without a message, and call a longer silence an ERROR.

        ``said`` is what else there is to say, put behind the silence.
        """
        if self.guard.is_event or (self._is_optional and not self.stream.received):
            return
        timeout, period = self._node.settings.input_timeout, self.stream.period_s
        silence = self._silence_s()
        if silence < (max(2 * period, SHORTEST_SILENCE_S) if period else timeout):
            return
        is_long = silence >= max(timeout, 5 * period)
        level = ERROR if is_long and not self._is_optional else WARN
        if self.stream.received:
            report.raise_to(level, f"{self.topic}: no usable message for {silence:.1f} s{said}")
        else:
            report.raise_to(level, self._explain_nothing(silence) + said)

    def _silence_s(self) -> float:
        return self.stream.silence_s(steady_ns(), self._taking_since_ns)

    def _explain_nothing(self, silence: float) -> str:
        """Say what an input that never got a message listens to, and who publishes there."""
        kind = f"{self._type.__module__.split('.')[0]}/msg/{self._type.__name__}"
        peers = [qos.describe(peer) for peer in self._publishers()]
        listening = f"no usable message on {self.topic} ({kind}) since start, {silence:.1f} s"
        return f"{listening}; publishers: {', '.join(peers) or 'none'}"

    def _figures(self) -> dict[str, Any]:
        return {
            "topic": self.topic,
            "received": self.stream.received,
            "period_s": self.stream.period_s,
            "silence_s": self._silence_s(),
            "lost_by_stamps": self.stream.lost,
            "lost_by_middleware": self._lost,
            "rejected": sum(self.guard.rejected.values()),
        } | {f"rejected.{reason}": count for reason, count in self.guard.rejected.items()}

    def _publishers(self) -> list[Any]:
        return self._node.get_publishers_info_by_topic(self.topic)

    def _mismatched_peers(self) -> str:
        peers = [p for p in self._publishers() if qos.mismatch(p.qos_profile, self._profile)]
        return ", ".join(qos.describe(peer) for peer in peers)

    def _on_mismatch(self, event: Any) -> None:
        self._mismatch = qos_policy_name_from_kind(event.last_policy_kind)
        self._node.log.error(
            f"{self.topic} qos",
            f"{self.topic}: a publisher offers an incompatible {self._mismatch}, "
            "nothing will come from it",
        )

    def _on_lost(self, event: Any) -> None:
        self._lost = event.total_count
