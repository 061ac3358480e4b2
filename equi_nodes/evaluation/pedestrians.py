"""The ETH/UCY protocol and what it leaves open: one path, noise, young tracks, other rates.

A network here is anything that maps past (B, A, T, 2), mask (B, A, T) and time step (B,) to
(paths, probabilities, covariances, ...), see ``equi_nodes.runtime.network``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from equi_nodes.datasets.scenes import Scene, SceneBatch, batches, scenes_of
from equi_nodes.datasets.tracks import Recording
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.prediction import constant_velocity, point_score, score

PAST, FUTURE = 8, 12  # steps of the protocol
AGENTS_PER_BATCH = 512
MOST_SCENES = 400  # instants taken of a large recording, evenly, in the tables beside the protocol
RATES_HZ = (1.0, 2.5, 5.0, 10.0)
OBSERVED = (2, 4, 8)

Predict = Callable[..., tuple[np.ndarray, ...]]


class Predicted(NamedTuple):
    """Predictions of N complete windows, relative to the last observed position; see ``score``."""

    paths: np.ndarray
    probabilities: np.ndarray
    covariances: np.ndarray
    truth: np.ndarray
    past: np.ndarray  # (N, T, 2)


def predict(
    network: Predict,
    recordings: list[Recording],
    observed: int | None = None,
    most_scenes: int | None = None,
    report: Callable[[float], None] = lambda share: None,
) -> Predicted:
    """Predict every complete window among all agents seen with it.

    Args:
        network: what predicts.
        recordings: each at the time step that the network is told.
        observed: the network sees only the last so many steps; None: all.
        most_scenes: instants taken at most, evenly spread.
        report: called with the share done.

    Raises:
        EquiError: no agent is seen for the whole of a window.
    """
    chosen = scenes_of(recordings, PAST, FUTURE)
    chosen = chosen[:: max(1, len(chosen) // most_scenes)] if most_scenes else chosen
    if not any(cut.complete[rows].any() for cut, rows, _ in chosen):
        names = ", ".join(recording.name for recording in recordings)
        raise EquiError(
            f"{names} has no agent that is seen for {PAST + FUTURE} steps in a row to be scored on."
        )
    return predict_scenes(network, chosen, observed, report)


def predict_scenes(
    network: Predict,
    chosen: list[Scene],
    observed: int | None = None,
    report: Callable[[float], None] = lambda share: None,
) -> Predicted:
    """Predict the complete windows of scenes already cut; see ``predict``."""
    groups = list(batches(chosen, AGENTS_PER_BATCH))
    parts = []
    for number, batch in enumerate(groups, 1):
        parts.append(_predict_batch(network, batch, observed))
        report(number / len(groups))
    return Predicted(*(np.concatenate(part) for part in zip(*parts)))


def figures(predicted: Predicted) -> dict:
    """Return ``score`` beside ``constant_velocity``."""
    line = constant_velocity(predicted.past, FUTURE)
    result = score(*predicted[:4])
    return result | {"constant_velocity": point_score(line, predicted.truth)}


def observation_table(network: Predict, recordings: list[Recording]) -> dict[str, dict]:
    """Return the figures with 2, 4 and 8 observed steps."""
    return {
        f"{count} steps": figures(predict(network, recordings, count, MOST_SCENES))
        for count in OBSERVED
    }


def rate_table(network: Predict, recordings: list[Recording]) -> dict[str, dict]:
    """Return the figures at 1 to 10 Hz, 12 steps from 8, by splines between recorded steps."""
    table = {}
    for rate in RATES_HZ:
        resampled = [recording.resampled(1 / rate) for recording in recordings]
        table[f"{rate:g} Hz"] = figures(predict(network, resampled, most_scenes=MOST_SCENES))
    return table


def standing_table(network: Predict, jitter: float = 0.03, people: int = 2000) -> dict:
    """Return how far people who stand still, tracked with white jitter, are predicted to go.

    Args:
        network: what predicts.
        jitter: standard deviation of the observed positions, metres.
        people: how many, each alone.

    Returns:
        ``end_top1`` and ``end_best``, mean distance in metres of the likeliest and of the nearest
        end point from where they stand, ``calibration_90``, and ``end_constant_velocity``.
    """
    past = np.random.default_rng(0).normal(0, jitter, (people, 1, PAST, 2)).astype(np.float32)
    time_step = np.full(people, 0.4, np.float32)
    outputs = network(past, np.ones((people, 1, PAST), bool), time_step)
    paths, probabilities, covariances = (part[:, 0] for part in outputs[:3])
    truth = np.broadcast_to(-past[:, 0, -1:], (people, FUTURE, 2))
    result = score(paths, probabilities, covariances, truth)
    line = constant_velocity(past[:, 0] - past[:, 0, -1:], FUTURE)
    return {
        "jitter": jitter,
        "end_top1": result["fde_top1"],
        "end_best": result["fde_best"],
        "calibration_90": result["calibration_90"],
        "end_constant_velocity": point_score(line, truth)["fde"],
    }


def _predict_batch(
    network: Predict, batch: SceneBatch, observed: int | None
) -> tuple[np.ndarray, ...]:
    mask = batch.mask.copy()
    if observed:
        mask[..., :-observed] = False
    outputs = network(batch.past, mask, batch.time_step)
    keep = batch.complete
    past = batch.past - batch.past[:, :, -1:]
    return *(part[keep] for part in outputs[:3]), batch.future[keep], past[keep]
