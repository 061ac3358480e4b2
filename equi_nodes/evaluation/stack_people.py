"""How well a run of the closed loop tracked people and predicted where they went.

Tracks and predictions are judged as the robot sees them: what the odometry is off at their time is
taken out, as it is counted elsewhere.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from equi_nodes.evaluation import replay
from equi_nodes.evaluation.collisions import in_cells
from equi_nodes.evaluation.matching import match
from equi_nodes.evaluation.stack_run import StackRun
from equi_nodes.evaluation.tracking import TrackScore
from equi_nodes.geometry.raycast import cast
from equi_nodes.geometry.rotations import level_tie, transform
from equi_nodes.samples import PredictionSample, TrackSample

SAME_PERSON = 0.8  # m, from a prediction's start to the person that it is of
SAME_TIME_NS = 60_000_000  # between a track and the truth that it is compared with
REACH = 15.0  # m, who is farther away is not asked for
WALL = 65  # per cent, from which nobody sees through a cell
TOLD = ("mota", "idf1", "motp_m", "misses", "false_positives", "id_switches", "objects")


def tracking_figures(run: StackRun) -> dict:
    """Return CLEAR-MOT of the tracks, over the people in sight of the robot; empty without any."""
    score, stamps = TrackScore(), _stamps(run.people)
    score.begin()
    compared = 0
    for tracks in run.tracks if len(stamps) else ():
        row = int(np.abs(stamps - tracks.stamp_ns).argmin())
        if abs(int(stamps[row]) - tracks.stamp_ns) <= SAME_TIME_NS:
            people = run.people[row]
            score.add(_seen_truly(run, tracks), people, in_sight(run, people))
            compared += len(people.ids)
    if not compared:
        return {}
    figures = score.figures()
    return {key: figures[key] for key in TOLD}


def in_sight(run: StackRun, people: TrackSample) -> np.ndarray:
    """Return who (P,) stands where nothing is between the robot and them, and not too far away."""
    robot = run.truth.poses[_nearest(run.truth.stamps_ns, people.stamp_ns), :2, 3]
    offsets = people.positions[:, :2] - robot
    away = np.hypot(*offsets.T)
    ends = in_cells(run.true_map, np.concatenate([robot[None], people.positions[:, :2]]))
    rays = ends[1:] - ends[0]
    angles = np.arctan2(rays[:, 1], rays[:, 0])[None]
    walls, reach = run.true_map.cells >= WALL, REACH / run.true_map.resolution
    free, _ = cast(walls, ends[:1], angles, reach)
    return (away < REACH) & (free[0] * run.true_map.resolution > away)


def prediction_figures(run: StackRun) -> dict:
    """Return ADE and FDE of the predictions against where the people truly went."""
    named = [_of_people(_predicted_truly(run, p), run.people) for p in run.predictions]
    named = [prediction for prediction in named if len(prediction.ids)]
    matched = match(named, run.people, run.people) if named else None
    result = replay.ReplayResult(tuple(named), np.zeros(0), len(named))
    figures = replay.measure(result, matched)
    kept = ("scored", "ade", "fde", "top1", "constant_velocity", "calibration_90")
    return {key: figures[key] for key in kept if key in figures}


def _seen_truly(run: StackRun, tracks: TrackSample) -> TrackSample:
    """Return tracks as if the robot had known where it is, with some covariance in any case."""
    T, some = _correction(run, tracks.stamp_ns), np.tile(np.eye(3), (len(tracks.ids), 1, 1))
    is_told = tracks.covariances.any((1, 2))[:, None, None]
    return replace(
        tracks,
        positions=transform(T, tracks.positions),
        velocities=tracks.velocities @ T[:3, :3].T,
        covariances=np.where(is_told, tracks.covariances, some),
        velocity_covariances=some,
    )


def _predicted_truly(run: StackRun, prediction: PredictionSample) -> PredictionSample:
    """Return predictions as if the robot had known where it is."""
    T = _correction(run, prediction.stamp_ns)
    return replace(
        prediction,
        positions=transform(T, prediction.positions),
        paths=prediction.paths @ T[:2, :2].T + T[:2, 3],
    )


def _correction(run: StackRun, stamp_ns: int) -> np.ndarray:
    """Return T (4, 4) that takes what was seen at a time to where it truly was."""
    if not len(run.estimate.stamps_ns):
        return np.eye(4)
    row = _nearest(run.estimate.stamps_ns, stamp_ns)
    true = _nearest(run.truth.stamps_ns, int(run.estimate.stamps_ns[row]))
    return level_tie(run.truth.poses[true], run.estimate.poses[row])


def _of_people(prediction: PredictionSample, people: tuple[TrackSample, ...]) -> PredictionSample:
    """Return a prediction whose ids are those of the people it starts at; nobody's is left out."""
    truth = people[_nearest(_stamps(people), prediction.stamp_ns)]
    here, there = prediction.positions[:, None, :2], truth.positions[:, :2]
    away = np.hypot(*np.moveaxis(here - there, -1, 0))
    if not away.size:
        return _rows(prediction, np.zeros(0, int), np.zeros(0, np.int64))
    rows = np.flatnonzero(away.min(1) < SAME_PERSON)
    return _rows(prediction, rows, truth.ids[away[rows].argmin(1)])


def _rows(prediction: PredictionSample, rows: np.ndarray, ids: np.ndarray) -> PredictionSample:
    names = ("positions", "observed_steps", "paths", "probabilities", "covariances")
    arrays = {name: getattr(prediction, name)[rows] for name in names}
    return replace(
        prediction, ids=ids, interactions=prediction.interactions[np.ix_(rows, rows)], **arrays
    )


def _stamps(samples: tuple[TrackSample, ...]) -> np.ndarray:
    return np.array([sample.stamp_ns for sample in samples], np.int64)


def _nearest(stamps: np.ndarray, stamp_ns: int) -> int:
    return int(np.abs(stamps - stamp_ns).argmin())
