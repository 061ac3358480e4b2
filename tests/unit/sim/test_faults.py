"""Faults of the simulated sensors: each kind does what it says, while it is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from equi_nodes.config.paths import share_dir
from equi_nodes.errors import EquiError
from equi_nodes.samples import CloudSample, Frame, ImuSample, WheelSample
from equi_nodes.sim.faults import Fault, FaultInjector, read_faults

START = 1_000_000_000_000
STEPS = 40  # of 0.05 s


@dataclass(frozen=True)
class Readings:
    imu: tuple = ()
    wheels: tuple = ()
    frames: tuple = ()
    clouds: tuple = ()


def readings(step):
    """Each stream's only number is that of the step."""
    stamp = START + 50_000_000 * step
    return Readings(
        (ImuSample(stamp, np.full(3, step, float), np.zeros(3)),),
        (WheelSample(stamp, float(step), 0.0),),
        (Frame(stamp, np.full((4, 4), step, np.uint8)),),
        (CloudSample(stamp, "lidar", np.full((5, 3), step, np.float32)),),
    )


def spoiled(*faults, seed=0):
    inject = FaultInjector(faults, START, seed)
    return [inject(readings(step)) for step in range(STEPS)]


def wheels(steps):
    return [sample for step in steps for sample in step.wheels]


def test_off_is_silent_while_it_lasts():
    found = spoiled(Fault("wheels", "off", 0.5, 1.0))
    assert [len(step.wheels) for step in found] == [1] * 10 + [0] * 10 + [1] * 20
    assert all(len(step.imu) == len(step.frames) == len(step.clouds) == 1 for step in found)


def test_stuck_repeats_the_last_measurement_with_new_stamps():
    found = wheels(spoiled(Fault("wheels", "stuck", 0.5, 1.0)))
    assert [sample.speed for sample in found] == [*range(10), *[9] * 10, *range(20, 40)]
    assert [sample.stamp_ns for sample in found] == [s.stamp_ns for s in wheels(spoiled())]


def test_delayed_samples_come_later_as_they_were():
    found = spoiled(Fault("clouds", "delayed", 0.5, 1.0, amount=0.2))
    late = [(n, cloud.stamp_ns) for n, step in enumerate(found) for cloud in step.clouds]
    assert [n for n, stamp in late if stamp == START + 500_000_000] == [14]
    assert [stamp for _, stamp in late] == [START + 50_000_000 * n for n in range(STEPS)]


def test_jump_moves_the_stamps_alone():
    found = wheels(spoiled(Fault("wheels", "jump", 0.5, 1.0, amount=-1.0)))
    assert found[12].stamp_ns == START + 12 * 50_000_000 - 1_000_000_000
    assert [sample.speed for sample in found] == list(range(STEPS))


@pytest.mark.parametrize("stream", ["imu", "wheels", "frames", "clouds"])
def test_noise_is_that_of_its_seed(stream):
    fault = Fault(stream, "noise", 0.5, 1.0, amount=3.0)
    once, again, other = (spoiled(fault, seed=seed) for seed in (0, 0, 1))
    assert repr(once) == repr(again) != repr(other)
    assert repr(once[:10]) == repr([readings(step) for step in range(10)])


@pytest.mark.parametrize(
    "path", sorted((share_dir() / "config" / "faults").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_schedule_of_the_package_can_be_read(path):
    assert all(fault.begin_s > 0 for fault in read_faults(path))


@pytest.mark.parametrize(
    "text, said",
    [
        ("stream: imu", "no list of faults"),
        ("- {stream: radar, kind: off, from: 1}", "no stream 'radar'"),
        ("- {stream: imu, kind: burnt, from: 1}", "no fault 'burnt'"),
        ("- {stream: imu, kind: off}", "seconds and numbers"),
        ("- {stream: imu, kind: off, from: 5, to: 3}", "begin before it"),
        ("- {stream: imu, kind: off, from: 5, until: 6}", "has no 'until'"),
        ("- {", "cannot be read"),
    ],
)
def test_what_is_no_fault_is_refused_in_a_sentence(text, said, tmp_path: Path):
    path = tmp_path / "faults.yaml"
    path.write_text(text)
    with pytest.raises(EquiError, match=said):
        read_faults(path)


def test_a_node_cannot_be_killed_in_one_process():
    with pytest.raises(EquiError, match="equi demo"):
        FaultInjector([Fault("vio", "killed", 1.0)], START)
