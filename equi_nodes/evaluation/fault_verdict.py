"""What the odometry makes of a fault: whether it said so, stayed honest, and came back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from equi_nodes.datasets.euroc import PoseTable
from equi_nodes.evaluation.odometry import USABLE, OdometryRun, Step, error_table, origin_of
from equi_nodes.samples import OdometrySample, Status

SECOND_NS = 1_000_000_000
NOTICE_S, RECOVER_S = 1.0, 3.0
STEADY_S = 1.0  # of tracking, before it counts as recovered
REGION = 0.9973  # of chi-square with three degrees of freedom: what 3 sigma are of one
LIMIT = float(chi2.ppf(REGION, 3))
# A sentence that the sound recording gives as near as this in time is not on the fault.
SAME_S = 1.0
KEPT = ("ok", "harmless")


@dataclass(frozen=True)
class Outcome:
    """What became of a faulty recording.

    ``confident`` and ``harm`` are the largest errors as a share of the stated bound: of position or
    of orientation, whose squared error by the covariance, with that of the truth, may be as large
    as chi-square is in 99.73 % of all cases. Above 1 the error is outside.

    Attributes:
        verdict: ``ok``, ``harmless`` (never outside the bound, and nothing said in time), ``late``
            (outside, and the problem named later than a second after it began), ``confident
            nonsense`` (outside while tracking) or ``not recovered`` (not tracking for good within
            three seconds of its end).
        answered: share of the frames with a usable state.
        named_s: from the fault to the first sentence that names it: none of a start, and none that
            the sound recording gives at the same time.
        recovered_s: from its end to ``tracking`` for good, None if never or if it does not end.
        worst_m: largest error of position while ``tracking``.
        confident: the largest share of the bound while ``tracking``.
        harm: the largest share of the bound of any usable state since the fault began.
        said: the sentence.
    """

    verdict: str
    answered: float
    named_s: float | None
    recovered_s: float | None
    worst_m: float
    confident: float
    harm: float
    said: str


def judge(
    run: OdometryRun, span: tuple[float, float | None], truth: PoseTable, sound: OdometryRun
) -> Outcome:
    """Return whether a run kept the promises.

    Args:
        run: over the faulty recording.
        span: seconds after the first frame at which the fault begins, and ends if it does.
        truth: of the faulty recording.
        sound: over the recording without the fault.
    """
    begin, end = span
    elapsed = _elapsed(run)
    named, said = _named(run, begin, _Usual(sound))
    recovered = None if end is None else _recovered(run, elapsed, end)
    worst, confident, harm = _errors(run, elapsed, begin, truth)
    in_time = named is not None and named <= NOTICE_S
    broken = ["confident nonsense"] if confident > 1.0 else []
    if harm > 1.0 and not in_time:
        broken.append("late")
    if end is not None and (recovered is None or recovered > RECOVER_S):
        broken.append("not recovered")
    return Outcome(
        ", ".join(broken) or ("ok" if in_time else "harmless"),
        len(run.usable) / max(len(run.steps), 1),
        named,
        recovered,
        worst,
        confident,
        harm,
        said,
    )


def false_alarms(run: OdometryRun) -> float:
    """Return the share of the frames after the first ``tracking`` that are not, of a sound run."""
    statuses = [sample.status for sample in run.samples]
    if Status.TRACKING not in statuses:
        return 1.0
    after = statuses[statuses.index(Status.TRACKING) :]
    return sum(status is not Status.TRACKING for status in after) / len(after)


def _elapsed(run: OdometryRun) -> list[float]:
    """Return the seconds since the first frame; a jump back of the stamps counts as one frame."""
    spans = np.diff([step.stamp_ns for step in run.steps])
    forward = np.where(spans > 0, spans, np.median(spans)) if len(spans) else spans
    return [0.0, *(np.cumsum(forward) / SECOND_NS).tolist()]


class _Usual:
    """What a sound run says: while it starts, which names no fault at any time, and later."""

    def __init__(self, sound: OdometryRun):
        self._starting: set[str] = set()
        self._later: list[tuple[float, str]] = []
        is_starting = True
        for now, step in zip(_elapsed(sound), sound.steps):
            is_starting &= step.sample is None or step.sample.status is not Status.TRACKING
            for text in _sentences(step):
                if is_starting:
                    self._starting.add(_wording(text))
                else:
                    self._later.append((now, _wording(text)))

    def holds(self, text: str, now: float) -> bool:
        """Return whether a sentence says nothing of a fault, at a time."""
        wording = _wording(text)
        return wording in self._starting or any(
            wording == other and abs(now - at) < SAME_S for at, other in self._later
        )


def _sentences(step: Step) -> list[str]:
    """Return what was said with a frame."""
    reason = step.sample.reason if step.sample else ""
    return [text for text in (*step.remarks, reason) if text]


def _wording(text: str) -> str:
    """Return a sentence without its numbers."""
    return re.sub(r"\d+(\.\d+)?", "#", text)


def _named(run: OdometryRun, begin: float, usual: _Usual) -> tuple[float | None, str]:
    """Return when after a time the first sentence came that is not usual, and the sentence."""
    for now, step in zip(_elapsed(run), run.steps):
        if now < begin:
            continue
        for text in _sentences(step):
            if not usual.holds(text, now):
                return now - begin, text
    return None, ""


def _recovered(run: OdometryRun, elapsed: list[float], end: float) -> float | None:
    """Return the seconds after a time until the status is ``tracking`` for a second on end."""
    since = None
    for step, now in zip(run.steps, elapsed):
        if now < end or step.sample is None:
            continue
        if step.sample.status is not Status.TRACKING:
            since = None
        elif since is None:
            since = now
        elif now - since >= STEADY_S:
            return since - end
    return None


def _errors(
    run: OdometryRun, elapsed: list[float], begin: float, truth: PoseTable
) -> tuple[float, float, float]:
    """Return the largest error while tracking, and the largest shares of the bound."""
    since = {
        s.stamp_ns for s, now in zip((x.sample for x in run.steps), elapsed) if s and now >= begin
    }
    worst = confident = harm = 0.0
    for part in _between_jumps(run.samples):
        usable = [sample for sample in part if sample.status in USABLE]
        table = error_table(usable, truth, origin_of(part))
        by_stamp = {sample.stamp_ns: sample.status is Status.TRACKING for sample in usable}
        stamps = table.stamps_ns.tolist()
        tracking = np.array([by_stamp[stamp] for stamp in stamps], bool)
        broken = np.array([stamp in since for stamp in stamps], bool)
        share = np.sqrt(np.maximum(*table.normalised()) / LIMIT)
        worst = max(worst, float(table.distance[tracking].max(initial=0.0)))
        confident = max(confident, float(share[tracking].max(initial=0.0)))
        harm = max(harm, float(share[broken].max(initial=0.0)))
    return worst, confident, harm


def _between_jumps(samples: Sequence[OdometrySample]) -> list[list[OdometrySample]]:
    """Return the parts in which time runs forward; each has its own tie to the truth."""
    parts: list[list[OdometrySample]] = []
    newest = None
    for sample in samples:
        if newest is None or sample.stamp_ns < newest:
            parts.append([])
        newest = sample.stamp_ns
        parts[-1].append(sample)
    return parts
