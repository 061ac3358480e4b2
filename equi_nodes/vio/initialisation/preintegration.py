"""The IMU between frames, summed up once: what it says of rotation, velocity and position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from equi_nodes.geometry.rotations import exp_so3, hat
from equi_nodes.vio.imu_buffer import ImuSpan
from equi_nodes.vio.types import ImuNoise

INTEGRATION_STD = 1e-5  # m, rad, m/s: keeps the covariance of a very short interval regular


@dataclass(frozen=True)
class Preintegrated:
    """One entry per interval between two frames i, j, all in the body frame of i.

    With gravity g, duration T and the biases used:
    ``R_j = R_i R``, ``v_j = v_i + g T + R_i v``, ``p_j = p_i + v_i T + g T^2 / 2 + R_i p``.

    Attributes:
        duration: (S,) seconds.
        R: (S, 3, 3). v, p: (S, 3) m/s and m.
        R_gyro: (S, 3, 3), left perturbation of R per change of the gyro bias.
        v_gyro, v_accel, p_gyro, p_accel: (S, 3, 3), change per change of the biases.
        covariance: (S, 9, 9) of the left perturbation of R, of v and of p.
    """

    duration: np.ndarray
    R: np.ndarray
    v: np.ndarray
    p: np.ndarray
    R_gyro: np.ndarray
    v_gyro: np.ndarray
    v_accel: np.ndarray
    p_gyro: np.ndarray
    p_accel: np.ndarray
    covariance: np.ndarray

    def at(self, gyro_change: np.ndarray, accel_change: np.ndarray) -> Preintegrated:
        """Return what other biases, (3,) more than those used, would give to first order."""
        return replace(
            self,
            R=exp_so3(self.R_gyro @ gyro_change) @ self.R,
            v=self.v + self.v_gyro @ gyro_change + self.v_accel @ accel_change,
            p=self.p + self.p_gyro @ gyro_change + self.p_accel @ accel_change,
        )


def preintegrate(
    spans: Sequence[ImuSpan], gyro_bias: np.ndarray, accel_bias: np.ndarray, noise: ImuNoise
) -> Preintegrated:
    """Sum up the IMU between consecutive frames, midpoint rule, with Jacobians and covariance."""
    parts = [
        _interval(span.durations, span.gyro - gyro_bias, span.accel - accel_bias, noise)
        for span in spans
    ]
    return Preintegrated(*(np.stack(column) for column in zip(*parts)))


def _interval(dt: np.ndarray, gyro: np.ndarray, accel: np.ndarray, noise: ImuNoise) -> tuple:
    """Integrate one interval; sums over samples replace the usual recursion."""
    step, half = exp_so3(gyro * dt[:, None]), exp_so3(gyro * dt[:, None] / 2)
    R = np.empty((len(dt) + 1, 3, 3))
    R[0] = np.eye(3)
    for k, turn in enumerate(step):
        R[k + 1] = R[k] @ turn
    middle = R[:-1] @ half
    dt3 = dt[:, None, None]
    f = np.einsum("kij,kj->ki", middle, accel)
    v, p = _twice_summed(f, dt)
    R_gyro = _from_zero(-middle * dt3)
    f_gyro = -hat(f) @ ((R_gyro[1:] + R_gyro[:-1]) / 2)
    v_gyro, p_gyro = _twice_summed(f_gyro, dt)
    v_accel, p_accel = _twice_summed(-middle, dt)
    covariance = _covariance(v, p, dt, noise)
    jacobians = (R_gyro[-1], v_gyro[-1], v_accel[-1], p_gyro[-1], p_accel[-1])
    return (dt.sum(), R[-1], v[-1], p[-1], *jacobians, covariance)


def _from_zero(increments: np.ndarray) -> np.ndarray:
    """Return the running sum along the first axis, beginning with zero."""
    return np.concatenate([np.zeros_like(increments[:1]), np.cumsum(increments, 0)])


def _twice_summed(rate: np.ndarray, dt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Integrate a rate once and twice over the steps dt: (M + 1, ...) each."""
    dt = dt.reshape(-1, *[1] * (rate.ndim - 1))
    once = _from_zero(rate * dt)
    return once, _from_zero(once[:-1] * dt + rate * dt**2 / 2)


def _covariance(v: np.ndarray, p: np.ndarray, dt: np.ndarray, noise: ImuNoise) -> np.ndarray:
    """Return (9, 9): each sample's noise carried to the end of the interval."""
    left = (dt.sum() - np.cumsum(dt))[:, None]  # seconds after each sample
    eye = np.broadcast_to(np.eye(3), (len(dt), 3, 3))
    by_gyro = np.concatenate([eye, -hat(v[-1] - v[1:]), -hat(p[-1] - p[1:] - v[1:] * left)], 1)
    by_accel = np.concatenate([0 * eye, eye, eye * (left + dt[:, None] / 2)[..., None]], 1)
    total = np.einsum("k,kia,kja->ij", noise.gyro**2 * dt, by_gyro, by_gyro)
    total += np.einsum("k,kia,kja->ij", noise.accel**2 * dt, by_accel, by_accel)
    return total + INTEGRATION_STD**2 * np.eye(9)
