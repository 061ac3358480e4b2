"""Promise of every main: SIGINT and SIGTERM end it in 2 s with code 0, whatever it is doing."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest
import rclpy

SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
LIMIT_S = 2.0
SHARED = Path("/dev/shm")


def assert_clean(node, number):
    code, seconds = node.end(number)
    assert code == 0, node.text
    assert seconds < LIMIT_S
    assert "Traceback" not in node.text


def segments():
    """Return the names of what participants share; ports are theirs in common."""
    return [file.name for file in SHARED.glob("fastdds_*") if "port" not in file.name]


@SIGNALS
def test_idle(start, peer_of, echo_command, number):
    node = start(echo_command)
    peer_of("echo").until_state("active")
    assert_clean(node, number)


@SIGNALS
def test_no_shared_memory_is_left(start, peer_of, echo_command, number):
    if rclpy.get_rmw_implementation_identifier() != "rmw_fastrtps_cpp" or not SHARED.is_dir():
        pytest.skip("shared memory is that of Fast DDS on Linux")
    peer = peer_of("echo")
    others = set(segments())
    node = start(echo_command)
    peer.until_state("active")
    own = set(segments()) - others
    assert own
    assert_clean(node, number)
    assert not own & set(segments())


@SIGNALS
def test_in_mid_inference(start, peer_of, echo_command, number):
    node = start(echo_command, delay=30.0)
    peer = peer_of("echo")
    peer.until_state("active")
    peer.send_walk(2)
    peer.until(lambda: peer.value("pipeline", "taken") == "1", "a step is running")
    assert_clean(node, number)


@SIGNALS
def test_while_the_model_loads(start, peer_of, echo_command, number):
    node = start(echo_command, load_delay=30.0)
    peer_of("echo").until_state("loading")
    assert_clean(node, number)


def test_an_impatient_second_interrupt_changes_nothing(start, peer_of, echo_command):
    node = start(echo_command, delay=30.0)
    peer = peer_of("echo")
    peer.until_state("active")
    peer.send_walk(2)
    peer.until(lambda: peer.value("pipeline", "taken") == "1", "a step is running")
    node.send(signal.SIGINT)
    peer.spin(0.1)
    assert_clean(node, signal.SIGINT)


ENDED_UNDER_WAY = """
import rclpy
from rclpy.executors import SingleThreadedExecutor

from equi_nodes.nodes.eqmotion import main

spin_once = SingleThreadedExecutor.spin_once

def spin_once_of_an_ended_context(self):
    rclpy.shutdown()
    spin_once(self)

SingleThreadedExecutor.spin_once = spin_once_of_an_ended_context
main()
"""


def test_a_signal_between_the_look_at_the_context_and_the_wait(start):
    node = start([sys.executable, "-c", ENDED_UNDER_WAY])
    assert node.wait(20.0) == 0, node.text
    assert "Traceback" not in node.text
