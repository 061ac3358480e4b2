"""Promises of the door and the exit: what is refused, what is said, and that the node recovers."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.ros.convert import track_array
from equi_nodes.ros.messages import make
from equi_nodes.samples import TrackSample

SECOND = 1_000_000_000
RAISES, IS_NAN, FALLS_BACK = -1, -2, -3


def sample(stamp_ns: int, first_id: int = 1, frame: str = "map") -> TrackSample:
    return TrackSample.of_positions(stamp_ns, frame, [first_id, 7], np.zeros((2, 2)))


@pytest.fixture
def peer(start, peer_of, echo_command):
    start(echo_command)
    peer = peer_of("echo")
    peer.until_state("active")
    peer.until_predicts()
    return peer


def send_until_says(peer, message, text, subject="input tracks", level=None):
    """Send what is wrong, see it refused within the next report, and see the node recover."""
    peer.send_message(message)
    said = peer.until_says(subject, text, level)
    peer.predictions.clear()
    peer.until_predicts(limit_s=5.0)
    return said


def test_every_bad_header_is_named_and_the_next_good_message_is_used(peer):
    now = peer.now_ns()
    bad_digits = track_array(sample(now), make)
    bad_digits.header.stamp.nanosec = 1_500_000_000
    many = TrackSample.of_positions(now, "map", np.arange(101), np.zeros((101, 2)))
    cases = [
        (track_array(sample(now, frame=""), make), "frame_id is empty"),
        (track_array(sample(now, frame="/map"), make), "frame_id '/map' starts with a slash"),
        (track_array(sample(now, frame="odom"), make), "frame_id is 'odom', expected 'map'"),
        (track_array(sample(0), make), "stamp is zero"),
        (bad_digits, "is not a time"),
        (track_array(sample(now + 100 * SECOND), make), "s in the future"),
        (track_array(many, make), "101 tracks are more than the limit of 100"),
    ]
    for message, text in cases:
        send_until_says(peer, message, text)
    assert int(peer.value("input tracks", "rejected")) == len(cases)
    assert peer.value("input tracks", "rejected.stamp_zero") == "1"


def test_the_same_stamp_twice_is_refused(peer):
    message = track_array(sample(peer.now_ns()), make)
    peer.send_message(message)
    send_until_says(peer, message, "stamp is that of the message before")


def test_stamps_that_go_back_restart_the_node(peer):
    peer.set_parameter("max_age", 10.0)
    assert peer.predictions[-1].predictions[0].observed_steps >= 1
    restarts = int(peer.value("state", "restarts"))
    past = peer.now_ns() - 5 * SECOND
    peer.predictions.clear()
    for number in range(3):
        peer.send(sample(past + number * SECOND // 10))
        peer.spin(0.1)
    peer.until(lambda: len(peer.predictions) == 3, "predictions go on after the restart")
    assert [p.predictions[0].observed_steps for p in peer.predictions] == [1, 2, 3]
    peer.until(lambda: peer.value("state", "restarts") == str(restarts + 1), "one restart counted")


def test_an_exception_in_the_pipeline_is_told_and_survived(peer):
    message = track_array(sample(peer.now_ns(), RAISES), make)
    said = send_until_says(peer, message, "asked to fail", "pipeline", level=2)
    assert "RuntimeError" in said.message


def test_nan_never_leaves_the_node(peer):
    peer.predictions.clear()
    message = track_array(sample(peer.now_ns(), IS_NAN), make)
    send_until_says(peer, message, "result not published: not_finite", "output predictions", 2)
    for prediction in peer.predictions:
        paths = [t.positions for p in prediction.predictions for t in p.trajectories]
        assert np.isfinite(paths).all()


def test_a_fallback_is_shown_until_it_is_over_for_good(peer):
    send_until_says(
        peer, track_array(sample(peer.now_ns(), FALLS_BACK), make), "asked to fall back", "pipeline"
    )
    assert peer.value("state", "rung") == "fallback"
    peer.send_walk(12)
    peer.until(lambda: peer.value("state", "rung") == "full", "the node climbs back")


def test_silence_is_told_with_its_length(peer):
    peer.send_walk(5)
    peer.until_says("input tracks", "no usable message for", level=2)
    peer.until_predicts()
    peer.until(lambda: peer.last()["input tracks"] == "ok" or peer.send_walk(1), "input is ok")


def test_recorded_stamps_are_taken_and_noted(start, peer_of, echo_command):
    node = start(echo_command)
    peer = peer_of("echo")
    peer.until_state("active")
    for number in range(20):
        peer.send(sample(1_000 * SECOND + number * SECOND // 10))
        peer.spin(0.05)
    peer.until(lambda: peer.predictions, "old stamps are predicted from")
    peer.until(lambda: "recording" in peer.value("input tracks", "note"), "noted in diagnostics")
    assert sum("taken for a recording" in line for line in node.lines) == 1
