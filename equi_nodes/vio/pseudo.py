"""Measurements without a sensor: a standing body does not move, and none is faster than it can."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.rotations import hat
from equi_nodes.vio.state import BODY, GYRO_BIAS, ROTATION, VELOCITY, State
from equi_nodes.vio.update import correct, passes

SPEED_SPREAD = 0.1  # m/s, of a body at its limit of speed


def stand_still(
    state: State, mean_rate: np.ndarray, rate_variance: float, spread: float, additive: bool
) -> bool:
    """Say that velocity and rotation are zero; return whether the state could agree.

    Args:
        state: is changed.
        mean_rate: (3,) of the gyro while standing, rad/s; it is the bias.
        rate_variance: of the mean, (rad/s)^2.
        spread: standard deviation of the velocity, m/s.
        additive: see ``correct``.
    """
    velocity = _velocity_jacobian(state)
    agrees = passes(state, velocity, slice(0, BODY), -state.velocity, spread**2)
    if agrees:
        H = np.zeros((6, BODY))
        H[:3], H[3:, GYRO_BIAS] = velocity, np.eye(3)
        residuals = np.concatenate([-state.velocity, mean_rate - state.gyro_bias])
        variance = np.repeat([spread**2, rate_variance], 3)
        correct(state, H, slice(0, BODY), residuals, variance, additive)
    return agrees


def limit_speed(state: State, most: float, additive: bool) -> None:
    """Pull a horizontal speed above the limit back to it; 0 is no limit. Height stays free."""
    horizontal = state.velocity * [1.0, 1.0, 0.0]
    speed = float(np.linalg.norm(horizontal))
    if most <= 0 or speed <= most:
        return
    H = (horizontal / speed)[None] @ _velocity_jacobian(state)
    residual = np.array([most - speed])
    correct(state, H, slice(0, BODY), residual, SPEED_SPREAD**2, additive)


def _velocity_jacobian(state: State) -> np.ndarray:
    """Return the derivative (3, 19) of the velocity by the invariant error."""
    H = np.zeros((3, BODY))
    H[:, ROTATION], H[:, VELOCITY] = -hat(state.velocity), np.eye(3)
    return H
