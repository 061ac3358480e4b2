"""An output of a node: a publisher with its gate and its figures."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from rclpy.event_handler import PublisherEventCallbacks
from rclpy.qos import QoSProfile, qos_policy_name_from_kind

from equi_nodes.ros import qos
from equi_nodes.ros.diagnostics import ERROR, Report
from equi_nodes.ros.gate import Content, Gate

if TYPE_CHECKING:
    from equi_nodes.ros.base_node import PipelineNode


class Output:
    """A publisher that only lets sound results out.

    Attributes:
        topic: fully resolved name.
        gate: judges each result.
        published: messages so far.
    """

    def __init__(
        self, node: PipelineNode, name: str, message_type: type, profile: QoSProfile
    ) -> None:
        """Advertise ``~/output/<name>``."""
        self.gate = Gate()
        self.published = 0
        self._node = node
        self._profile = copy(profile)
        self._refused_before = 0
        self._mismatch = ""
        self._publisher = node.create_lifecycle_publisher(
            message_type,
            f"~/output/{name}",
            self._profile,
            event_callbacks=PublisherEventCallbacks(incompatible_qos=self._on_mismatch),
            qos_overriding_options=qos.overridable(),
        )
        self.topic = self._publisher.topic_name

    @property
    def has_readers(self) -> bool:
        """Return whether anyone listens."""
        return self._publisher.get_subscription_count() > 0

    def publish(self, message: Any) -> None:
        """Publish a message whose content has passed the gate."""
        self._publisher.publish(message)
        self.published += 1

    def passes(self, content: Content, epoch: int) -> bool:
        """Return whether a result is sound; a refusal is counted and logged."""
        if self.gate.passes(content, epoch):
            return True
        text = f"{self.topic}: result not published: {self.gate.last_refusal}"
        self._node.log.error(text, text)
        return False

    def close(self) -> None:
        """Stop advertising."""
        self._node.destroy_lifecycle_publisher(self._publisher)

    def report(self) -> Report:
        """Return the state of this output."""
        refused = sum(self.gate.refused.values())
        figures = {"topic": self.topic, "published": self.published, "refused": refused}
        refusals = {f"refused.{reason}": count for reason, count in self.gate.refused.items()}
        report = Report(values=figures | refusals)
        if refused > self._refused_before:
            report.raise_to(ERROR, f"{self.topic}: result not published: {self.gate.last_refusal}")
        if self._mismatch and (peers := self._mismatched_peers()):
            report.raise_to(ERROR, f"{self.topic}: incompatible QoS {self._mismatch} from {peers}")
        self._refused_before = refused
        return report

    def _mismatched_peers(self) -> str:
        readers = self._node.get_subscriptions_info_by_topic(self.topic)
        peers = [p for p in readers if qos.mismatch(self._profile, p.qos_profile)]
        return ", ".join(qos.describe(peer) for peer in peers)

    def _on_mismatch(self, event: Any) -> None:
        self._mismatch = qos_policy_name_from_kind(event.last_policy_kind)
        self._node.log.error(
            f"{self.topic} qos",
            f"{self.topic}: a subscriber asks for an incompatible {self._mismatch}, "
            "it will get nothing",
        )
