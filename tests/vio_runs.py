"""Simulated flights through the filter, for the tests of the odometry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from equi_nodes.cli.odometry_consistency import TOLD, DrawnStart
from equi_nodes.config.vio import FilterConfig
from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import log_so3, rigid
from equi_nodes.samples import OdometrySample, Tracks
from equi_nodes.sim.vio_world import Recording, SimulatedTracks, WorldConfig, simulate
from equi_nodes.vio.estimator import Estimator
from equi_nodes.vio.start import upright
from equi_nodes.vio.types import ImuNoise, Rig

R_B_C = np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # the camera looks along the body's x
BASELINE = 0.11  # m
LATE = 30_000_000  # ns of IMU that have come when a frame is taken


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


def rig_of(config: WorldConfig, cameras: int = 2) -> Rig:
    """Return the rig of a simulated body."""
    noise = ImuNoise(config.gyro_noise, config.accel_noise, config.gyro_walk, config.accel_walk)
    poses = [rigid(R_B_C, np.array([0.05, BASELINE * (0.5 - i), 0.02])) for i in range(cameras)]
    return Rig(
        tuple(Camera("pinhole", 752, 480, (458.0, 458.0, 376.0, 240.0), (), T) for T in poses),
        noise,
    )


def fly(
    world: WorldConfig = WorldConfig(),
    config: FilterConfig = TOLD,
    seed: int = 0,
    cameras: int = 2,
    spoil: Callable[[int, SimulatedTracks], SimulatedTracks | None] = lambda _, tracks: tracks,
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
    arrivals = _arrivals(truth, imu_passes)
    waiting = next(arrivals, None)
    for index, seen in enumerate(truth.tracks):
        while waiting is not None and waiting[0] <= seen.stamp_ns + LATE:
            estimator.add_imu(*waiting)
            waiting = next(arrivals, None)
        tracks = spoil(index, seen)
        if tracks is None:
            continue
        if not samples and not is_start_drawn:
            start = upright(tracks.stamp_ns, tracks.stamp_ns, estimator.imu, config).T_w_b
        samples.append(estimator.step(Tracks(**vars(tracks))))
        frames.append(index)
    return Flight(truth, samples, frames, start, estimator)


def _arrivals(truth: Recording, imu_passes: Callable[[float], bool]) -> Iterable[tuple]:
    first = truth.tracks[0].stamp_ns
    for stamp, gyro, accel in zip(truth.imu_stamps_ns, truth.gyro, truth.accel):
        if imu_passes((stamp - first) * 1e-9):
            yield int(stamp), gyro, accel


def errors_of(flight: Flight) -> tuple[np.ndarray, np.ndarray]:
    """Return true less estimated (F, 15) in the order of the covariance, and that (F, 15, 15)."""
    truth, frames = flight.truth, flight.frames
    start = truth.T_w_b[frames[0]]
    M = flight.T_w_b_start[:3, :3] @ start[:3, :3].T
    heading = np.arctan2(M[1, 0] - M[0, 1], M[0, 0] + M[1, 1])
    c, s = np.cos(heading), np.sin(heading)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
    samples = flight.samples
    estimated = np.stack([sample.T_w_b for sample in samples])
    rotations = turn @ truth.T_w_b[frames, :3, :3]
    positions = (truth.T_w_b[frames, :3, 3] - start[:3, 3]) @ turn.T
    if np.any(flight.T_w_b_start[:3, 3]):  # a drawn start is in the world of the truth
        positions = truth.T_w_b[frames, :3, 3]
    errors = [
        log_so3(rotations @ np.swapaxes(estimated[:, :3, :3], 1, 2)),
        positions - estimated[:, :3, 3],
        truth.velocities[frames] @ turn.T - np.stack([s.velocity for s in samples]),
        truth.gyro_biases[frames] - np.stack([s.gyro_bias for s in samples]),
        truth.accel_biases[frames] - np.stack([s.accel_bias for s in samples]),
    ]
    return np.concatenate(errors, 1), np.stack([sample.covariance for sample in samples])
