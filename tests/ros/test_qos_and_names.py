"""Promises about topics: mismatches are named, profiles overridable, namespaces respected."""

from __future__ import annotations

import pytest
from equi_msgs.msg import PredictionArray, TrackArray
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)
LATCHED = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


def test_a_publisher_that_does_not_match_is_an_error_until_it_is_gone(start, peer_of, echo_command):
    override = "qos_overrides./echo/input/tracks.subscription.reliability:=reliable"
    node = start(echo_command, "-p", override)
    peer = peer_of("echo")
    peer.until_state("active")
    publisher = peer.create_publisher(TrackArray, "/echo/input/tracks", BEST_EFFORT)
    said = peer.until_says("input tracks", "incompatible QoS RELIABILITY", level=2)
    assert "/echo/input/tracks" in said.message
    assert "/peer" in said.message
    assert any("incompatible RELIABILITY" in line for line in node.lines)
    peer.destroy_publisher(publisher)
    peer.until_predicts()
    peer.until(lambda: peer.last()["input tracks"] == "ok" or peer.send_walk(1), "input is ok")


def test_a_subscriber_that_does_not_match_is_an_error(start, peer_of, echo_command):
    start(echo_command)
    peer = peer_of("echo")
    peer.until_state("active")
    peer.create_subscription(PredictionArray, "/echo/output/predictions", lambda _: None, LATCHED)
    said = peer.until_says("output predictions", "incompatible QoS DURABILITY", level=2)
    assert "/echo/output/predictions" in said.message


def test_a_silent_start_says_what_is_expected_and_who_is_there(start, peer_of, echo_command):
    start(echo_command, input_timeout=0.3)
    peer = peer_of("echo")
    said = peer.until_says("input tracks", "since start", level=2)
    assert "no usable message on /echo/input/tracks (equi_msgs/msg/TrackArray)" in said.message
    peer.until_says("input tracks", "/peer (equi_msgs/msg/TrackArray, reliable, volatile)")


@pytest.mark.parametrize("namespace", ["robot1", "fleet/robot2"])
def test_a_node_works_under_a_namespace(start, peer_of, echo_command, namespace):
    start(echo_command, "-r", f"__ns:=/{namespace}")
    peer = peer_of(f"/{namespace}/echo")
    peer.until_state("active")
    peer.until_predicts()
    topics = {name for name, _ in peer.get_topic_names_and_types()}
    own = {name for name in topics if "echo" in name}
    assert all(name.startswith(f"/{namespace}/echo/") for name in own)


def test_two_nodes_in_two_namespaces_do_not_meet(start, peer_of, echo_command):
    start(echo_command, "-r", "__ns:=/a")
    start(echo_command, "-r", "__ns:=/b")
    first, second = peer_of("/a/echo"), peer_of("/b/echo")
    first.until_state("active")
    second.until_state("active")
    first.until_predicts()
    second.spin(0.5)
    assert not second.predictions
