"""The quality-of-service profiles of this package, by the kind of data."""

from __future__ import annotations

from rclpy.qos import (
    DurabilityPolicy,
    QoSCompatibility,
    QoSProfile,
    ReliabilityPolicy,
    qos_check_compatible,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.topic_endpoint_info import TopicEndpointInfo

# Both kinds of writer match a best-effort reader; ten deep survives a pause of one second at 10 Hz.
SENSOR = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)

# An IMU into a filter: five seconds at 200 Hz, so that no pause of the node loses a sample.
IMU = QoSProfile(depth=1000, reliability=ReliabilityPolicy.BEST_EFFORT)

# Results: both kinds of reader match a reliable writer.
RESULT = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)

# What a late reader must still learn: the last message is kept for it.
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)

# Services of an action: with the usual depth of ten a burst of goals would be lost in part.
SERVICE = QoSProfile(depth=200, reliability=ReliabilityPolicy.RELIABLE)

# Fixed transforms: each sender latches its own message.
STATIC_TRANSFORMS = QoSProfile(
    depth=100,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)


def overridable() -> QoSOverridingOptions:
    """Let users change history, depth and reliability of an endpoint by parameter."""
    return QoSOverridingOptions.with_default_policies()


def describe(peer: TopicEndpointInfo) -> str:
    """Say who an endpoint belongs to, what it carries and how, in a few words."""
    profile = peer.qos_profile
    policies = f"{profile.reliability.name.lower()}, {profile.durability.name.lower()}"
    owner = f"{peer.node_namespace.rstrip('/')}/{peer.node_name}"
    return f"{owner} ({peer.topic_type}, {policies})"


def mismatch(writer: QoSProfile, reader: QoSProfile) -> str:
    """Return why a reader gets nothing from a writer, empty if it gets everything."""
    compatibility, reason = qos_check_compatible(writer, reader)
    if compatibility != QoSCompatibility.ERROR:
        return ""
    return ", ".join(part.removeprefix("ERROR: ") for part in reason.split(";") if part)
