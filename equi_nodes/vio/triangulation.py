"""A world point from the rays of all views that saw it: linear start, then Gauss-Newton."""

from __future__ import annotations

import numpy as np
from numba import njit

OK, DIVERGED, BEHIND, NO_PARALLAX = 0, 1, 2, 3
ITERATIONS = 10
CONVERGED = 1e-3  # largest relative change of the squared error in the last iteration
SMALLEST_DEPTH = 0.05  # m
CONDITION = 1e-8  # least determinant of the scaled normal equations


@njit(cache=True)
def triangulate(
    rotations: np.ndarray,
    centres: np.ndarray,
    focal_scales: np.ndarray,
    points: np.ndarray,
    whitening: np.ndarray,
) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
    """Find the point that explains the views best; its coordinates are those of view 0.

    Args:
        rotations: (V, 3, 3) camera to world of each view.
        centres: (V, 3) of each camera in the world.
        focal_scales: (V,) factor on the projection.
        points: (V, 2) normalised points.
        whitening: (V, 3) entries 00, 10, 11 of the factor that whitens a point's noise.

    Returns:
        ``OK`` or what went wrong; the world point (3,); whitened residuals (2 V,); their
        derivative (2 V, 3) by direction and inverse depth.
    """
    views = len(points)
    to_first = rotations[0].T
    residuals, E = np.zeros(2 * views), np.zeros((2 * views, 3))
    start = to_first @ (_nearest_to_rays(rotations, centres, focal_scales, points) - centres[0])
    if start[2] < SMALLEST_DEPTH:
        return BEHIND, start, residuals, E
    x = np.array([start[0] / start[2], start[1] / start[2], 1 / start[2]])
    error = _linearise(x, rotations, centres, focal_scales, points, whitening, residuals, E)
    code = DIVERGED
    for _ in range(ITERATIONS):
        normal = E.T @ E
        scale = normal[0, 0] * normal[1, 1] * normal[2, 2]
        if not np.linalg.det(normal) > CONDITION * scale or error < 0:
            return (BEHIND if error < 0 else NO_PARALLAX), start, residuals, E
        x = x + np.linalg.solve(normal, E.T @ residuals)
        before = error
        error = _linearise(x, rotations, centres, focal_scales, points, whitening, residuals, E)
        if error >= 0 and abs(before - error) <= CONVERGED * (error + 1e-3):
            code = OK
            break
    if error < 0 or x[2] <= 0:
        return BEHIND, start, residuals, E
    direction = np.array([x[0], x[1], 1.0])
    return code, centres[0] + rotations[0] @ direction / x[2], residuals, E


@njit(cache=True)
def _nearest_to_rays(
    rotations: np.ndarray, centres: np.ndarray, focal_scales: np.ndarray, points: np.ndarray
) -> np.ndarray:
    """Return the world point with the least squared distance to all rays."""
    A, b = np.zeros((3, 3)), np.zeros(3)
    for v in range(len(points)):
        z = points[v] / focal_scales[v]
        ray = rotations[v] @ np.array([z[0], z[1], 1.0])
        ray /= np.sqrt(ray @ ray)
        off = np.eye(3) - np.outer(ray, ray)
        A += off
        b += off @ centres[v]
    A += 1e-12 * np.eye(3)  # rays may be parallel: then far away along them
    return np.linalg.solve(A, b)


@njit(cache=True)
def _linearise(
    x: np.ndarray,
    rotations: np.ndarray,
    centres: np.ndarray,
    focal_scales: np.ndarray,
    points: np.ndarray,
    whitening: np.ndarray,
    residuals: np.ndarray,
    E: np.ndarray,
) -> float:
    """Fill residuals and derivative; return the squared error, -1 if behind a camera."""
    error = 0.0
    direction = rotations[0] @ np.array([x[0], x[1], 1.0])
    D, J = np.zeros((2, 3)), np.zeros((3, 3))
    for v in range(len(points)):
        to_camera = rotations[v].T
        shift = to_camera @ (centres[0] - centres[v])
        m = to_camera @ direction + x[2] * shift
        if m[2] < 1e-3:
            return -1.0
        h = m[:2] / m[2]
        f, w = focal_scales[v], whitening[v]
        D[0, 0], D[0, 2] = w[0], -w[0] * h[0]
        D[1, 0], D[1, 1], D[1, 2] = w[1], w[2], -w[1] * h[0] - w[2] * h[1]
        J[:, :2] = to_camera @ rotations[0][:, :2]
        J[:, 2] = shift
        E[2 * v : 2 * v + 2] = (D @ J) * (f / m[2])
        off = points[v] - f * h
        residuals[2 * v] = w[0] * off[0]
        residuals[2 * v + 1] = w[1] * off[0] + w[2] * off[1]
        error += residuals[2 * v] ** 2 + residuals[2 * v + 1] ** 2
    return error
