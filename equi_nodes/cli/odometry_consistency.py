"""Whether the filter's errors are as large as it states, in simulated flights with known truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from scipy.stats import chi2

from equi_nodes.config.vio import FilterConfig
from equi_nodes.geometry.rotations import exp_so3, log_so3, rigid
from equi_nodes.samples import OdometrySample, Tracks
from equi_nodes.sim.vio_world import Recording, WorldConfig, pinhole_cameras, simulate
from equi_nodes.vio.estimator import Estimator
from equi_nodes.vio.imu_buffer import ImuBuffer
from equi_nodes.vio.state import InitialState
from equi_nodes.vio.types import ImuNoise, Rig

SAMPLED = 20  # frames between two that count: errors of neighbours are nearly the same
BAND = (0.025, 0.975)
FIRST_SEED = 1000  # the filter was tuned on others
TOLD = FilterConfig(imu_noise_scale=1.0, image_noise_scale=1.0)  # the noise is exactly as stated
WORLD = WorldConfig(duration=20.0)
COLD_WORLD = WorldConfig(duration=30.0, time_offset=0.020)
COLD = replace(TOLD, prior_time_offset=0.020)
COLD_SHARE = 2  # one flight of so many is flown from a cold start too
POSE_PARTS = {"orientation": slice(0, 3), "position": slice(3, 6)}
FOUND_PARTS = {"gyro_bias": slice(9, 12), "accel_bias": slice(12, 15)}


class DrawnStart:
    """Starts the filter off the truth by an error drawn from the covariance that it states."""

    SPREADS = np.array([0.02] * 2 + [1e-5] * 4 + [0.1] * 3 + [0.02] * 3 + [0.05] * 3)

    def __init__(self, truth: Recording, seed: int):
        off = self.SPREADS * np.random.default_rng(seed).normal(size=15)
        T_w_b = truth.T_w_b[0]
        self._state = InitialState(
            truth.tracks[0].stamp_ns,
            rigid(exp_so3(-off[:3]) @ T_w_b[:3, :3], T_w_b[:3, 3] - off[3:6]),
            truth.velocities[0] - off[6:9],
            truth.gyro_biases[0] - off[9:12],
            truth.accel_biases[0] - off[12:],
            np.diag(self.SPREADS**2),
        )

    def feed(self, tracks: Tracks, imu_buffer: ImuBuffer) -> InitialState:
        """Return the drawn state."""
        return self._state

    def reset(self) -> None:
        """Keep it."""


def rig_of(world: WorldConfig, cameras: int = 2) -> Rig:
    """Return the rig of a simulated body."""
    noise = ImuNoise(world.gyro_noise, world.accel_noise, world.gyro_walk, world.accel_walk)
    return Rig(pinhole_cameras(cameras), noise)


def plain_errors(
    truth: Recording, frames: Iterable[int], samples: list[OdometrySample]
) -> np.ndarray:
    """Return true less estimated (F, 15) in the order of a sample's covariance.

    Args:
        truth: in the world of the samples.
        frames: (F,) index of the frame of each sample.
        samples: (F,) what the filter made of them.
    """
    frames = np.asarray(frames)
    stated = np.stack([sample.T_w_b for sample in samples])
    between = truth.T_w_b[frames, :3, :3] @ np.swapaxes(stated[:, :3, :3], 1, 2)
    errors = [
        log_so3(between),
        truth.T_w_b[frames, :3, 3] - stated[:, :3, 3],
        truth.velocities[frames] - np.stack([sample.velocity for sample in samples]),
        truth.gyro_biases[frames] - np.stack([sample.gyro_bias for sample in samples]),
        truth.accel_biases[frames] - np.stack([sample.accel_bias for sample in samples]),
    ]
    return np.concatenate(errors, 1)


def consistency(runs: Iterable[int]) -> dict:
    """Fly simulated stereo runs and return how honest the filter was and what it found.

    Args:
        runs: numbers of the flights, from 0.

    Returns:
        ``band``, which holds 95 % of the means of so many runs; ``nees_orientation`` and
        ``nees_position`` (honest is 3) with ``inside_...``, the share of times at which the mean
        over the runs lies in the band; and ``found``, see ``_found``, of flights that start
        upright, knowing neither velocity nor biases nor that the images are 20 ms off.
    """
    scores: dict[str, list[np.ndarray]] = {name: [] for name in POSE_PARTS}
    ends = []
    for run in runs:
        truth, samples = _fly(WORLD, FIRST_SEED + run, TOLD, is_start_drawn=True)
        for name, part in POSE_PARTS.items():
            scores[name].append(_nees(truth, samples, part))
        if run % COLD_SHARE == 0:
            ends.append(_end(*_fly(COLD_WORLD, FIRST_SEED + run, COLD)))
    count = len(scores["position"])
    band = chi2.ppf(BAND, 3 * count) / count
    return {
        "runs": count,
        "band": band.tolist(),
        **_summary(scores, band),
        "cold_runs": len(ends),
        "cold_seconds": COLD_WORLD.duration,
        "found": _found(ends),
    }


def _summary(scores: dict[str, list[np.ndarray]], band: np.ndarray) -> dict[str, float]:
    figures = {}
    for name, runs in scores.items():
        means = np.mean(runs, 0)  # over the runs, at each time
        figures[f"nees_{name}"] = float(means.mean())
        figures[f"inside_{name}"] = float(((band[0] <= means) & (means <= band[1])).mean())
    return figures


def _fly(
    world: WorldConfig, seed: int, config: FilterConfig, is_start_drawn: bool = False
) -> tuple[Recording, list[OdometrySample]]:
    """Return a flight and what the filter made of every frame."""
    rig = rig_of(world)
    truth = simulate(rig.cameras, world, seed)
    estimator = Estimator(rig, config, DrawnStart(truth, seed) if is_start_drawn else None)
    return truth, flown(truth, estimator)


def flown(truth: Recording, estimator: Estimator) -> list[OdometrySample]:
    """Return what a filter makes of every frame of a flight."""
    samples = []
    for readings, tracks in truth.arrivals():
        for reading in readings:
            estimator.add_imu(*reading)
        samples.append(estimator.step(tracks))
    return samples


def _nees(truth: Recording, samples: list[OdometrySample], part: slice) -> np.ndarray:
    """Return the normalised squared errors at times that are far enough apart."""
    frames = range(SAMPLED, len(samples), SAMPLED)
    chosen = [samples[frame] for frame in frames]
    errors = plain_errors(truth, frames, chosen)[:, part, None]
    covariances = np.stack([sample.covariance[part, part] for sample in chosen])
    return (errors * np.linalg.solve(covariances, errors)).sum((1, 2))


def _end(
    truth: Recording, samples: list[OdometrySample]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return errors and stated standard deviations of what a flight had found at its end."""
    last = samples[-1]
    errors = plain_errors(truth, [-1], [last])[0]
    spreads = np.sqrt(np.diag(last.covariance))
    ends = {name: (errors[part], spreads[part]) for name, part in FOUND_PARTS.items()}
    off = COLD_WORLD.time_offset - last.time_offset
    return ends | {"time_offset": (np.array([off]), np.array([last.time_offset_spread]))}


def _found(ends: list[dict[str, tuple[np.ndarray, np.ndarray]]]) -> dict[str, dict[str, float]]:
    """Return of both biases (an axis) and the time offset, in SI units, over all flights.

    ``mean`` and ``worst`` size of the error, the ``stated`` standard deviation, and ``ratio``, the
    mean of squared error over stated variance: honest is 1.
    """
    figures = {}
    for name in ends[0]:
        errors, spreads = np.swapaxes([end[name] for end in ends], 0, 1)
        figures[name] = {
            "mean": float(np.abs(errors).mean()),
            "worst": float(np.abs(errors).max()),
            "stated": float(spreads.mean()),
            "ratio": float(np.square(errors / spreads).mean()),
        }
    return figures
