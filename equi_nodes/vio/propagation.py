"""From one time to the next by the IMU: the state, and the covariance of its invariant error.

The error is that of a left multiplication in the group of rotation, velocity and position:
R = exp(theta) R_est, v = exp(theta) v_est + rho_v, p = exp(theta) p_est + rho_p. Its transition
depends on the estimate through the biases alone, so it never learns a heading from linearising
at two different estimates.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from equi_nodes.vio.imu_buffer import ImuSpan
from equi_nodes.vio.state import BODY, State


@njit(cache=True)
def skew(v: np.ndarray) -> np.ndarray:
    """Return the (3, 3) matrix of the cross product with v (3,)."""
    return np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])


@njit(cache=True)
def rotation_integrals(phi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return exp(s phi) at s = 1, and its first and second integrals over s from 0 to 1."""
    x2 = phi @ phi
    if x2 < 1e-8:
        a, b, c, d = 1 - x2 / 6, 0.5 - x2 / 24, 1 / 6 - x2 / 120, 1 / 24 - x2 / 720
    else:
        x = np.sqrt(x2)
        a, b = np.sin(x) / x, (1 - np.cos(x)) / x2
        c, d = (1 - a) / x2, (0.5 - b) / x2
    s = skew(phi)
    s2 = s @ s
    unit = np.eye(3)
    return unit + a * s + b * s2, unit + b * s + c * s2, 0.5 * unit + c * s + d * s2


@njit(cache=True)
def integrate(
    rotation: np.ndarray,
    velocity: np.ndarray,
    position: np.ndarray,
    rates: np.ndarray,
    forces: np.ndarray,
    durations: np.ndarray,
    gravity: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rotation, velocity and position after intervals of constant rate and force."""
    down = np.array([0.0, 0.0, -gravity])
    for k in range(len(durations)):
        dt = durations[k]
        turn, first, second = rotation_integrals(rates[k] * dt)
        position = position + velocity * dt + (0.5 * down + rotation @ second @ forces[k]) * dt**2
        velocity = velocity + (down + rotation @ first @ forces[k]) * dt
        rotation = rotation @ turn
    return rotation, velocity, position


@njit(cache=True)
def transition(
    rotation: np.ndarray,
    velocity: np.ndarray,
    position: np.ndarray,
    rates: np.ndarray,
    forces: np.ndarray,
    samples: np.ndarray,
    durations: np.ndarray,
    white: np.ndarray,
    walk: np.ndarray,
    decay: float,
    gravity: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Compose the transition (19, 19) of the error over all intervals, and the noise gathered.

    Args:
        rotation, velocity, position: the state before.
        rates, forces: (K, 3) without biases.
        samples: (K, 3) the accelerometer as measured.
        durations: (K,) seconds.
        white: (K, 2) squared densities of gyro and accelerometer.
        walk: (2,) squared densities of the biases' walk.
        decay: 1/s, of the accelerometer's bias towards zero.
        gravity: m/s^2.
    """
    F, Q = np.eye(BODY), np.zeros((BODY, BODY))
    down = skew(np.array([0.0, 0.0, -gravity]))
    for k in range(len(durations)):
        dt = durations[k]
        if dt <= 0:
            continue
        turn, first, second = rotation_integrals(rates[k] * dt)
        force = rotation @ skew(forces[k])
        by_rate = -dt * (rotation @ first)
        dv, dp = (rotation @ first) * dt, (rotation @ second) * dt**2
        position = position + velocity * dt + dp @ forces[k]
        position[2] -= 0.5 * gravity * dt**2
        velocity = velocity + dv @ forces[k]
        velocity[2] -= gravity * dt
        rotation = rotation @ turn

        A = np.eye(BODY)
        A[6:9, 0:3], A[3:6, 0:3] = down * dt, down * (0.5 * dt**2)
        A[3:6, 6:9] = np.eye(3) * dt
        A[0:3, 9:12] = by_rate
        A[6:9, 9:12] = skew(velocity) @ by_rate + force * (0.5 * dt**2)
        A[3:6, 9:12] = skew(position) @ by_rate + force * (dt**3 / 6)
        A[6:9, 12:15], A[3:6, 12:15] = -dv, -dp
        A[6:9, 15:18], A[3:6, 15:18] = dv * samples[k], dp * samples[k]
        fade = np.exp(-decay * dt)
        for i in range(12, 15):
            A[i, i] = fade
        noise = np.zeros(BODY)
        noise[9:12], noise[12:15] = walk[0] * dt, walk[1] * dt
        by_gyro, by_accel = A[:9, 9:12] / dt, A[:9, 12:15] / dt
        Q = A @ Q @ A.T + np.diag(noise)
        Q[:9, :9] += (by_gyro @ by_gyro.T) * (white[k, 0] * dt)
        Q[:9, :9] += (by_accel @ by_accel.T) * (white[k, 1] * dt)
        F = A @ F
    return F, Q


class Propagation:
    """Moves a state forward in time.

    Args:
        white: densities of gyro and accelerometer, rad/s and m/s^2 per sqrt(Hz).
        walk: densities of the walk of both biases, rad/s^2 and m/s^3 per sqrt(Hz).
        decay: 1/s, of the accelerometer's bias towards zero.
        gravity: m/s^2.
        in_gap: rad/s and m/s^2 to expect where samples are missing.
    """

    def __init__(
        self,
        white: tuple[float, float],
        walk: tuple[float, float],
        decay: float,
        gravity: float,
        in_gap: tuple[float, float],
    ):
        self.white, self.gravity = np.square(white), gravity
        self._walk, self._decay, self._in_gap = np.square(walk), decay, np.square(in_gap)

    def apply(self, state: State, span: ImuSpan, end_ns: int) -> None:
        """Move mean and covariance over a span; touch the large strip of the covariance once."""
        rates, forces = corrected(state, span)
        missing = span.gaps[:, None] * self._in_gap
        F, Q = transition(
            state.rotation,
            state.velocity,
            state.position,
            rates,
            forces,
            span.accel,
            span.durations,
            self.white + missing,
            self._walk,
            self._decay,
            self.gravity,
        )
        self.move(state, span, end_ns)
        state.accel_bias = state.accel_bias * np.exp(-self._decay * span.durations.sum())
        P = state.covariance
        P[:BODY] = F @ P[:BODY]
        P[:, :BODY] = P[:, :BODY] @ F.T
        P[:BODY, :BODY] += Q

    def move(self, state: State, span: ImuSpan, end_ns: int) -> None:
        """Move the mean alone."""
        rates, forces = corrected(state, span)
        state.rotation, state.velocity, state.position = integrate(
            state.rotation,
            state.velocity,
            state.position,
            rates,
            forces,
            span.durations,
            self.gravity,
        )
        state.time_ns = end_ns


def corrected(state: State, span: ImuSpan) -> tuple[np.ndarray, np.ndarray]:
    """Return angular rates and specific forces (K, 3) without biases and scale."""
    return span.gyro - state.gyro_bias, span.accel * state.accel_scale - state.accel_bias
