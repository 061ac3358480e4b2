"""Velocity, gravity and landmarks in one linear system, once the rotations are known.

With rotations from the gyro, the position of every frame is linear in the first velocity and in
gravity, and a landmark must lie on the ray of every view of it. Only the length of gravity is
quadratic; that one constraint is met exactly by its secular equation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.geometry.rotations import hat
from equi_nodes.vio.initialisation.gyro_bias import rotations_from_first
from equi_nodes.vio.initialisation.preintegration import Preintegrated
from equi_nodes.vio.initialisation.window import Observations, sum_by

REWEIGHTINGS = 3
NEAREST = 0.05  # m: no landmark's ray is weighted as if it were nearer


@dataclass(frozen=True)
class Motion:
    """The body over the window, in the frame of the body at its first frame.

    Attributes:
        R: (K, 3, 3). p: (K, 3) m. v: (K, 3) m/s.
        gravity: (3,) m/s^2, pointing down.
        landmarks: (L, 3) m.
    """

    R: np.ndarray
    p: np.ndarray
    v: np.ndarray
    gravity: np.ndarray
    landmarks: np.ndarray


def solve_motion(
    observations: Observations, imu: Preintegrated, T_b_c: np.ndarray, gravity: float
) -> Motion:
    """Solve for velocity, gravity of the given length and landmarks.

    Raises:
        numpy.linalg.LinAlgError: the views do not fix them.
    """
    R, _ = rotations_from_first(imu)
    times, v_imu, p_imu = _since_first(imu, R)
    camera = p_imu + R @ T_b_c[:3, 3]
    rays = np.einsum("mij,mj->mi", (R @ T_b_c[:3, :3])[observations.frame], observations.rays)
    distance = np.ones(len(rays))
    for _ in range(REWEIGHTINGS):
        weight = 1.0 / (observations.spread * np.maximum(distance, NEAREST)) ** 2
        v0, g, landmarks = _solve(observations, rays, camera, times, weight, gravity)
        p = v0 * times[:, None] + g * times[:, None] ** 2 / 2
        offset = landmarks[observations.landmark] - (p + camera)[observations.frame]
        distance = np.linalg.norm(offset, axis=1)
    return Motion(R, p + p_imu, v0 + g * times[:, None] + v_imu, g, landmarks)


def _since_first(imu: Preintegrated, R: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return times (K,) and the IMU's part of velocity and position (K, 3) without gravity."""
    times, v, p = [0.0], [np.zeros(3)], [np.zeros(3)]
    for k, duration in enumerate(imu.duration):
        p.append(p[-1] + v[-1] * duration + R[k] @ imu.p[k])
        v.append(v[-1] + R[k] @ imu.v[k])
        times.append(times[-1] + duration)
    return np.array(times), np.stack(v), np.stack(p)


def _solve(
    observations: Observations,
    rays: np.ndarray,
    camera: np.ndarray,
    times: np.ndarray,
    weight: np.ndarray,
    gravity: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eliminate the landmarks, then the velocity, then find gravity of the right length."""
    rows = observations.landmark
    across = weight[:, None, None] * (hat(rays).transpose(0, 2, 1) @ hat(rays))
    t = times[observations.frame]
    # Landmark minus camera, seen across the ray, is zero: across (X - v t - g t^2/2 - c) = 0.
    basis = np.concatenate([np.eye(3)[None] * t[:, None, None], across * 0], 2)
    basis[:, :, 3:] = np.eye(3) * (t**2 / 2)[:, None, None]
    c = camera[observations.frame]
    seen = across @ basis
    XX, Xy = sum_by(rows, across)[1], sum_by(rows, seen)[1]
    Xc = sum_by(rows, np.einsum("mij,mj->mi", across, c))[1]
    inverse = np.linalg.inv(XX + 1e-9 * np.trace(XX, axis1=1, axis2=2)[:, None, None] * np.eye(3))
    A = np.einsum("mki,mkj->ij", basis, seen) - np.einsum("lki,lkm,lmj->ij", Xy, inverse, Xy)
    b = -np.einsum("mki,mk->i", seen, c) + np.einsum("lki,lkm,lm->i", Xy, inverse, Xc)
    velocity_from = np.linalg.solve(A[:3, :3], np.column_stack([A[:3, 3:], b[:3]]))
    reduced = A[3:, 3:] - A[3:, :3] @ velocity_from[:, :3]
    g = _of_length(reduced, b[3:] - A[3:, :3] @ velocity_from[:, 3], gravity)
    v = velocity_from[:, 3] - velocity_from[:, :3] @ g
    X = np.einsum("lij,lj->li", inverse, Xc + Xy @ np.concatenate([v, g]))
    return v, g, X


def _of_length(A: np.ndarray, b: np.ndarray, length: float) -> np.ndarray:
    """Return the x of that length with least x'Ax - 2b'x, A (3, 3) symmetric."""
    values, vectors = np.linalg.eigh(A)
    b = vectors.T @ b
    low, high = -values[0], -values[0] + np.linalg.norm(b) / length + 1e-12 * abs(values[-1])
    for _ in range(100):  # |x| falls with the multiplier
        middle = (low + high) / 2
        if np.linalg.norm(b / np.maximum(values + middle, 1e-300)) > length:
            low = middle
        else:
            high = middle
    x = vectors @ (b / np.maximum(values + high, 1e-300))
    return x * (length / np.linalg.norm(x))
