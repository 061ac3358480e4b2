"""Runs a node's pipeline in the worker: loads it, steps it, restarts it, and keeps the figures."""

from __future__ import annotations

import gc
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from equi_nodes.errors import EquiError
from equi_nodes.ros.clock import steady_ns
from equi_nodes.ros.diagnostics import ERROR, WARN, Report
from equi_nodes.ros.log import ThrottledLog
from equi_nodes.ros.statistics import Durations, Ladder
from equi_nodes.runtime.worker import OneSlotWorker

REMARKS = 5  # remarks that one message spells out
MANY_DROPS = 0.1  # share of dropped samples that is worth a warning


class Result(Protocol):
    """What a pipeline's step returns, as far as every node uses it."""

    stamp_ns: int
    frame_id: str
    is_fallback: bool
    rejected: dict[int, str]
    notes: tuple[str, ...]


class Pipeline(Protocol):
    """One job without ROS: ``pipelines`` holds them."""

    backend_name: str

    def warm_up(self) -> None:
        """Make the first step as fast as the later ones."""

    def step(self, sample: Any) -> Result:
        """Compute the result of one sample."""

    def reset(self) -> None:
        """Forget all samples."""


@dataclass(frozen=True)
class Job:
    """One sample on its way through the worker.

    Attributes:
        sample: what the pipeline steps on.
        epoch: number of restarts of time before it.
        received_ns: steady time when its message came.
    """

    sample: Any
    epoch: int
    received_ns: int


