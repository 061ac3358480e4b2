"""Rotations and rigid transforms in three dimensions, vectorised over leading axes.

``R_a_b`` and ``T_a_b`` map points of frame b into frame a. Quaternions are (x, y, z, w).
"""

from __future__ import annotations

import numpy as np

SMALL = 1e-4  # rad, below it the series are exact in float64 to the terms taken


def hat(v: np.ndarray) -> np.ndarray:
    """Return the (..., 3, 3) matrices of the cross product with v (..., 3)."""
    v = np.asarray(v, np.float64)
    out = np.zeros((*v.shape, 3))
    out[..., 0, 1], out[..., 0, 2], out[..., 1, 2] = -v[..., 2], v[..., 1], -v[..., 0]
    return out - np.swapaxes(out, -1, -2)


def exp_so3(phi: np.ndarray) -> np.ndarray:
    """Return the rotations (..., 3, 3) of rotation vectors (..., 3), rad."""
    a, b, _ = _coefficients(phi)
    skew = hat(phi)
    return np.eye(3) + a * skew + b * (skew @ skew)


def log_so3(R: np.ndarray) -> np.ndarray:
    """Return the rotation vectors (..., 3) of rotations (..., 3, 3), angle at most pi."""
    q = quaternion(R)
    q = np.where(q[..., 3:] < 0, -q, q)
    sine = np.linalg.norm(q[..., :3], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., 3:])
    return np.where(sine > 1e-9, angle / np.where(sine > 1e-9, sine, 1.0), 2.0) * q[..., :3]


def left_jacobian(phi: np.ndarray) -> np.ndarray:
    """Return J (..., 3, 3) with exp(phi + d) = exp(J d) exp(phi) to first order."""
    _, b, c = _coefficients(phi)
    skew = hat(phi)
    return np.eye(3) + b * skew + c * (skew @ skew)


def right_jacobian(phi: np.ndarray) -> np.ndarray:
    """Return J (..., 3, 3) with exp(phi + d) = exp(phi) exp(J d) to first order."""
    return left_jacobian(-np.asarray(phi, np.float64))


def rotation(quaternions: np.ndarray) -> np.ndarray:
    """Return the matrices (..., 3, 3) of quaternions (..., 4), which need not be unit."""
    q = np.asarray(quaternions, np.float64)
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    skew = hat(q[..., :3])
    return np.eye(3) + 2 * q[..., 3, None, None] * skew + 2 * (skew @ skew)


def quaternion(R: np.ndarray) -> np.ndarray:
    """Return the unit quaternions (..., 4) of rotations (..., 3, 3).

    Of the four ways to compute one, each row takes that with the largest divisor.
    """
    R = np.asarray(R, np.float64)
    xx, yy, zz = R[..., 0, 0], R[..., 1, 1], R[..., 2, 2]
    x, y, z = (
        R[..., 2, 1] - R[..., 1, 2],
        R[..., 0, 2] - R[..., 2, 0],
        R[..., 1, 0] - R[..., 0, 1],
    )
    xy, xz, yz = (
        R[..., 0, 1] + R[..., 1, 0],
        R[..., 0, 2] + R[..., 2, 0],
        R[..., 1, 2] + R[..., 2, 1],
    )
    ways = np.stack(
        [
            np.stack([1 + xx - yy - zz, xy, xz, x], -1),
            np.stack([xy, 1 - xx + yy - zz, yz, y], -1),
            np.stack([xz, yz, 1 - xx - yy + zz, z], -1),
            np.stack([x, y, z, 1 + xx + yy + zz], -1),
        ],
        -2,
    )
    best = np.argmax(np.diagonal(ways, axis1=-2, axis2=-1), -1)
    q = np.take_along_axis(ways, best[..., None, None], -2)[..., 0, :]
    return q / np.linalg.norm(q, axis=-1, keepdims=True)


def shortest_rotation(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the smallest rotation (3, 3) that turns direction source (3,) into target (3,)."""
    source, target = source / np.linalg.norm(source), target / np.linalg.norm(target)
    axis = np.cross(source, target)
    sine, cosine = np.linalg.norm(axis), float(source @ target)
    if sine < 1e-9:
        if cosine > 0:
            return np.eye(3)
        axis, sine = np.cross(source, np.eye(3)[np.argmin(np.abs(source))]), 1.0
        axis = axis / np.linalg.norm(axis)
    return exp_so3(axis / sine * np.arctan2(np.linalg.norm(np.cross(source, target)), cosine))


def rigid(R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the transforms (..., 4, 4) of rotations (..., 3, 3) and positions (..., 3)."""
    R, t = np.asarray(R, np.float64), np.asarray(t, np.float64)
    T = np.zeros((*R.shape[:-2], 4, 4))
    T[..., :3, :3], T[..., :3, 3], T[..., 3, 3] = R, t, 1.0
    return T


def inverse(T: np.ndarray) -> np.ndarray:
    """Return T_b_a (..., 4, 4) of T_a_b (..., 4, 4)."""
    R_b_a = np.swapaxes(T[..., :3, :3], -1, -2)
    return rigid(R_b_a, -(R_b_a @ T[..., :3, 3, None])[..., 0])


def transform(T: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points (..., N, 3) of frame b into frame a by T_a_b (..., 4, 4)."""
    return points @ np.swapaxes(T[..., :3, :3], -1, -2) + T[..., None, :3, 3]


def rigid_fit(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the transform (4, 4) that brings points (N, 3) nearest to others, by least squares."""
    centre, middle = source.mean(axis=0), target.mean(axis=0)
    U, _, Vt = np.linalg.svd((target - middle).T @ (source - centre))
    R = U @ np.diag((1.0, 1.0, np.linalg.det(U @ Vt))) @ Vt
    return rigid(R, middle - R @ centre)


def yaw_of(T: np.ndarray) -> float:
    """Return the heading of a rotation (3, 3) or transform (4, 4), rad."""
    return float(np.arctan2(T[1, 0] - T[0, 1], T[0, 0] + T[1, 1]))


def level_tie(T_w_b: np.ndarray, T_a_b: np.ndarray) -> np.ndarray:
    """Return T_w_a (4, 4) that turns about the vertical alone and ties two poses of one body.

    The body's position in ``a`` comes to lie exactly on that in ``w``; its heading does as
    far as a turn about the vertical can bring it there.
    """
    heading = yaw_of(T_w_b[:3, :3] @ T_a_b[:3, :3].T)
    cosine, sine = np.cos(heading), np.sin(heading)
    R_w_a = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    return rigid(R_w_a, T_w_b[:3, 3] - R_w_a @ T_a_b[:3, 3])


def _coefficients(phi: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return sin(x)/x, (1 - cos x)/x^2 and (x - sin x)/x^3 of the angles, each (..., 1, 1)."""
    x = np.linalg.norm(np.asarray(phi, np.float64), axis=-1)[..., None, None]
    small = x < SMALL
    safe = np.where(small, 1.0, x)
    a = np.where(small, 1 - x**2 / 6, np.sin(safe) / safe)
    b = np.where(small, 0.5 - x**2 / 24, 2 * np.sin(safe / 2) ** 2 / safe**2)
    c = np.where(small, 1 / 6 - x**2 / 120, (safe - np.sin(safe)) / safe**3)
    return a, b, c
