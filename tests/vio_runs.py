"""Simulated flights through the filter, for the tests of the odometry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from equi_nodes.cli.odometry_consistency import TOLD, DrawnStart, plain_errors, rig_of
from equi_nodes.config.vio import FilterConfig
from equi_nodes.geometry.rotations import level_tie
from equi_nodes.samples import OdometrySample, Tracks
from equi_nodes.sim.vio_world import Recording, WorldConfig, simulate
from equi_nodes.vio.estimator import Estimator
from equi_nodes.vio.start import upright


class Flight(NamedTuple):
    """A recording, what the filter made of it, and where its world began.

    Attributes:
        truth: the recording.
        samples: the filter's output, one for each frame given.
        frames: the index in the recording of each.
        T_w_b_start: (4, 4) pose before the first update, which fixes heading and origin.
        estimator: after the last frame.
    """

    truth: Recording
    samples: list[OdometrySample]
    frames: list[int]
    T_w_b_start: np.ndarray
    estimator: Estimator


def fly(
    world: WorldConfig = WorldConfig(),
    config: FilterConfig = TOLD,
    seed: int = 0,
    cameras: int = 2,
    spoil: Callable[[int, Tracks], Tracks | None] = lambda _, tracks: tracks,
    imu_passes: Callable[[float], bool] = lambda _: True,
    is_start_drawn: bool = False,
) -> Flight:
    """Run the filter over one simulated flight.

    Args:
        world, seed: of the simulation.
        config: of the filter.
        cameras: 1 or 2.
        spoil: changes the tracks of a frame, by its index, or drops the frame by returning None.
        imu_passes: whether the sample at a time, seconds from the first frame, arrives.
        is_start_drawn: start near the truth, not anywhere.
    """
    rig = rig_of(world, cameras)
    truth = simulate(rig.cameras, world, seed)
    initialiser = DrawnStart(truth, seed) if is_start_drawn else None
    estimator = Estimator(rig, config, initialiser)
    samples, frames, start = [], [], truth.T_w_b[0]
    first = truth.tracks[0].stamp_ns
    for index, (readings, seen) in enumerate(truth.arrivals()):
        for reading in readings:
            if imu_passes((reading[0] - first) * 1e-9):
                estimator.add_imu(*reading)
        tracks = spoil(index, seen)
        if tracks is None:
            continue
        if not samples and not is_start_drawn:
            start = upright(tracks.stamp_ns, estimator.imu, config).T_w_b
        samples.append(estimator.step(tracks))
        frames.append(index)
    return Flight(truth, samples, frames, start, estimator)


def errors_of(flight: Flight) -> tuple[np.ndarray, np.ndarray]:
    """Return true less estimated (F, 15) in the order of the covariance, and that (F, 15, 15)."""
    truth = flight.truth
    start = truth.T_w_b[flight.frames[0]]
    if not np.any(flight.T_w_b_start[:3, 3]):  # else a drawn start, in the world of the truth
        T_filter_w = level_tie(flight.T_w_b_start, start)
        velocities = truth.velocities @ T_filter_w[:3, :3].T
        truth = replace(truth, T_w_b=T_filter_w @ truth.T_w_b, velocities=velocities)
    covariances = np.stack([sample.covariance for sample in flight.samples])
    return plain_errors(truth, flight.frames, flight.samples), covariances
