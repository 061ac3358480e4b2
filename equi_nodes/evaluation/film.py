"""The recording and its predictions in the few numbers that the report's player draws."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from equi_nodes.samples import PredictionSample

LONGEST = 60.0  # s of the recording, so that the report stays small
MODES = 6  # futures drawn per agent
FAINTEST = 2  # percent; a less probable future is not drawn
TAIL = 8  # frames of past behind each person
MARGIN = 100  # cm around everybody


def film(predictions: Sequence[PredictionSample]) -> str:
    """Return JSON of one frame a time step: people, and their futures as offsets, in centimetres.

    A frame is a list of ``[id, x, y, modes]``, a mode ``[percent, dx, dy, ...]``.
    """
    chosen = _one_a_step(predictions)
    origin = np.median(np.concatenate([p.positions[:, :2] for p in chosen]), axis=0)
    frames = [_frame(prediction, origin) for prediction in chosen]
    points = np.array([person[1:3] for frame in frames for person in frame])
    low, high = points.min(axis=0) - MARGIN, points.max(axis=0) + MARGIN
    step = chosen[0].time_step_ns / 1e9
    content = {
        "step": step,
        "horizon": step * max(p.paths.shape[2] for p in chosen),
        "tail": TAIL,
        "bounds": [*low.tolist(), *high.tolist()],
        "opening": _opening(frames),
        "frames": frames,
    }
    return json.dumps(content, separators=(",", ":"))


def _one_a_step(predictions: Sequence[PredictionSample]) -> list[PredictionSample]:
    """Return the predictions of one instant a time step, of the first minute."""
    chosen: list[PredictionSample] = []
    for prediction in predictions:
        since = prediction.stamp_ns - chosen[-1].stamp_ns if chosen else prediction.time_step_ns
        if len(prediction.ids) and since >= 0.99 * prediction.time_step_ns:
            chosen.append(prediction)
        if chosen and prediction.stamp_ns - chosen[0].stamp_ns > LONGEST * 1e9:
            break
    return chosen


def _opening(frames: list[list]) -> int:
    """Return the frame that shows the most futures once people have a past."""
    skipped = min(TAIL, len(frames) - 1)
    return skipped + int(np.argmax([sum(len(who[3]) for who in f) for f in frames[skipped:]]))


def _frame(prediction: PredictionSample, origin: np.ndarray) -> list[list]:
    here = prediction.positions[:, :2]
    offsets = 100.0 * (prediction.paths[:, :MODES] - here[:, None, None])
    people = zip(
        prediction.ids.tolist(),
        np.rint(100.0 * (here - origin)).astype(int).tolist(),
        prediction.probabilities[:, :MODES],
        np.rint(offsets).astype(int).reshape(*offsets.shape[:2], -1).tolist(),
    )
    return [[name, x, y, _modes(chances, paths)] for name, (x, y), chances, paths in people]


def _modes(chances: np.ndarray, paths: list[list[int]]) -> list[list[int]]:
    percent = np.rint(100.0 * chances).astype(int).tolist()
    return [[share, *path] for share, path in zip(percent, paths) if share >= FAINTEST]
