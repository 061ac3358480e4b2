"""The normal equations of all views of a window, view by view."""

from __future__ import annotations

import numpy as np
from numba import njit

HUBER = 2.0  # standard deviations, beyond which a residual counts linearly
NEAREST = 0.05  # m: least depth of a landmark in its first view
BEHIND = NEAREST / 2  # m: a landmark less deep in another view cannot be seen there
BEHIND_RESIDUAL = 1e3  # standard deviations that such a view is said to be off


@njit(cache=True)
def _derive(
    R: np.ndarray,
    T_b_c: np.ndarray,
    c: np.ndarray,
    arm: np.ndarray,
    by_parameters: np.ndarray,
    spread: float,
    J: np.ndarray,
) -> None:
    """Fill the derivative (2, 9) of a whitened point by rotation, position and landmark."""
    g = np.empty(3)
    for i in range(2):
        for a in range(3):
            g[a] = 0.0
            for b in range(3):
                g[a] += R[a, b] * (T_b_c[b, i] - c[i] / c[2] * T_b_c[b, 2]) / (c[2] * spread)
        J[i, 0] = g[1] * arm[2] - g[2] * arm[1]
        J[i, 1] = g[2] * arm[0] - g[0] * arm[2]
        J[i, 2] = g[0] * arm[1] - g[1] * arm[0]
        for a in range(3):
            J[i, 3 + a] = -g[a]
            J[i, 6 + a] = 0.0
            for b in range(3):
                J[i, 6 + a] += g[b] * by_parameters[b, a]


# With its types given it is compiled at import, not in the frame in which a start is found.
@njit(
    "Tuple((f8[::1], f8))(i8[:], i8[:], f8[:,:], f8[:], f8[:,:,:], f8[:,:], f8[:,:], f8[:,:],"
    "f8[:,:,:], f8[:,:,::1], f8[:,::1], f8[:,:,::1], f8[:,::1], f8[:,:,:,::1])",
    cache=True,
)
def add_views(
    frame: np.ndarray,
    landmark: np.ndarray,
    points: np.ndarray,
    spread: np.ndarray,
    R: np.ndarray,
    p: np.ndarray,
    T_b_c: np.ndarray,
    landmarks: np.ndarray,
    by_parameters: np.ndarray,
    xx: np.ndarray,
    x: np.ndarray,
    ll: np.ndarray,
    l: np.ndarray,  # noqa: E741
    xl: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Add every view where its frame and its landmark stand.

    Args:
        frame, landmark: (M,) of each view. points: (M, 2). spread: (M,).
        R, p: (K, 3, 3) and (K, 3), body to world.
        T_b_c: (4, 4).
        landmarks: (L, 3) in the world. by_parameters: (L, 3, 3) their derivative.
        xx, x: (K, 6, 6) and (K, 6), by the rotation and position of each frame; added to.
        ll, l: (L, 3, 3) and (L, 3), by the parameters of each landmark; added to.
        xl: (K, 6, L, 3) by both; added to.

    Returns:
        The residuals (M,) in standard deviations, and the robust cost.
    """
    lengths, cost = np.empty(len(frame)), 0.0
    c, J, r = np.empty(3), np.empty((2, 9)), np.empty(2)
    for m in range(len(frame)):
        k, j = frame[m], landmark[m]
        arm = landmarks[j] - p[k]
        for i in range(3):
            c[i] = 0.0
            for a in range(3):
                in_body = R[k, 0, a] * arm[0] + R[k, 1, a] * arm[1] + R[k, 2, a] * arm[2]
                c[i] += T_b_c[a, i] * (in_body - T_b_c[a, 3])
        if c[2] <= BEHIND:
            lengths[m] = BEHIND_RESIDUAL
            cost += 2 * HUBER * BEHIND_RESIDUAL - HUBER**2
            continue
        for i in range(2):
            r[i] = (points[m, i] - c[i] / c[2]) / spread[m]
        length = np.sqrt(r[0] ** 2 + r[1] ** 2)
        lengths[m] = length
        cost += length**2 if length < HUBER else 2 * HUBER * length - HUBER**2
        weight = 1.0 if length < HUBER else HUBER / length
        _derive(R[k], T_b_c, c, arm, by_parameters[j], spread[m], J)
        for i in range(2):
            for a in range(6):
                x[k, a] += weight * J[i, a] * r[i]
                for b in range(6):
                    xx[k, a, b] += weight * J[i, a] * J[i, b]
                for b in range(3):
                    xl[k, a, j, b] += weight * J[i, a] * J[i, 6 + b]
            for a in range(3):
                l[j, a] += weight * J[i, 6 + a] * r[i]
                for b in range(3):
                    ll[j, a, b] += weight * J[i, 6 + a] * J[i, 6 + b]
    return lengths, cost
