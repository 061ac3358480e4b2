"""Walking people as points that keep their velocity, one Kalman filter each, all at once.

A state is (x, y, vx, vy). What people do besides is white acceleration.
"""

from __future__ import annotations

import numpy as np


def predicted(
    states: np.ndarray, covariances: np.ndarray, dt: float, acceleration: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return states (K, 4) and covariances (K, 4, 4) after ``dt`` seconds.

    Args:
        states: (K, 4) metres and m/s.
        covariances: (K, 4, 4).
        dt: seconds, not negative.
        acceleration: density of the white acceleration, m/s^2/sqrt(Hz).
    """
    step = np.kron([[1.0, dt], [0.0, 1.0]], np.eye(2))
    spread = np.kron([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]], np.eye(2)) * acceleration**2
    return states @ step.T, step @ covariances @ step.T + spread


def seen_as(ages: np.ndarray) -> np.ndarray:
    """Return what is measured of states (D, 2, 4): where they were ``ages`` (D,) seconds ago."""
    return np.concatenate(
        [np.broadcast_to(np.eye(2), (len(ages), 2, 2)), -ages[:, None, None] * np.eye(2)], -1
    )


def corrected(
    states: np.ndarray,
    covariances: np.ndarray,
    measured: np.ndarray,
    noise: np.ndarray,
    of_state: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return states (K, 4) and covariances (K, 4, 4) after one measurement each.

    Args:
        states: (K, 4) metres and m/s.
        covariances: (K, 4, 4).
        measured: (K, 2) metres.
        noise: (K, 2, 2) m^2.
        of_state: (K, 2, 4) from states to measurements.
    """
    differences, expected = innovations(states, covariances, measured, noise, of_state)
    gain = np.linalg.solve(expected, of_state @ covariances).swapaxes(-1, -2)
    rest = np.eye(4) - gain @ of_state
    # Joseph's form keeps the covariance symmetric and positive whatever is rounded.
    kept = rest @ covariances @ rest.swapaxes(-1, -2) + gain @ noise @ gain.swapaxes(-1, -2)
    return states + (gain @ differences[..., None])[..., 0], (kept + kept.swapaxes(-1, -2)) / 2


def innovations(
    states: np.ndarray,
    covariances: np.ndarray,
    measured: np.ndarray,
    noise: np.ndarray,
    of_state: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much measurements (..., 2) differ from states, and the covariances of that.

    Arguments are those of ``corrected``; leading axes are broadcast.
    """
    differences = measured - (of_state @ states[..., None])[..., 0]
    return differences, of_state @ covariances @ of_state.swapaxes(-1, -2) + noise
