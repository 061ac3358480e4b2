"""Whether the covariance that the filter states is the one that its errors have, in simulation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from equi_nodes.config.vio import FilterConfig
from equi_nodes.datasets.euroc import PoseTable
from equi_nodes.evaluation.odometry import USABLE, ErrorTable, error_table, origin_of
from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import rigid
from equi_nodes.samples import OdometrySample
from equi_nodes.sim.vio_world import Recording, WorldConfig, simulate
from equi_nodes.vio.estimator import Estimator
from equi_nodes.vio.types import ImuNoise, Rig, Tracks

R_B_C = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # looks along x
BASELINE = 0.11  # m
SECONDS = 12.0  # a flight
TIME_OFFSET = 0.020  # s, that the filter has to find
PRIOR_OFFSET = 0.02  # s, the spread it is told
AHEAD_NS = 30_000_000  # of IMU that has come when a frame is taken
SAMPLED = 20  # frames between two that count: errors of neighbours are nearly the same
BAND = (0.025, 0.975)


@dataclass(frozen=True)
class _Flight:
    table: ErrorTable
    samples: list[OdometrySample]
    truth: Recording


def consistency(seeds: Iterable[int]) -> dict:
    """Fly simulated stereo runs with a time offset and return what the filter found.

    Returns:
        ``nees_position`` and ``nees_orientation`` (means over runs and times; honest is 3) with
        the band that holds 95 % of such means at one time, the share of times inside it, and the
        largest errors of time offset, gyro and accelerometer bias at the end.
    """
    flights = [_fly(seed) for seed in seeds]
    count = len(flights)
    figures: dict = {"runs": count}
    low, high = chi2.ppf(BAND, 3 * count) / count
    figures["band"] = [float(low), float(high)]
    for name in ("position", "rotation"):
        scores = np.array([_scores(flight.table, name) for flight in flights])  # runs, times
        means = scores.mean(axis=0)
        key = "orientation" if name == "rotation" else name
        figures[f"nees_{key}"] = float(means.mean())
        figures[f"inside_{key}"] = float(((low <= means) & (means <= high)).mean())
    last = [flight.samples[-1] for flight in flights]
    offsets = [abs(sample.time_offset - TIME_OFFSET) for sample in last]
    gyro = [f.samples[-1].gyro_bias - f.truth.gyro_biases[-1] for f in flights]
    accel = [f.samples[-1].accel_bias - f.truth.accel_biases[-1] for f in flights]
    figures["time_offset_error_ms"] = {
        "mean": 1e3 * float(np.mean(offsets)), "max": 1e3 * float(np.max(offsets))
    }  # fmt: skip
    figures["gyro_bias_error"] = float(np.sqrt(np.mean(np.square(gyro))))
    figures["accel_bias_error"] = float(np.sqrt(np.mean(np.square(accel))))
    return figures


def _fly(seed: int) -> _Flight:
    world = WorldConfig(duration=SECONDS, time_offset=TIME_OFFSET)
    poses = [rigid(R_B_C, np.array([0.05, BASELINE * (0.5 - side), 0.02])) for side in (0, 1)]
    cameras = tuple(
        Camera("pinhole", 752, 480, (458.0, 458.0, 376.0, 240.0), (), T_b_c) for T_b_c in poses
    )
    noise = ImuNoise(world.gyro_noise, world.accel_noise, world.gyro_walk, world.accel_walk)
    truth = simulate(cameras, world, seed)
    estimator = Estimator(Rig(cameras, noise), FilterConfig(prior_time_offset=PRIOR_OFFSET))
    samples, arrived = [], 0
    for seen in truth.tracks:
        while arrived < len(truth.imu_stamps_ns) and (
            truth.imu_stamps_ns[arrived] <= seen.stamp_ns + AHEAD_NS
        ):
            stamp = int(truth.imu_stamps_ns[arrived])
            estimator.add_imu(stamp, truth.gyro[arrived], truth.accel[arrived])
            arrived += 1
        samples.append(estimator.step(Tracks(**vars(seen))))
    stamps = np.array([seen.stamp_ns for seen in truth.tracks])
    usable = [sample for sample in samples if sample.status in USABLE]
    table = error_table(usable, PoseTable(stamps, truth.T_w_b), origin_of(samples))
    return _Flight(table, samples, truth)


def _scores(table: ErrorTable, name: str) -> np.ndarray:
    """Return the normalised squared errors at times that are far enough apart, from the end on."""
    errors = getattr(table, name)[::-SAMPLED][:-1]
    covariances = getattr(table, f"{name}_covariance")[::-SAMPLED][:-1] + 1e-12 * np.eye(3)
    return np.einsum("ni,ni->n", errors, np.linalg.solve(covariances, errors[..., None])[..., 0])
