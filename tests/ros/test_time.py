"""Promises about time: simulated clocks, jumps and loops of recordings."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock

from equi_nodes.ros.convert import header
from equi_nodes.ros.messages import make
from equi_nodes.samples import TrackSample

SECOND = 1_000_000_000
STEP = SECOND // 10


ANSWER_S = 2.0  # a message that is not answered until then was lost


class Recording:
    """Plays a clock and tracks as a bag does, as fast as they are answered.

    Clocks keep one message alone: a node that is busy for a while would see no loop of a bag that
    does not wait.
    """

    def __init__(self, peer):
        self.peer = peer
        self.clock = peer.create_publisher(Clock, "/clock", QoSProfile(depth=1))

    def tick(self, time_ns):
        self.clock.publish(Clock(clock=header(time_ns, "", make).stamp))

    def play(self, start_ns, messages, clock=True):
        for number in range(messages):
            stamp = start_ns + number * STEP
            if clock:
                self.tick(stamp)
                self.peer.spin(0.02)
            before = len(self.peer.predictions)
            self.peer.send(TrackSample.of_positions(stamp, "map", [1], np.zeros((1, 2))))
            end = time.monotonic() + ANSWER_S
            while len(self.peer.predictions) == before and time.monotonic() < end:
                self.peer.spin(0.03)


@pytest.fixture
def peer(start, peer_of, echo_command):
    start(echo_command, use_sim_time=True)
    peer = peer_of("echo")
    peer.until_state("active")
    return peer


@pytest.fixture
def recording(peer):
    recording = Recording(peer)
    peer.until(lambda: recording.clock.get_subscription_count() > 0, "the node follows /clock")
    return recording


def is_restarted(peer, times):
    return peer.value("state", "restarts") == times


def steps(peer):
    return [p.predictions[0].observed_steps for p in peer.predictions]


def test_before_the_clock_starts_nothing_is_judged_by_it(peer, recording):
    recording.play(50 * SECOND, 5, clock=False)
    peer.until(lambda: peer.predictions, "predictions without a clock")
    assert int(peer.value("input tracks", "rejected") or 0) == 0


def test_a_recording_that_loops_restarts_once_a_loop(peer, recording):
    for loop in range(3):
        recording.play(50 * SECOND, 8)
        expected = str(loop)
        peer.until(partial(is_restarted, peer, expected), f"restarts: {expected}")
        assert steps(peer)[-1] <= 8
        assert steps(peer)[-1] >= 7
    stamps = [p.header.stamp.sec for p in peer.predictions]
    assert set(stamps) == {50}


def test_a_jump_forward_restarts_and_a_paused_clock_does_not(peer, recording):
    recording.play(50 * SECOND, 8)
    peer.spin(1.5)
    assert peer.value("state", "restarts") == "0"
    recording.play(60 * SECOND, 4)
    peer.until(lambda: peer.value("state", "restarts") == "1", "one restart")
    assert steps(peer)[-1] <= 4


def test_diagnostics_go_on_while_the_clock_stands_still(peer, recording):
    recording.play(50 * SECOND, 3)
    before = len(peer.diagnostics)
    peer.until(lambda: len(peer.diagnostics) >= before + 3, "three reports", limit_s=4.0)


def test_a_stamp_far_ahead_of_a_simulated_clock_is_refused(peer, recording):
    recording.play(50 * SECOND, 8)
    recording.tick(51 * SECOND)
    peer.send(TrackSample.of_positions(61 * SECOND, "map", [1], np.zeros((1, 2))))
    peer.until_says("input tracks", "s in the future")
