"""Verdicts on faults: who noticed, what happened meanwhile, when it was over."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.evaluation.stack_run import Remark, StackRun, Trajectory
from equi_nodes.evaluation.stack_verdict import judge
from equi_nodes.samples import GridSample
from equi_nodes.sim.faults import Fault
from equi_nodes.sim.scenario import START_NS

SECOND_NS = 1_000_000_000
FAULT = (Fault("frames", "off", 2.0, 4.0),)


def run(*remarks, stands=(), off=0.0, lost=()):
    """Return ten seconds at 1 m/s along x that pause in the given tenths."""
    stamps = START_NS + SECOND_NS // 10 * np.arange(101)
    steps = np.where(np.isin(np.arange(100), list(stands)), 0.0, 0.1)
    poses = np.tile(np.eye(4), (101, 1, 1))
    poses[1:, 0, 3] = np.cumsum(steps)
    seen = poses.copy()
    seen[:, 1, 3] = off * np.linspace(0, 1, 101)
    statuses = np.where(np.isin(np.arange(101), list(lost)), "lost", "tracking")
    grid = GridSample(START_NS, "odom", 1.0, np.zeros(3), np.zeros((2, 2), np.int8))
    return StackRun(
        "office", 0, Trajectory(stamps, poses), Trajectory(stamps, seen, statuses),
        (), (), (), (), grid, None, (), remarks=remarks,
    )  # fmt: skip


def said(words, begin_s, end_s, node="vio"):
    return Remark(node, words, START_NS + round(begin_s * 1e9), START_NS + round(end_s * 1e9))


def test_the_first_word_about_it_counts_and_the_last():
    usual = said("the path is 3.1 s old", 5.0, 5.0)
    faulty = run(
        usual, said("no image for 0.5 s", 2.5, 4.1), said("no image for 0.5 s", 1.0, 1.0),
        said("it is dark", 3.0, 4.4, "path_follower"),
    )  # fmt: skip
    verdict = judge(faulty, run(said("the path is 9.0 s old", 0.0, 0.1)), FAULT)
    assert (verdict.noticed_s, verdict.by) == (pytest.approx(0.5), "vio")
    assert verdict.recovered_s == pytest.approx(0.4)


def test_who_talks_to_the_end_has_not_recovered():
    verdict = judge(run(said("no image", 2.5, 9.9)), run(), FAULT)
    assert verdict.recovered_s is None


def test_what_nobody_noticed_is_said_so():
    verdict = judge(run(off=0.2), run(off=0.05), FAULT)
    assert verdict.noticed_s is None and not verdict.said
    assert verdict.shift_m == pytest.approx(0.15)


def test_standing_and_status_are_those_during_the_fault():
    verdict = judge(run(stands=range(15, 30), lost=[35]), run(), FAULT)
    assert verdict.stood_s == pytest.approx(1.0) and verdict.status == "lost"
    assert judge(run(lost=[50]), run(), FAULT).status == "tracking"
