"""Promises of the base node: transitions, autostart, loading, and nothing left behind."""

from __future__ import annotations

import time

import psutil
from lifecycle_msgs.msg import Transition

CYCLES = 50


def test_a_node_starts_by_itself_and_answers(start, peer_of, echo_command):
    start(echo_command)
    peer = peer_of("echo")
    peer.until_state("active")
    assert peer.lifecycle_state() == "active"
    prediction = peer.until_predicts()
    assert prediction.header.frame_id == "map"
    assert [p.id for p in prediction.predictions] == [0, 1]


def test_without_autostart_a_manager_leads_it(start, peer_of, echo_command):
    start(echo_command, autostart=False)
    peer = peer_of("echo")
    peer.until_state("unconfigured")
    assert peer.change(Transition.TRANSITION_CONFIGURE)
    peer.until_state("inactive")
    peer.until(lambda: peer.tracks.get_subscription_count() > 0, "node subscribes")
    peer.send_walk(5)
    assert not peer.predictions
    assert peer.change(Transition.TRANSITION_ACTIVATE)
    peer.until_predicts()
    assert peer.change(Transition.TRANSITION_DEACTIVATE)
    peer.until_state("inactive")
    peer.predictions.clear()
    peer.send_walk(5)
    assert not peer.predictions


def test_configure_answers_while_the_model_loads(start, peer_of, echo_command):
    start(echo_command, autostart=False, load_delay=3.0)
    peer = peer_of("echo")
    peer.until_state("unconfigured")
    asked = time.monotonic()
    assert peer.change(Transition.TRANSITION_CONFIGURE)
    assert time.monotonic() - asked < 1.0
    assert peer.change(Transition.TRANSITION_ACTIVATE)
    peer.until_says("state", "loading", level=1)
    peer.until_state("active")
    peer.until_predicts()


def test_a_transition_that_raises_is_told(start, peer_of, echo_command):
    node = start(echo_command, autostart=False, configure_fails=True)
    peer = peer_of("echo")
    peer.until_state("unconfigured")
    assert not peer.change(Transition.TRANSITION_CONFIGURE)
    peer.until_says("state", "configure failed: asked to fail", level=2)
    assert peer.lifecycle_state() == "unconfigured"
    peer.until(lambda: "RuntimeError: asked to fail" in node.text, "traceback in the log")


def test_a_missing_file_is_named_and_found_when_it_comes(start, peer_of, echo_command, tmp_path):
    needed = tmp_path / "weights"
    start(echo_command, needs=needed, retry_period=0.2)
    peer = peer_of("echo")
    peer.until_says("pipeline", f"cannot start: there is no {needed}", level=2)
    peer.until(
        lambda: peer.statuses and peer.statuses[-1].level == b"\x02", "the status is an ERROR too"
    )
    needed.touch()
    peer.until_state("active")
    peer.until_predicts()


def test_many_cycles_leave_nothing_behind(start, peer_of, echo_command):
    node = start(echo_command, autostart=False)
    peer = peer_of("echo")
    peer.until_state("unconfigured")
    cycle = (
        Transition.TRANSITION_CONFIGURE,
        Transition.TRANSITION_ACTIVATE,
        Transition.TRANSITION_DEACTIVATE,
        Transition.TRANSITION_CLEANUP,
    )
    process = psutil.Process(node.pid)
    for transition in cycle * 3:
        assert peer.change(transition)
    threads, handles = process.num_threads(), process.num_fds()
    for transition in cycle * CYCLES:
        assert peer.change(transition)
    assert process.num_threads() <= threads
    assert process.num_fds() <= handles


def test_a_cleanup_in_mid_inference_abandons_the_worker(start, peer_of, echo_command):
    start(echo_command, delay=20.0)
    peer = peer_of("echo")
    peer.until_state("active")
    peer.send_walk(2)
    peer.until(lambda: peer.value("pipeline", "taken") == "1", "a step is running")
    assert peer.change(Transition.TRANSITION_DEACTIVATE)
    assert peer.change(Transition.TRANSITION_CLEANUP)
    peer.until_state("unconfigured")
    assert peer.value("state", "abandoned_workers") == "1"
