"""Which features move together: seeded sampling of rotations, poses and epipolar geometries."""

from __future__ import annotations

import cv2
import numpy as np

from equi_nodes.vio.flow import rays

FEWEST = 8  # features of which a common motion can be told
LEAST_SHARE = 0.3  # that a common motion must explain
ROTATES = 0.9  # share that a rotation explains, from which no translation is sought
SHORTEST = 1e-3  # m; a shorter way has no direction


def rotation_inliers(
    before: np.ndarray, now: np.ndarray, limit: float, rounds: int, generator: np.random.Generator
) -> np.ndarray:
    """Return (N,) bool: the features that the best rotation explains.

    Args:
        before, now: (N, 2) normalised points.
        limit: radians.
        rounds: pairs of features drawn.
        generator: draws them.
    """
    count = len(before)
    if count < FEWEST:
        return np.zeros(count, bool)
    a, b = rays(before), rays(now)
    first = generator.integers(0, count, rounds)
    second = (first + generator.integers(1, count, rounds)) % count
    rotations = _axes(b[first], b[second]) @ np.swapaxes(_axes(a[first], a[second]), 1, 2)
    turned = rotations @ a.T  # (rounds, 3, N)
    near = np.square(turned - b.T).sum(1) < limit**2
    return near[near.sum(1).argmax()]


def pose_inliers(
    landmarks: np.ndarray, before: np.ndarray, now: np.ndarray, limit: float, rounds: int
) -> np.ndarray | None:
    """Return (N,) bool: the features that one motion of the camera explains, None if none does.

    Args:
        landmarks: (N, 3) metres in the camera's earlier frame; NaN where unknown.
        before, now: (N, 2) normalised points.
        limit: of the distance of normalised points.
        rounds: triples of features drawn.
    """
    known = np.isfinite(landmarks).all(1)
    if known.sum() < FEWEST:
        return None
    cv2.setRNGSeed(0)
    done, rotation, t, inliers = cv2.solvePnPRansac(
        landmarks[known],
        now[known],
        np.eye(3),
        None,
        iterationsCount=rounds,
        reprojectionError=limit,
        confidence=0.999,
        flags=cv2.SOLVEPNP_AP3P,
    )
    if not done or inliers is None or len(inliers) < LEAST_SHARE * known.sum():
        return None
    good = _near_epipolar(before, now, cv2.Rodrigues(rotation)[0], t.ravel(), limit)
    good[known] = False
    good[np.flatnonzero(known)[inliers.ravel()]] = True
    return good


def essential_inliers(before: np.ndarray, now: np.ndarray, limit: float) -> np.ndarray | None:
    """Return (N,) bool: the features that one epipolar geometry explains, None if none does.

    Args:
        before, now: (N, 2) normalised points.
        limit: of the distance from the epipolar lines.
    """
    if len(before) < FEWEST:
        return None
    cv2.setRNGSeed(0)
    E, mask = cv2.findEssentialMat(
        before, now, np.eye(3), method=cv2.USAC_ACCURATE, prob=0.999, threshold=limit, maxIters=75
    )
    if E is None or mask is None or mask.sum() < LEAST_SHARE * len(before):
        return None
    return mask.ravel() > 0


def _axes(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return (R, 3, 3): the columns are right-handed axes spanned by pairs of unit rays (R, 3)."""
    middle, across = one + other, one - other
    up = np.cross(middle, across)
    axes = np.stack([middle, across, up], 2)
    return axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-12)


def _near_epipolar(
    before: np.ndarray, now: np.ndarray, R: np.ndarray, t: np.ndarray, limit: float
) -> np.ndarray:
    """Return (N,) bool: the rays that meet after the motion, or turn with it if it is short."""
    turned, b = rays(before) @ R.T, rays(now)
    if np.linalg.norm(t) < SHORTEST:
        return np.linalg.norm(turned - b, axis=1) < limit
    normals = np.cross(t, turned)
    away = np.abs(np.einsum("ij,ij->i", normals, b))
    return away < limit * np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
