"""Messages to samples and back: the only place where message fields are read or written.

Every function works on any object with the fields of the message, so both rclpy's classes and
those of rosbags serve. Messages are built through ``make``: ``make(type_name, **fields)`` builds
one, ``make.array(code, numbers)`` builds a numeric sequence (codes of the ``array`` module).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from equi_nodes.errors import EquiError
from equi_nodes.samples import PredictionSample, TrackSample

SECOND_NS = 1_000_000_000
WEAKEST_INTERACTION = 0.01  # weights below are left out of a message: most pairs are far apart


class Make(Protocol):
    """Builds messages of one family of classes."""

    def __call__(self, type_name: str, **fields: Any) -> Any:
        """Build a message, for example of ``geometry_msgs/msg/Point``, with all its fields."""

    def array(self, code: str, numbers: np.ndarray) -> Any:
        """Build a sequence of numbers of one type."""


def stamp_ns(stamp: Any) -> int:
    """Return a ``builtin_interfaces/Time`` or ``Duration`` in nanoseconds."""
    return stamp.sec * SECOND_NS + stamp.nanosec


def header(stamp: int, frame_id: str, make: Make) -> Any:
    """Build a ``std_msgs/Header`` from nanoseconds and a frame."""
    seconds, nanoseconds = divmod(stamp, SECOND_NS)
    time = make("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
    return make("std_msgs/msg/Header", stamp=time, frame_id=frame_id)


def track_sample(msg: Any) -> TrackSample:
    """Read an ``equi_msgs/TrackArray``."""
    tracks = msg.tracks
    velocities = _vectors(track.velocity for track in tracks)
    velocities[~np.fromiter((track.has_velocity for track in tracks), bool, len(tracks))] = np.nan
    return TrackSample(
        stamp_ns=stamp_ns(msg.header.stamp),
        frame_id=msg.header.frame_id,
        ids=np.array([track.id for track in tracks], np.int64),
        positions=_vectors(track.position for track in tracks),
        velocities=velocities,
        covariances=_matrices(track.position_covariance for track in tracks),
        velocity_covariances=_matrices(track.velocity_covariance for track in tracks),
        sizes=_vectors(track.size for track in tracks),
        classes=np.array([track.classification for track in tracks], np.uint8),
        existence=np.array([track.existence_probability for track in tracks], np.float64),
        coasted=np.array([track.coasted for track in tracks], bool),
    )


def track_array(sample: TrackSample, make: Make) -> Any:
    """Build an ``equi_msgs/TrackArray``; what a sample does not say is unknown."""
    tracks = [_track(sample, agent, make) for agent in range(len(sample.ids))]
    head = header(sample.stamp_ns, sample.frame_id, make)
    return make("equi_msgs/msg/TrackArray", header=head, tracks=tracks)


def prediction_array(sample: PredictionSample, make: Make, modes: int) -> Any:
    """Build an ``equi_msgs/PredictionArray`` of the ``modes`` most probable futures per agent."""
    seconds, nanoseconds = divmod(sample.time_step_ns, SECOND_NS)
    agents = zip(
        sample.ids.tolist(),
        sample.positions.tolist(),
        sample.observed_steps.tolist(),
        _trajectories(sample, make, modes),
        sample.interactions,
        strict=True,
    )
    return make(
        "equi_msgs/msg/PredictionArray",
        header=header(sample.stamp_ns, sample.frame_id, make),
        time_step=make("builtin_interfaces/msg/Duration", sec=seconds, nanosec=nanoseconds),
        predictions=[
            make(
                "equi_msgs/msg/Prediction",
                id=track_id,
                source=int(sample.is_fallback),
                observed_steps=steps,
                position=_xyz("Point", position, make),
                trajectories=trajectories,
                **_neighbours(sample.ids, track_id, weights, make),
            )
            for track_id, position, steps, trajectories, weights in agents
        ],
    )


def prediction_sample(msg: Any) -> PredictionSample:
    """Read an ``equi_msgs/PredictionArray`` whose agents all have as many modes and steps.

    Raises:
        EquiError: the agents differ in their number of modes or steps.
    """
    agents = msg.predictions
    futures = [list(agent.trajectories) for agent in agents]
    try:
        paths = np.array([[mode.positions for mode in modes] for modes in futures], np.float64)
        upper = np.array([[mode.covariances for mode in modes] for modes in futures], np.float64)
        chances = np.array([[mode.probability for mode in modes] for modes in futures], np.float64)
    except ValueError as error:
        raise EquiError("Predictions of one message differ in their modes or steps.") from error
    size = (*chances.shape, 0)[:2]
    return PredictionSample(
        stamp_ns=stamp_ns(msg.header.stamp),
        frame_id=msg.header.frame_id,
        time_step_ns=stamp_ns(msg.time_step),
        ids=np.array([agent.id for agent in agents], np.int64),
        positions=_vectors(agent.position for agent in agents),
        observed_steps=np.array([agent.observed_steps for agent in agents], np.int64),
        paths=paths.reshape(*size, paths.shape[-1] // 2 if paths.size else 0, 2),
        probabilities=chances.reshape(size),
        covariances=_full(upper.reshape(*size, upper.shape[-1] // 3 if upper.size else 0, 3)),
        interactions=_interactions(agents),
        is_fallback=any(agent.source != 0 for agent in agents),
    )


def _vectors(points: Iterable[Any]) -> np.ndarray:
    """Read points or vectors as (N, 3) float64."""
    return np.array([(p.x, p.y, p.z) for p in points], np.float64).reshape(-1, 3)


def _matrices(rows: Iterable[Any]) -> np.ndarray:
    """Read row-major covariances as (N, 3, 3) float64."""
    return np.array(list(rows), np.float64).reshape(-1, 3, 3)


def _xyz(kind: str, values: Iterable[float], make: Make) -> Any:
    """Build a ``Point`` or ``Vector3`` of three floats."""
    x, y, z = values
    return make(f"geometry_msgs/msg/{kind}", x=x, y=y, z=z)


def _track(sample: TrackSample, agent: int, make: Make) -> Any:
    """Build the ``equi_msgs/Track`` of one agent."""
    velocity = sample.velocities[agent]
    has_velocity = not np.isnan(velocity).any()
    size = _of(sample.sizes, agent, np.zeros(3))
    return make(
        "equi_msgs/msg/Track",
        id=int(sample.ids[agent]),
        classification=int(_of(sample.classes, agent, 0)),
        existence_probability=float(_of(sample.existence, agent, 1.0)),
        coasted=bool(_of(sample.coasted, agent, False)),
        position=_xyz("Point", sample.positions[agent].tolist(), make),
        has_velocity=has_velocity,
        velocity=_xyz("Vector3", velocity.tolist() if has_velocity else (0.0, 0.0, 0.0), make),
        position_covariance=sample.covariances[agent].ravel(),
        velocity_covariance=_of(sample.velocity_covariances, agent, np.zeros(9)).ravel(),
        size=_xyz("Vector3", size.tolist(), make),
    )


def _of(values: np.ndarray | None, agent: int, unknown: Any) -> Any:
    return unknown if values is None else values[agent]


def _trajectories(sample: PredictionSample, make: Make, modes: int) -> list[list[Any]]:
    """Build the ``equi_msgs/PredictedTrajectory`` list of each agent."""
    kept = sample.probabilities[:, :modes]
    kept = kept / np.maximum(kept.sum(-1, keepdims=True), np.finfo(np.float64).tiny)
    steps = sample.paths.shape[2]
    paths = sample.paths[:, :modes].reshape(*kept.shape, 2 * steps)
    upper = sample.covariances[:, :modes, :, [0, 0, 1], [0, 1, 1]].astype(np.float32)
    upper = upper.reshape(*kept.shape, 3 * steps)
    return [
        [
            make(
                "equi_msgs/msg/PredictedTrajectory",
                probability=probability,
                positions=make.array("d", path),
                covariances=make.array("f", covariance),
            )
            for probability, path, covariance in zip(*agent, strict=True)
        ]
        for agent in zip(kept.tolist(), paths, upper, strict=True)
    ]


def _neighbours(ids: np.ndarray, track_id: int, weights: np.ndarray, make: Make) -> dict[str, Any]:
    """Build the fields of the tracks that act on one agent."""
    acting = (weights >= WEAKEST_INTERACTION) & (ids != track_id)
    return {
        "neighbour_ids": make.array("q", ids[acting]),
        "neighbour_weights": make.array("f", weights[acting]),
    }


def _interactions(agents: Any) -> np.ndarray:
    """Read the weights of all agents as (A, A); a neighbour that is not predicted is left out."""
    row = {agent.id: index for index, agent in enumerate(agents)}
    weights = np.zeros((len(row), len(row)))
    for index, agent in enumerate(agents):
        for neighbour, weight in zip(agent.neighbour_ids, agent.neighbour_weights, strict=True):
            if int(neighbour) in row:
                weights[index, row[int(neighbour)]] = weight
    return weights


def _full(upper: np.ndarray) -> np.ndarray:
    """Return the symmetric matrices (..., 2, 2) whose xx, xy, yy are given."""
    return upper[..., [[0, 1], [1, 2]]]
