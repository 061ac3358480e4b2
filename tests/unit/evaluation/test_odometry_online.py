"""Promises of the comparison of a live node with the offline run of the same recording."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.evaluation.odometry import OdometryRun, Step, measure_states
from equi_nodes.evaluation.odometry_online import compare, live_run
from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.samples import OdometrySample, Status

STAMPS = 50_000_000 * np.arange(10)


def sample(stamp, x=0.0, turn=0.0):
    zero = np.zeros(3)
    T_w_b = rigid(exp_so3(np.array([0.0, 0.0, turn])), np.array([x, 0.0, 0.0]))
    return OdometrySample(
        int(stamp), Status.TRACKING, "", T_w_b, zero, zero, zero, zero, np.eye(15)
    )


def offline():
    return OdometryRun(tuple(Step(int(s), sample(s), 0.01, {}, ()) for s in STAMPS))


def live(samples, ages=None):
    return live_run(STAMPS, tuple(samples), np.full(len(samples), 0.02) if ages is None else ages)


def test_the_same_poses_do_not_differ():
    figures = compare(live([sample(s) for s in STAMPS]), offline()).figures()
    assert (figures["matched"], figures["unmatched"], figures["equal"]) == (10, 0, 10)
    assert figures["position_max_mm"] == figures["rotation_max_deg"] == 0.0


def test_a_known_difference_has_its_size_and_its_place():
    samples = [sample(s, x=0.003 * (i >= 8), turn=0.01 * (i == 9)) for i, s in enumerate(STAMPS)]
    figures = compare(live(samples), offline()).figures()
    assert figures["equal"] == 8
    assert figures["position_max_mm"] == pytest.approx(3.0)
    assert figures["position_rms_mm"] == pytest.approx(3.0 * np.sqrt(0.2))
    assert figures["rotation_max_deg"] == pytest.approx(np.degrees(0.01))


def test_the_map_of_both_is_compared():
    lifted = rigid(np.eye(3), np.array([0.0, 0.0, 0.5]))
    figures = compare(live([replace(sample(STAMPS[3]), T_map_w=lifted)]), offline()).figures()
    assert figures["position_max_mm"] == pytest.approx(500.0)


def test_states_without_a_partner_are_counted_not_compared():
    figures = compare(live([sample(STAMPS[2])]), OdometryRun(())).figures()
    assert figures == {"matched": 0, "unmatched": 1}


def test_frames_without_an_answer_are_part_of_a_live_run():
    run = live([sample(STAMPS[4]), sample(STAMPS[5])], ages=np.array([0.02, 0.03]))
    figures = measure_states(run, None)
    assert (figures["frames"], figures["answered"]) == (10, 2)
    assert figures["first_answer_s"] == pytest.approx(0.2)
    assert [step.seconds for step in run.steps[4:6]] == [0.02, 0.03]
    assert np.isnan(run.steps[0].seconds)