class PipelineRunner:
    """A pipeline in a thread of its own, and what is known of how it does.

    Attributes:
        is_ready: the pipeline is loaded and warm.
        failure: why it is not, empty while it is or may still become.
        too_old: results that came too late to be published.
    """

    def __init__(
        self,
        load: Callable[[], Pipeline],
        deliver: Callable[[Job, Result], None],
        on_news: Callable[[], None],
        log: ThrottledLog,
        retry_s: float,
    ) -> None:
        """Start to load the pipeline.

        Args:
            load: builds the pipeline.
            deliver: takes each result.
            on_news: called when the pipeline became ready, or when it could not be loaded.
            log: for failures and remarks.
            retry_s: time from a failed start to the next try.

        All three functions run in the worker's thread.
        """
        self.is_ready, self.failure, self.too_old = False, "", 0
        self.work_time, self.result_age = Durations(), Durations()
        self._ladder = Ladder()
        self._load, self._deliver, self._on_news = load, deliver, on_news
        self._log, self._retry_s = log, retry_s
        self._pipeline: Pipeline | None = None
        self._epoch = 0
        self._remarks: dict[str, str] = {}
        self._is_noted = False
        self._last_error = ""
        self._reported = {"taken": 0, "dropped": 0, "failed": 0, "too_old": 0}
        self._worker: OneSlotWorker[Job, Result] = OneSlotWorker(
            self._step, self._finish, fail=self._fail, prepare=self._prepare, name="pipeline"
        )

    def put(self, job: Job) -> None:
        """Hand over a sample; it is dropped if a newer one comes before its turn."""
        self._worker.put(job)

    def stop(self, timeout_s: float) -> bool:
        """End the thread and return whether it ended in time; if not it is abandoned."""
        return self._worker.stop(timeout_s)

    @property
    def state(self) -> str:
        """Return ``loading``, ``failed`` or ``ready``."""
        if self.is_ready:
            return "ready"
        return "failed" if self.failure else "loading"

    @property
    def rung(self) -> str:
        """Return how much of its work the pipeline does: ``full`` or ``fallback``."""
        return self._ladder.rung

    def report(self) -> Report:
        """Return the state of the pipeline since the last report."""
        counts = self._counts()
        new = {name: count - self._reported[name] for name, count in counts.items()}
        self._reported = counts
        remarks, self._remarks = self._remarks, {}
        is_noted, self._is_noted = self._is_noted, False
        said = _sentence(remarks)
        report = Report(message=said or "ok", values=self._figures() | counts)
        if self.failure:
            report.raise_to(ERROR, self.failure)
        if new["failed"]:
            report.raise_to(ERROR, f"the pipeline failed: {self._last_error}")
        if is_noted:
            report.raise_to(WARN, said)
        if self.rung != Ladder.RUNGS[0]:
            report.raise_to(WARN, said or f"works as {self.rung}")
        if new["too_old"]:
            report.raise_to(WARN, f"{new['too_old']} results were too old to be published")
        if new["dropped"] > MANY_DROPS * (new["dropped"] + new["taken"]):
            report.raise_to(WARN, f"slower than its input, {new['dropped']} samples dropped")
        return report

    def _prepare(self, stopping: threading.Event) -> None:
        """Load until it works: a file that is repaired is found without a restart."""
        while not self.is_ready and not stopping.is_set():
            try:
                self._pipeline = self._load()
                self._pipeline.warm_up()
            except EquiError as error:
                self._refuse_to_start(str(error))
            except Exception as error:  # stays visible in diagnostics instead of ending a thread
                self._refuse_to_start(f"{error!r}", traceback.format_exc())
            else:
                gc.collect()
                gc.freeze()  # what lives for ever need not be searched again and again
                self.is_ready, self.failure = True, ""
                self._on_news()
                return
            stopping.wait(self._retry_s)

    def _refuse_to_start(self, reason: str, details: str = "") -> None:
        self.failure = f"cannot start: {reason}"
        self._log.error("load", f"{self.failure}\n{details}".rstrip())
        self._on_news()

    def _step(self, job: Job) -> Result:
        """Step the pipeline, which forgets the past first when time was restarted."""
        if job.epoch != self._epoch:
            self._pipeline.reset()
            self._epoch = job.epoch
        started = steady_ns()
        result = self._pipeline.step(job.sample)
        self.work_time.add(steady_ns() - started)
        return result

    def _finish(self, job: Job, result: Result) -> None:
        self._ladder.note("fallback" if result.is_fallback else "full")
        self._remark(result)
        self._deliver(job, result)
        self.result_age.add(steady_ns() - job.received_ns)

    def _fail(self, job: Job, error: Exception) -> None:
        """Note an exception and let the next step start from nothing."""
        self._last_error = repr(error)
        self._epoch = -1
        details = "".join(traceback.format_exception(error))
        self._log.error(f"step {type(error)}", f"the pipeline failed:\n{details}")

    def _remark(self, result: Result) -> None:
        """Keep what a result says of itself and its tracks for the next report, and log it."""
        remarks = {note: note for note in result.notes}
        remarks |= {f"track {key}": f"track {key}: {why}" for key, why in result.rejected.items()}
        self._remarks |= remarks
        self._is_noted |= bool(result.notes)
        if result.notes:
            self._log.warning("notes", _sentence(remarks))
        elif remarks:
            self._log.info("tracks", _sentence(remarks))

    def _counts(self) -> dict[str, int]:
        worker = self._worker
        counts = {"taken": worker.taken, "dropped": worker.dropped, "failed": worker.failed}
        return counts | {"too_old": self.too_old}

    def _figures(self) -> dict[str, Any]:
        return {
            "backend": self._pipeline.backend_name if self._pipeline else "",
            "state": self.state,
            "work_ms_p50": self.work_time.percentile_ms(50),
            "work_ms_p99": self.work_time.percentile_ms(99),
            "result_age_ms_p50": self.result_age.percentile_ms(50),
            "result_age_ms_p99": self.result_age.percentile_ms(99),
        }


def _sentence(remarks: dict[str, str]) -> str:
    """Join the first remarks and say how many more there are."""
    texts = list(remarks.values())
    more = [f"and {len(texts) - REMARKS} more"] if len(texts) > REMARKS else []
    return "; ".join(texts[:REMARKS] + more)
