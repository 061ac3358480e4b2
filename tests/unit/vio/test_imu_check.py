"""An IMU that cannot be right is told from one that rests or was away."""

from __future__ import annotations

import numpy as np

from equi_nodes.vio.imu_check import ImuCheck

TICK = 5_000_000
SECOND = 1_000_000_000
FIRST = 50 * SECOND


def said(values, *, offsets=None, driven=True, frames=None):
    """Return what the check says of each of the samples (N, 6)."""
    check, count = ImuCheck(), len(values)
    stamps = (
        FIRST + TICK * np.arange(count) + (np.zeros(count, int) if offsets is None else offsets)
    )
    frames = FIRST + TICK * np.arange(count) if frames is None else frames
    return [
        check.problem(int(stamp), value, int(frame), is_driven=driven)
        for stamp, value, frame in zip(stamps, values, frames)
    ]


def noise(count):
    return np.random.default_rng(0).normal(size=(count, 6))


def test_a_sound_imu_is_used():
    assert not any(said(noise(200)))


def test_a_stuck_imu_is_told_within_a_fifth_of_a_second_and_used_again_when_it_moves():
    values = noise(200)
    values[50:150] = values[49]
    problems = said(values)
    told = next(number for number, problem in enumerate(problems) if problem)
    assert (told - 49) * TICK <= 0.2 * SECOND
    assert all("repeats" in problem for problem in problems[told:150])
    assert not any(problems[150:])


def test_an_imu_without_noise_may_repeat_itself_at_rest():
    assert not any(said(np.ones((200, 6)), driven=False))


def test_a_clock_that_runs_ahead_is_told_until_it_is_back():
    offsets = np.where((np.arange(200) >= 50) & (np.arange(200) < 150), SECOND, 0)
    problems = said(noise(200), offsets=offsets)
    assert all("ahead" in problem for problem in problems[50:150])
    assert not any(problems[:50]) and not any(problems[150:])


def test_an_imu_that_was_away_as_the_images_went_on_is_used():
    offsets = np.where(np.arange(100) >= 50, SECOND, 0)
    frames = FIRST + TICK * np.arange(100) + offsets
    assert not any(said(noise(100), offsets=offsets, frames=frames))


def test_late_images_alone_are_no_fault_of_the_imu():
    frames = np.full(200, FIRST)
    assert not any(said(noise(200), frames=frames))
