"""Whether the filter's errors are as large as it states, in simulated flights with known truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np
from scipy.stats import chi2

from equi_nodes.config.vio import FilterConfig
from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import exp_so3, log_so3, rigid
from equi_nodes.samples import OdometrySample, Tracks
from equi_nodes.sim.vio_world import Recording, WorldConfig, simulate
from equi_nodes.vio.estimator import Estimator
from equi_nodes.vio.imu_buffer import ImuBuffer
from equi_nodes.vio.state import InitialState
from equi_nodes.vio.types import ImuNoise, Rig

R_B_C = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # looks along x
BASELINE = 0.11  # m
AHEAD_NS = 30_000_000  # of IMU that has come when a frame is taken
SAMPLED = 20  # frames between two that count: errors of neighbours are nearly the same
BAND = (0.025, 0.975)
FIRST_SEED = 1000  # the filter was tuned on others
TOLD = FilterConfig(imu_noise_scale=1.0, image_noise_scale=1.0)  # the noise is exactly as stated
WORLD = WorldConfig(duration=20.0)
OFFSET_WORLD = WorldConfig(duration=30.0, time_offset=0.020)
OFFSET_PRIOR = 0.02  # s, the spread that the filter is told
OFFSET_SHARE = 5  # one flight of so many is flown with a time offset too
PARTS = {"orientation": slice(0, 3), "position": slice(3, 6)}


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


def consistency(runs: Iterable[int]) -> dict:
    """Fly simulated stereo runs and return how honest the filter was and what it found.

    Args:
        runs: numbers of the flights, from 0.

    Returns:
        ``band``, which holds 95 % of the means of so many runs; ``nees_orientation`` and
        ``nees_position`` (honest is 3) with ``inside_...``, the share of times at which the mean
        over the runs lies in the band; root mean squares of the biases' errors at the end; and
        ``time_offset_error_ms`` of flights with 20 ms, started upright and knowing no velocity.
    """
    scores: dict[str, list[np.ndarray]] = {name: [] for name in PARTS}
    gyro, accel, offsets = [], [], []
    for run in runs:
        seed = FIRST_SEED + run
        truth, samples = _fly(WORLD, seed, TOLD, is_start_drawn=True)
        for name, part in PARTS.items():
            scores[name].append(_nees(truth, samples, part))
        gyro.append(samples[-1].gyro_bias - truth.gyro_biases[-1])
        accel.append(samples[-1].accel_bias - truth.accel_biases[-1])
        if run % OFFSET_SHARE == 0:
            told = replace(TOLD, prior_time_offset=OFFSET_PRIOR)
            offsets.append(_fly(OFFSET_WORLD, seed, told)[1][-1].time_offset)
    band = chi2.ppf(BAND, 3 * len(gyro)) / len(gyro)
    missed = 1e3 * np.abs(np.array(offsets) - OFFSET_WORLD.time_offset)
    return {
        "runs": len(gyro),
        "band": band.tolist(),
        **_summary(scores, band),
        "gyro_bias_error": float(np.sqrt(np.mean(np.square(gyro)))),
        "accel_bias_error": float(np.sqrt(np.mean(np.square(accel)))),
        "time_offset_error_ms": {
            "runs": len(missed), "mean": float(missed.mean()), "max": float(missed.max())
        },
    }  # fmt: skip


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
    poses = [rigid(R_B_C, np.array([0.05, BASELINE * (0.5 - side), 0.02])) for side in (0, 1)]
    cameras = tuple(
        Camera("pinhole", 752, 480, (458.0, 458.0, 376.0, 240.0), (), T_b_c) for T_b_c in poses
    )
    noise = ImuNoise(world.gyro_noise, world.accel_noise, world.gyro_walk, world.accel_walk)
    truth = simulate(cameras, world, seed)
    start = DrawnStart(truth, seed) if is_start_drawn else None
    estimator = Estimator(Rig(cameras, noise), config, start)
    readings = _readings(truth)
    reading = next(readings)
    samples = []
    for seen in truth.tracks:
        while reading is not None and reading[0] <= seen.stamp_ns + AHEAD_NS:
            estimator.add_imu(*reading)
            reading = next(readings, None)
        samples.append(estimator.step(Tracks(**vars(seen))))
    return truth, samples


def _readings(truth: Recording) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    return zip(truth.imu_stamps_ns.tolist(), truth.gyro, truth.accel)


def _nees(truth: Recording, samples: list[OdometrySample], part: slice) -> np.ndarray:
    """Return the normalised squared errors at times that are far enough apart."""
    frames = range(SAMPLED, len(samples), SAMPLED)
    scores = []
    for frame in frames:
        true, sample = truth.T_w_b[frame], samples[frame]
        error = np.empty(6)
        error[:3] = log_so3(true[:3, :3] @ sample.T_w_b[:3, :3].T)
        error[3:] = true[:3, 3] - sample.T_w_b[:3, 3]
        covariance = sample.covariance[part, part]
        scores.append(error[part] @ np.linalg.solve(covariance, error[part]))
    return np.array(scores)
