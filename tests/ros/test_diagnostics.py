"""Promise of the diagnostics: once a second, with stable names, and a latched summary."""

from __future__ import annotations

import time

EXPECTED = {
    "state": {"state", "rung", "restarts", "abandoned_workers"},
    "input tracks": {
        "topic", "received", "period_s", "silence_s", "lost_by_stamps", "lost_by_middleware",
        "rejected",
    },
    "output predictions": {"topic", "published", "refused"},
    "pipeline": {
        "backend", "state", "work_ms_p50", "work_ms_p99", "result_age_ms_p50",
        "result_age_ms_p99", "taken", "dropped", "failed", "too_old",
    },
}  # fmt: skip


def test_each_subject_is_reported_once_a_second(start, peer_of, echo_command):
    start(echo_command)
    peer = peer_of("echo")
    peer.until_state("active")
    peer.diagnostics.clear()
    peer.until(lambda: peer.diagnostics, "first report")
    started = time.monotonic()
    peer.until(lambda: len(peer.diagnostics) == 6, "five more reports")
    assert 4.0 < time.monotonic() - started < 6.0
    report = peer.diagnostics[-1]
    assert {s: {v.key for v in status.values} for s, status in report.items()} == EXPECTED
    assert all(status.name.startswith("/echo: ") for status in report.values())


def test_the_status_is_latched_and_agrees_with_the_diagnostics(start, peer_of, echo_command):
    start(echo_command)
    peer_of("echo").until_state("active")
    late = peer_of("/echo")
    late.until(lambda: late.statuses, "a late listener gets the status", limit_s=5.0)
    assert late.statuses[0].message.startswith("active")


def test_losses_and_rate_are_told_by_the_stamps(start, peer_of, echo_command):
    start(echo_command)
    peer = peer_of("echo")
    peer.until_state("active")
    peer.send_walk(15)
    peer.spin(0.4)
    peer.send_walk(5)
    peer.until(lambda: 3 <= int(peer.value("input tracks", "lost_by_stamps")) <= 5, "a gap of 4")
    assert 0.09 < float(peer.value("input tracks", "period_s")) < 0.12
