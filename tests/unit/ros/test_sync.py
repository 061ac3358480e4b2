"""Promises of the matcher: every left image once, in order, with its right one if that came."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equi_nodes.ros.sync import FrameMatcher

MS = 1_000_000


def matcher(is_stereo=True):
    return FrameMatcher(is_stereo=is_stereo, tolerance_ns=2 * MS, patience_ns=50 * MS)


def play(target, events):
    """Feed (stream, milliseconds) in the order given; return what comes out."""
    found = []
    for stream, time in events:
        if stream == "imu":
            found += target.imu(time * MS)
        else:
            found += getattr(target, stream)(time * MS, f"{stream} {time}")
    return [(match.left, match.right) for match in found]


def test_a_pair_is_released_when_the_imu_has_reached_it():
    target = matcher()
    assert play(target, [("left", 100), ("right", 101), ("imu", 95)]) == []
    assert play(target, [("imu", 100)]) == [("left 100", "right 101")]


def test_a_right_image_may_come_first():
    assert play(matcher(), [("imu", 105), ("right", 100), ("left", 100)]) == [
        ("left 100", "right 100")
    ]


def test_a_lone_left_image_is_released_after_the_patience():
    target = matcher()
    waiting = [("imu", 130), ("left", 100), ("imu", 180)]
    assert play(target, waiting) == []
    assert play(target, [("imu", 181)]) == [("left 100", None)]
    assert target.alone == 1


def test_a_later_right_image_proves_that_one_was_lost():
    found = play(matcher(), [("imu", 200), ("left", 100), ("right", 150)])
    assert found == [("left 100", None)]


def test_images_that_run_ahead_of_the_imu_wait_for_it():
    target = matcher()
    pairs = [(side, time) for time in (100, 150, 200, 250) for side in ("left", "right")]
    assert play(target, [("imu", 95), *pairs]) == []
    assert play(target, [("imu", 150)]) == [("left 100", "right 100"), ("left 150", "right 150")]


def test_a_frame_without_imu_is_released_when_too_many_wait():
    pairs = [(side, time) for time in range(100, 350, 50) for side in ("left", "right")]
    assert play(matcher(), pairs) == [("left 100", "right 100")]


def test_one_camera_waits_for_no_other():
    assert play(matcher(is_stereo=False), [("imu", 99), ("left", 100), ("imu", 100)]) == [
        ("left 100", None)
    ]


def test_nothing_is_left_of_the_time_before_a_restart():
    target = matcher()
    play(target, [("left", 100), ("right", 100)])
    target.clear()
    assert play(target, [("imu", 200), ("left", 20), ("right", 20), ("imu", 21)]) == [
        ("left 20", "right 20")
    ]


@given(
    st.lists(st.sampled_from(["keep", "drop"]), min_size=1, max_size=30),
    st.integers(0, 30),
    st.integers(0, 30),
)
def test_no_left_image_is_lost_or_doubled_and_no_pair_is_wrong(rights, left_late, right_late):
    events = []
    for index, fate in enumerate(rights):
        time = 50 * (index + 1)
        events.append((time + left_late, "left", time))
        if fate == "keep":
            events.append((time + right_late, "right", time))
    end = 50 * (len(rights) + 6)
    events += [(time, "imu", time) for time in range(0, end, 5)]
    found = play(matcher(), [(stream, time) for _, stream, time in sorted(events)])
    assert [left for left, _ in found] == [f"left {50 * (i + 1)}" for i in range(len(rights))]
    for index, (fate, (_, right)) in enumerate(zip(rights, found)):
        assert right == (f"right {50 * (index + 1)}" if fate == "keep" else None)


@pytest.mark.parametrize("count", [100])
def test_what_never_finds_a_partner_is_not_kept(count):
    target = matcher()
    play(target, [("right", 10 * index) for index in range(count)])
    assert target.unmatched >= count - 10
