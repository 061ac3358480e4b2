"""Promises of the playback: messages are as far apart as their stamps, by the rate."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from equi_nodes.ros.playback import Pace, prepared  # noqa: E402

SECOND = 1_000_000_000


def dues(rate, *seconds):
    pace = Pace(rate, start=100.0)
    return [pace.due(round(second * SECOND)) for second in seconds]


def test_messages_are_as_far_apart_as_their_stamps():
    assert dues(1.0, 7.0, 7.5, 9.0) == pytest.approx([100.0, 100.5, 102.0])


def test_twice_the_rate_takes_half_the_time():
    assert dues(2.0, 7.0, 7.5, 9.0) == pytest.approx([100.0, 100.25, 101.0])


def test_a_stream_behind_another_delays_neither():
    assert dues(1.0, 7.0, 7.1, 7.05, 7.2, 7.15, 7.3)[-1] == pytest.approx(100.3)


def test_a_recording_that_loops_goes_on_at_once():
    assert dues(1.0, 7.0, 9.0, 7.0, 8.0) == pytest.approx([100.0, 102.0, 102.0, 103.0])


def test_a_pause_of_the_recording_is_kept():
    assert dues(1.0, 7.0, 27.0) == pytest.approx([100.0, 120.0])


def test_a_broken_stamp_is_not_waited_for():
    assert dues(1.0, 0.0, 1.5e9)[-1] <= 160.0


def test_what_is_prepared_comes_in_order_and_complete():
    assert list(prepared(iter(range(100)), 7)) == list(range(100))
    assert list(prepared([], 7)) == []


def test_a_failure_to_prepare_is_raised_where_it_is_used():
    def items():
        yield 1
        raise ValueError("damaged")

    source = prepared(items(), 3)
    assert next(source) == 1
    with pytest.raises(ValueError, match="damaged"):
        next(source)
