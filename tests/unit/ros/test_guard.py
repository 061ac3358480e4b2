"""Promises of the guard: a verdict with a reason for anything, fast, and never an exception."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equi_nodes.ros.guard import Guard, limit_length

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND


def message(stamp_ns=NOW, frame="map", tracks=()):
    sec, nanosec = divmod(stamp_ns, SECOND)
    stamp = SimpleNamespace(sec=sec, nanosec=nanosec)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp, frame_id=frame), tracks=tracks)


def check(guard, msg, now=NOW, sim=False):
    return guard.check(msg, now, is_sim_time=sim)


@pytest.mark.parametrize(
    ("msg", "reason"),
    [
        (message(frame=""), "frame_empty"),
        (message(frame="/map"), "frame_slash"),
        (message(frame="odom"), "frame_wrong"),
        (message(stamp_ns=0), "stamp_zero"),
        (message(stamp_ns=-SECOND), "stamp_invalid"),
        (message(NOW + 51_000_000), "stamp_future"),
        (message(tracks=range(11)), "content"),
        (None, "malformed"),
        (SimpleNamespace(header=SimpleNamespace(stamp=None, frame_id="map")), "malformed"),
    ],
)
def test_each_fault_has_its_reason_and_a_sentence(msg, reason):
    guard = Guard("map", limit_length("tracks", 10))
    verdict = check(guard, msg)
    assert verdict.reason == reason
    assert verdict.detail
    assert guard.rejected == {reason: 1}
    assert check(guard, message()).is_accepted


def test_nanoseconds_beyond_a_second_are_no_time():
    msg = message()
    msg.header.stamp.nanosec = SECOND
    assert check(Guard(), msg).reason == "stamp_invalid"


def test_the_first_frame_binds_until_a_restart():
    guard = Guard()
    assert check(guard, message()).is_accepted
    assert check(guard, message(NOW + 1, frame="odom")).reason == "frame_wrong"
    guard.restart()
    assert check(guard, message(NOW + 2, frame="odom")).is_accepted


def test_small_leads_of_the_stamp_are_fine():
    assert check(Guard(), message(NOW + 50_000_000)).is_accepted


def test_order_duplicates_late_ones_and_restarts():
    guard = Guard()
    assert check(guard, message(NOW)).is_accepted
    assert check(guard, message(NOW)).reason == "stamp_duplicate"
    assert check(guard, message(NOW - SECOND // 2)).reason == "stamp_late"
    assert check(guard, message(NOW + 1)).is_accepted
    verdict = check(guard, message(NOW - 5 * SECOND))
    assert verdict.is_accepted
    assert verdict.is_restart
    assert not check(guard, message(NOW - 4 * SECOND)).is_restart


def test_a_clock_set_back_a_little_is_a_restart_after_three_messages():
    guard = Guard()
    assert check(guard, message(NOW)).is_accepted
    stamps = [NOW - SECOND // 2 + n for n in range(3)]
    verdicts = [check(guard, message(stamp)) for stamp in stamps]
    assert [v.reason for v in verdicts] == ["stamp_late", "stamp_late", ""]
    assert verdicts[-1].is_restart


def test_recorded_stamps_are_taken_and_known_as_such():
    guard = Guard()
    assert check(guard, message(50 * SECOND)).is_accepted
    assert guard.is_recorded
    assert check(guard, message(NOW)).is_accepted
    assert not guard.is_recorded


def test_a_simulated_clock_is_only_trusted_while_it_runs():
    guard = Guard()
    assert check(guard, message(50 * SECOND), now=0, sim=True).is_accepted
    assert check(guard, message(51 * SECOND), now=51 * SECOND, sim=True).is_accepted
    assert check(guard, message(52 * SECOND), now=51 * SECOND, sim=True).is_accepted
    late = check(guard, message(60 * SECOND), now=52 * SECOND, sim=True)
    assert late.reason == "stamp_future"


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.binary(max_size=5)
)
stamps = st.one_of(anything, st.builds(SimpleNamespace, sec=anything, nanosec=anything))
headers = st.one_of(anything, st.builds(SimpleNamespace, stamp=stamps, frame_id=anything))
messages = st.builds(
    SimpleNamespace, header=headers, tracks=st.one_of(anything, st.lists(anything))
)


@settings(max_examples=2000, deadline=None)
@given(st.lists(messages, min_size=1, max_size=3), st.integers(0, 2 * NOW), st.booleans())
def test_whatever_comes_there_is_a_verdict(msgs, now, sim):
    guard = Guard(content=limit_length("tracks", 10))
    for msg in msgs:
        started = time.perf_counter()
        verdict = guard.check(msg, now, is_sim_time=sim)
        assert time.perf_counter() - started < 0.1
        assert verdict.is_accepted == (verdict.reason == "")
        assert verdict.is_accepted or verdict.detail
    assert check(guard, message(2 * NOW + 1), now=0).reason in ("", "frame_wrong", "stamp_late")
