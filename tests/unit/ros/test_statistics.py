"""Promises of the figures: period, loss, silence, percentiles and the rung."""

from __future__ import annotations

import pytest

from equi_nodes.ros.statistics import Durations, Ladder, Stream

SECOND = 1_000_000_000
STEP = SECOND // 10


def test_a_steady_stream_has_its_period_and_no_loss():
    stream = Stream()
    for number in range(30):
        stream.arrived(number * STEP, number * STEP)
    assert stream.period_s == pytest.approx(0.1)
    assert (stream.received, stream.lost) == (30, 0)


def test_gaps_between_stamps_are_losses():
    stream = Stream()
    for number in [*range(10), *range(13, 20), *range(21, 25)]:
        stream.arrived(number * STEP, number * STEP)
    assert stream.lost == 4


def test_silence_counts_from_the_later_of_start_and_message():
    stream = Stream()
    assert stream.silence_s(5 * SECOND, since_ns=3 * SECOND) == pytest.approx(2.0)
    stream.arrived(4 * SECOND, 4 * SECOND)
    assert stream.silence_s(5 * SECOND, since_ns=3 * SECOND) == pytest.approx(1.0)


def test_percentiles_are_of_the_newest():
    durations = Durations()
    assert durations.percentile_ms(99) == 0.0
    for number in range(3000):
        durations.add(number * 1_000_000)
    assert durations.newest_ms == 2999.0
    assert durations.percentile_ms(50) == pytest.approx(2499.5)


def test_the_rung_falls_at_once_and_rises_after_ten_good_cycles():
    ladder = Ladder()
    ladder.note("fallback")
    for _ in range(9):
        ladder.note("full")
        assert ladder.rung == "fallback"
    ladder.note("full")
    assert ladder.rung == "full"
