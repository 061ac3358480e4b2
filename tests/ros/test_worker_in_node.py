"""Promise of the one-slot worker in a node: callbacks go on while inference runs, newest wins."""

from __future__ import annotations

from equi_nodes.ros.convert import stamp_ns

INFERENCE_S = 0.15
RATE_HZ, SECONDS = 100, 4


def test_callbacks_go_on_during_inference_and_the_newest_wins(start, peer_of, echo_command):
    start(echo_command, delay=INFERENCE_S)
    peer = peer_of("echo")
    peer.until_state("active")
    ages: list[float] = []
    peer.create_subscription(
        type(peer.until_predicts()),
        "echo/output/predictions",
        lambda msg: ages.append((peer.now_ns() - stamp_ns(msg.header.stamp)) * 1e-9),
        10,
    )
    before = int(peer.value("input tracks", "received") or 0)
    peer.send_walk(RATE_HZ * SECONDS, period_s=1 / RATE_HZ)
    peer.until_says("pipeline", "slower than its input")
    peer.spin(1.5)
    received = int(peer.value("input tracks", "received")) - before
    assert received >= 0.97 * RATE_HZ * SECONDS
    assert int(peer.value("pipeline", "dropped")) > 0.5 * received
    assert len(ages) > 0.5 * SECONDS / INFERENCE_S
    assert sorted(ages)[len(ages) // 2] < 1.5 * INFERENCE_S + 0.05
    assert float(peer.value("pipeline", "work_ms_p50")) > 1000 * INFERENCE_S
    assert peer.value("input tracks", "lost_by_middleware") == "0"


def test_a_result_that_is_too_old_is_not_published(start, peer_of, echo_command):
    start(echo_command, delay=0.4, max_age=0.2)
    peer = peer_of("echo")
    peer.until_state("active")
    peer.send_walk(10)
    peer.until_says("pipeline", "too old to be published", level=1)
    assert not peer.predictions
    assert peer.set_parameter("max_age", 2.0)[0]
    peer.until_predicts()
