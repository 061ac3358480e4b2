"""Starting in motion with one camera: scale, gravity, velocity and biases from a few seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from equi_nodes.config.vio import InitialiserConfig
from equi_nodes.geometry.rotations import rigid, shortest_rotation
from equi_nodes.vio.imu_buffer import ImuSpan
from equi_nodes.vio.initialisation.closed_form import Motion, solve_motion
from equi_nodes.vio.initialisation.gyro_bias import GyroBias, rotations_from_first
from equi_nodes.vio.initialisation.preintegration import Preintegrated, preintegrate
from equi_nodes.vio.initialisation.refinement import (
    POSE,
    Problem,
    Refined,
    Solution,
    anchored,
    refine,
)
from equi_nodes.vio.initialisation.window import Observations, shared
from equi_nodes.vio.state import InitialState, Waiting
from equi_nodes.vio.types import Rig

IMAGE_FACTOR = 2.0  # on the spread of points: the errors of one track are alike from view to view
IMU_FACTOR = 3.0  # on its noise: scale and crossed axes of real sensors, which are not white
OUTLIER = 3.5  # standard deviations of one view
FEWEST_LANDMARKS = 15
ROUGHLY, SETTLED = 1e-3, 1e-6  # relative change of the cost: to find outliers, and at last
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class BiasPrior:
    """What is known of the biases before: means (3,) and covariances (3, 3)."""

    gyro: np.ndarray
    gyro_covariance: np.ndarray
    accel: np.ndarray
    accel_covariance: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        """Return (6,) of gyro and accelerometer bias."""
        return np.concatenate([self.gyro, self.accel])

    @property
    def information(self) -> np.ndarray:
        """Return (6, 6) of gyro and accelerometer bias."""
        information = np.zeros((6, 6))
        information[:3, :3] = np.linalg.inv(self.gyro_covariance)
        information[3:, 3:] = np.linalg.inv(self.accel_covariance)
        return information


def start_in_motion(
    observations: Observations,
    imu: Sequence[ImuSpan],
    still: np.ndarray,
    rig: Rig,
    prior: BiasPrior,
    config: InitialiserConfig,
    gravity: float,
) -> InitialState | Waiting:
    """Find the state at the last frame of a window, or say why it cannot be found yet.

    Args:
        observations: K frames. imu: between them.
        still: (K,) whether the body stood still at each frame.
        rig: the first camera is used. prior: of the biases.
        config: the user's settings.
        gravity: m/s^2.
    """
    if observations.landmarks < FEWEST_LANDMARKS:
        seen = observations.landmarks
        return Waiting(f"too few features: {seen} of {FEWEST_LANDMARKS} seen in several frames")
    camera, noise = rig.cameras[0], rig.imu_noise
    T_b_c = camera.T_b_c
    observations = replace(observations, spread=IMAGE_FACTOR * observations.spread)
    noise = replace(noise, gyro=IMU_FACTOR * noise.gyro, accel=IMU_FACTOR * noise.accel)
    summed = preintegrate(imu, prior.gyro, prior.accel, noise)
    solver = GyroBias(observations, summed, T_b_c[:3, :3])
    bias = prior.gyro + solver.solve(np.zeros(3), np.linalg.inv(prior.gyro_covariance))[0]
    summed = preintegrate(imu, bias, prior.accel, noise)
    parallax = median_parallax(observations, rotations_from_first(summed)[0], T_b_c) * camera.focal
    if parallax < config.min_parallax:
        return Waiting(f"not enough motion: parallax {parallax:.1f} px of {config.min_parallax:g}")
    try:
        motion = solve_motion(observations, summed, T_b_c, gravity)
        refined = _refine(observations, summed, still, rig, prior, motion, bias, config, gravity)
    except np.linalg.LinAlgError:
        return Waiting("not enough motion: the images do not fix velocity and gravity")
    return _refusal(refined, prior, config) or _state(observations.stamps[-1], refined, config)


def median_parallax(observations: Observations, R: np.ndarray, T_b_c: np.ndarray) -> float:
    """Return how far landmarks moved from the first to the last frame, the rotation taken out.

    In units of normalised points; zero if fewer than ``FEWEST_LANDMARKS`` are seen in both.
    """
    for first in range(observations.frames - 1):
        a, b = shared(observations, first, observations.frames - 1)
        if len(a) >= FEWEST_LANDMARKS:
            R_w_c = R @ T_b_c[:3, :3]
            turned = observations.rays[a] @ (R_w_c[-1].T @ R_w_c[first]).T
            moved = turned[:, :2] / turned[:, 2:] - observations.points[b]
            return float(np.median(np.linalg.norm(moved, axis=1)))
    return 0.0


def _refine(
    observations: Observations,
    imu: Preintegrated,
    still: np.ndarray,
    rig: Rig,
    prior: BiasPrior,
    motion: Motion,
    gyro_bias: np.ndarray,
    config: InitialiserConfig,
    gravity: float,
) -> Refined:
    """Turn the closed form's motion upright and refine it, outliers taken out between."""
    upright = shortest_rotation(-motion.gravity, UP)
    biases = np.concatenate([gyro_bias, prior.accel])
    problem = Problem(
        observations, imu, rig.cameras[0].T_b_c, -gravity * UP,
        biases, prior.mean, prior.information, still, config.still_spread,
    )  # fmt: skip
    R, p = upright @ motion.R, (motion.p - motion.p[-1]) @ upright.T
    landmarks = (motion.landmarks - motion.p[-1]) @ upright.T
    state = R, p, motion.v @ upright.T, biases
    refined = refine(
        problem, Solution(*state, *anchored(problem, R, p, landmarks)), config.iterations, ROUGHLY
    )
    kept = observations.only(refined.residual < OUTLIER)
    if kept.landmarks < FEWEST_LANDMARKS:
        return refined
    problem = replace(problem, observations=kept)
    left = np.unique(observations.landmark[_rows_of(observations, kept)])
    found = refined.solution
    anchors = anchored(problem, found.R, found.p, found.landmarks[left])
    start = replace(found, anchor_R=anchors[0], anchor_p=anchors[1], inverse=anchors[2])
    return refine(problem, start, config.iterations, SETTLED)


