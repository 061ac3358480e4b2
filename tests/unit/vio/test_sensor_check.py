"""Promises of the sensor check: healthy sensors pass, each usual mistake is named in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from vio_drives import Drive

from equi_nodes.cli.odometry_consistency import rig_of
from equi_nodes.geometry.rotations import exp_so3
from equi_nodes.sim.vio_world import WorldConfig, simulate
from equi_nodes.vio.sensor_check import StartCheck

WORLD = WorldConfig(duration=4.0, rotation=0.5)
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def flight():
    return simulate(rig_of(WORLD).cameras, WORLD, 3)


def check(flight, imu=lambda stamp, gyro, accel: [(stamp, gyro, accel)], tracks=lambda seen: seen):
    """Judge a flight whose samples and tracks were changed on the way."""
    start = StartCheck(rig_of(WORLD), seconds=3.0)
    samples = list(zip(flight.imu_stamps_ns.tolist(), flight.gyro, flight.accel))
    for seen in flight.tracks:
        while samples[0][0] <= seen.stamp_ns:
            for sample in imu(*samples.pop(0)):
                start.imu(*sample)
        start.frame(tracks(seen))
    return start.analysis


def names(analysis):
    return [finding.name for finding in analysis.findings]


def test_healthy_sensors_pass(flight):
    analysis = check(flight)
    assert names(analysis) == []
    assert analysis.figures["imu_hz"] == pytest.approx(200.0, rel=1e-3)
    assert abs(analysis.figures["time_offset_ms"]) < 4.0
    assert analysis.figures["axes_degrees"] < 20.0


def test_a_robot_that_turns_about_one_axis_has_its_axes_right():
    for seed in range(5):
        path = Drive(WORLD.duration, seed, turn=1.0)
        drive = simulate(rig_of(WORLD).cameras, WORLD, seed, path)
        assert "axes" not in names(check(drive)), seed


def test_it_speaks_once(flight):
    start = StartCheck(rig_of(WORLD), seconds=1.0)
    said = [start.frame(seen) for seen in flight.tracks]
    assert sum(bool(words) for words in said) == 1
    assert any("only 0 IMU samples" in text for words in said for text in words)


SWAP = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
MISTAKES = {
    "in_g": lambda t, g, a: [(t, g, a / 9.80665)],
    "no_gravity": lambda t, g, a: [(t, g, 0.1 * np.sin(a))],
    "force": lambda t, g, a: [(t, g, 2.0 * a)],
    "in_degrees": lambda t, g, a: [(t, np.degrees(g) * 3, a)],
    "gyro_unit": lambda t, g, a: [(t, np.degrees(g), a)],
    "axes": lambda t, g, a: [(t, SWAP @ g, SWAP @ a)],
    "clocks": lambda t, g, a: [(t + 1000 * SECOND, g, a)],
    "imu_gaps": lambda t, g, a: [] if SECOND < t % (3 * SECOND) < 1.2 * SECOND else [(t, g, a)],
    "imu_slow": lambda t, g, a: [(t, g, a)] if t // 5_000_000 % 4 == 0 else [],
    "imu_order": lambda t, g, a: [(t, g, a), (t, g, a)],
}


def test_noise_beyond_what_is_stated_is_named(flight):
    rng = np.random.default_rng(0)
    scale = 20 * WORLD.gyro_noise * np.sqrt(WORLD.imu_rate)
    analysis = check(flight, imu=lambda t, g, a: [(t, g + rng.normal(0, scale, 3), a)])
    assert "gyro_noise" in names(analysis)
    assert analysis.figures["gyro_noise_ratio"] == pytest.approx(20.0, rel=0.1)
    assert analysis.figures["accelerometer_noise_ratio"] == pytest.approx(1.0, rel=0.1)


def test_a_lost_sample_is_a_gap_and_no_jitter(flight):
    rng = np.random.default_rng(0)
    lost = check(flight, imu=lambda t, g, a: [(t, g, a)] if rng.random() > 0.1 else [])
    assert names(lost) == ["imu_gaps"]
    assert lost.figures["imu_jitter_ms"] < 0.01
    shaken = check(flight, imu=lambda t, g, a: [(t + int(rng.uniform(-2e6, 2e6)), g, a)])
    assert names(shaken) == ["imu_jitter"]


def test_what_needs_no_images_is_told_within_a_second(flight):
    start = StartCheck(rig_of(WORLD), seconds=3.0)
    for stamp, gyro, accel in zip(flight.imu_stamps_ns.tolist(), flight.gyro, flight.accel):
        start.imu(stamp, gyro, accel / 9.80665)
    told = [start.frame(seen) for seen in flight.tracks]
    early = next(index for index, texts in enumerate(told) if texts)
    assert (flight.tracks[early].stamp_ns - flight.tracks[0].stamp_ns) * 1e-9 < 1.0
    assert sum("it is in g" in text for texts in told for text in texts) == 1
    assert any("it is in g" in text for text in told[early])
    assert "in_g" in names(start.analysis)


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_of_the_imu_is_named(flight, name):
    assert name in names(check(flight, imu=MISTAKES[name]))


@pytest.mark.parametrize("offset_ms", [-40, 25])
def test_an_offset_is_measured(flight, offset_ms):
    shift = offset_ms * 1_000_000
    analysis = check(flight, imu=lambda t, g, a: [(t + shift, g, a)])
    assert analysis.figures["time_offset_ms"] == pytest.approx(offset_ms, abs=4.0)
    (finding,) = analysis.findings
    assert f"{abs(offset_ms)}"[0] in finding.text
    assert ("late" if offset_ms < 0 else "early") in finding.text


def test_a_scene_that_turns_by_itself_is_named(flight):
    rng = np.random.default_rng(0)

    def shaken(seen):
        rays = np.concatenate([seen.left, np.ones((len(seen.left), 1))], 1)
        rays = rays @ exp_so3(rng.normal(0, 0.1, 3)).T
        return replace(seen, left=rays[:, :2] / rays[:, 2:])

    assert names(check(flight, tracks=shaken)) == ["disagree"]


def test_a_right_camera_without_matches_is_named(flight):
    def blind(seen):
        return replace(seen, right=np.full_like(seen.left, np.nan))

    analysis = check(flight, tracks=blind)
    assert "no_right" in names(analysis)
    assert analysis.figures["right_share"] == 0.0
