"""What the robot made of a fault: who noticed it, what it did meanwhile, when it was over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from equi_nodes.evaluation.stack_run import StackRun
from equi_nodes.evaluation.stack_scores import points_at
from equi_nodes.sim.faults import Fault
from equi_nodes.sim.scenario import START_NS

SECOND_NS = 1_000_000_000
STANDS = 0.03  # m/s, who is slower does not drive
STEP_NS = 100_000_000  # over which a speed is taken
WORST = ("lost", "initialising", "degraded", "tracking")


@dataclass(frozen=True)
class Verdict:
    """What came of a fault.

    Attributes:
        noticed_s: from its begin to the first word about it, None: nobody noticed.
        by, said: who said that word, and the word.
        status: the worst of the odometry while it was there.
        stood_s: how long the robot stood while it was there, in seconds.
        recovered_s: from its end to the last word about it, negative where they stopped talking
            before; None: they talked to the end.
        shift_m: how far the odometry was off at the end of the run beyond the sound run.
    """

    noticed_s: float | None
    by: str
    said: str
    status: str
    stood_s: float
    recovered_s: float | None
    shift_m: float


def judge(faulty: StackRun, sound: StackRun, faults: Sequence[Fault]) -> Verdict:
    """Return what the robot made of faults, beside the same run without them."""
    begin = START_NS + round(min(fault.begin_s for fault in faults) * SECOND_NS)
    last = int(faulty.truth.stamps_ns[-1])
    ends = [fault.end_s for fault in faults]
    end = min(last, START_NS + round(min(max(ends), 1e6) * SECOND_NS))
    usual = {(remark.node, remark.gist) for remark in sound.remarks}
    about = [r for r in faulty.remarks if r.end_ns >= begin and (r.node, r.gist) not in usual]
    first = about[0] if about else None
    newest = max((remark.end_ns for remark in about), default=None)
    is_over = newest is not None and newest < last - SECOND_NS
    return Verdict(
        None if first is None else max(0, first.begin_ns - begin) / SECOND_NS,
        "" if first is None else first.node,
        "" if first is None else first.words,
        _worst_status(faulty, begin, end),
        _stood(faulty, begin, end),
        (newest - end) / SECOND_NS if is_over else None,
        _off(faulty) - _off(sound),
    )


def _worst_status(run: StackRun, begin: int, end: int) -> str:
    stamps = run.estimate.stamps_ns
    during = set(run.estimate.statuses[(stamps >= begin) & (stamps < end)].tolist())
    return next((status for status in WORST if status in during), "silent")


def _stood(run: StackRun, begin: int, end: int) -> float:
    stamps = np.arange(begin, end, STEP_NS)
    steps = np.hypot(*np.diff(points_at(run.truth, stamps), axis=0).T)
    return float((steps < STANDS * STEP_NS / SECOND_NS).sum() * STEP_NS / SECOND_NS)


def _off(run: StackRun) -> float:
    """Return how far the last state is from the truth, metres."""
    if not len(run.estimate.stamps_ns):
        return float("nan")
    there = points_at(run.truth, run.estimate.stamps_ns[-1:])
    return float(np.hypot(*(run.estimate.points[-1:] - there).T)[0])