def _rows_of(observations: Observations, kept: Observations) -> np.ndarray:
    """Return the rows of observations that were kept."""
    names = {(k, *point) for k, point in zip(kept.frame, kept.points.tolist())}
    rows = zip(observations.frame, observations.points.tolist())
    return np.array([(k, *point) in names for k, point in rows])


def _refusal(refined: Refined, prior: BiasPrior, config: InitialiserConfig) -> Waiting | None:
    """Return why a solution cannot be trusted, None if it can."""
    if not refined.settled:
        return Waiting("not enough motion: no state explains images and IMU yet")
    spread = config.inflation * scale_spread(refined)
    if not spread < config.max_scale_spread:
        return Waiting(
            f"not enough motion: scale known to {100 * spread:.0f} % "
            f"of {100 * config.max_scale_spread:g} %"
        )
    image = float(np.sqrt(np.mean(np.minimum(refined.residual, OUTLIER) ** 2) / 2))
    if image > config.max_residual:
        return Waiting(f"images and IMU disagree: {image:.1f} standard deviations in the images")
    if refined.imu_residual > config.max_residual:
        return Waiting(
            f"images and IMU disagree: {refined.imu_residual:.1f} standard deviations in the IMU"
        )
    return None


def scale_spread(refined: Refined) -> float:
    """Return the standard deviation of the scale: of the window's size, relative to it."""
    K = len(refined.solution.R)
    rows = (POSE * np.arange(K)[:, None] + np.arange(3, 6)).reshape(-1)
    p = refined.solution.p.reshape(-1)
    length = p @ p
    return float(np.sqrt(p @ refined.covariance[np.ix_(rows, rows)] @ p) / length)


def _state(stamp_ns: int, refined: Refined, config: InitialiserConfig) -> InitialState:
    """Return the state of the last frame with its covariance, inflated by bad residuals."""
    found = refined.solution
    K = len(found.R)
    rows = np.concatenate([POSE * (K - 1) + np.arange(9), POSE * K + np.arange(6)])
    image = float(np.mean(np.minimum(refined.residual, OUTLIER) ** 2) / 2)
    inflation = config.inflation**2 * max(1.0, image, refined.imu_residual**2)
    covariance = inflation * refined.covariance[np.ix_(rows, rows)]
    return InitialState(
        stamp_ns=int(stamp_ns),
        T_w_b=rigid(found.R[-1], found.p[-1]),
        velocity=found.v[-1],
        gyro_bias=found.biases[:3],
        accel_bias=found.biases[3:],
        covariance=(covariance + covariance.T) / 2,
    )
