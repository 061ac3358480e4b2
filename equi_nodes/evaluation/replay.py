"""Feeding recorded tracks to the predictor, as the node would, deterministically."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from equi_nodes.evaluation.matching import Matched
from equi_nodes.evaluation.prediction import LEVELS, point_score, score
from equi_nodes.samples import PredictionSample, TrackSample


class Predictor(Protocol):
    """What a replay needs of a pipeline."""

    def step(self, sample: TrackSample) -> PredictionSample:
        """Return the prediction for one instant."""


@dataclass(frozen=True)
class ReplayResult:
    """What came out of a recording.

    Attributes:
        predictions: in time order; an instant whose result was dropped is missing.
        latencies: (S,) seconds from handing in each predicted instant to its result.
        sent: how many instants went in.
    """

    predictions: tuple[PredictionSample, ...]
    latencies: np.ndarray
    sent: int

    @property
    def dropped(self) -> int:
        """Return how many instants gave no result."""
        return self.sent - len(self.predictions)

    @property
    def hash(self) -> str:
        """Return the SHA-256 of all predictions, timing left out.

        Probabilities and covariances count in the precision of ``PredictionArray``, so a run over
        ROS that dropped nothing has the hash of the offline run.
        """
        digest = hashlib.sha256()
        for prediction in self.predictions:
            for part in _published(prediction):
                digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


def replay(predictor: Predictor, samples: Iterable[TrackSample]) -> ReplayResult:
    """Run a predictor over recorded tracks as fast as the machine allows."""
    predictions, latencies = [], []
    for sample in samples:
        started = time.perf_counter()
        predictions.append(predictor.step(sample))
        latencies.append(time.perf_counter() - started)
    return ReplayResult(tuple(predictions), np.array(latencies), len(predictions))


def measure(result: ReplayResult, matched: Matched | None) -> dict:
    """Return the figures of a replay: errors in metres, latencies in milliseconds.

    Errors are there only if some agent was seen over the whole horizon.
    """
    rejected = Counter(reason for p in result.predictions for reason in p.rejected.values())
    figures = {
        "frames": result.sent,
        "drops": result.dropped,
        "hash": result.hash,
        "predictions": sum(len(p.ids) for p in result.predictions),
        "fallbacks": sum(p.is_fallback for p in result.predictions),
        "rejected": dict(rejected),
        "latency_ms": _latency_figures(result.latencies),
        "scored": 0 if matched is None else len(matched),
    }
    return figures if matched is None else figures | _error_figures(matched)


def _error_figures(matched: Matched) -> dict:
    ours = score(matched.paths, matched.probabilities, matched.covariances, matched.truth)
    straight = np.linalg.norm(matched.straight - matched.truth, axis=-1).mean(axis=0)
    steps = np.arange(1, matched.truth.shape[1] + 1)
    return {
        "modes": matched.paths.shape[1],
        "ade": ours["ade_best"],
        "fde": ours["fde_best"],
        "top1": {"ade": ours["ade_top1"], "fde": ours["fde_top1"]},
        "constant_velocity": point_score(matched.straight, matched.truth),
        "calibration_90": ours["calibration_90"],
        "horizon": {
            "seconds": (steps * matched.time_step).tolist(),
            "best": ours["error_best"],
            "top1": ours["error_top1"],
            "constant_velocity": straight.tolist(),
        },
        "coverage": {"level": LEVELS.tolist(), "share": ours["coverage"]},
    }


def _latency_figures(latencies: np.ndarray) -> dict:
    if not len(latencies):
        return {}
    p50, p95, p99, top = 1e3 * np.percentile(latencies, [50, 95, 99, 100])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99), "max": float(top)}


def _published(prediction: PredictionSample) -> tuple[np.ndarray, ...]:
    upper = prediction.covariances[..., [0, 0, 1], [0, 1, 1]]
    return (
        np.array([prediction.stamp_ns, prediction.time_step_ns, prediction.is_fallback], np.int64),
        prediction.ids.astype(np.int64),
        prediction.observed_steps.astype(np.int64),
        prediction.positions.astype(np.float64),
        prediction.paths.astype(np.float64),
        prediction.probabilities.astype(np.float32),
        upper.astype(np.float32),
    )
