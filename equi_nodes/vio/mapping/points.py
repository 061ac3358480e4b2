"""The points of the map: where they are, from the rays that saw them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equi_nodes.geometry.rotations import inverse
from equi_nodes.vio.initialisation.window import sum_by
from equi_nodes.vio.mapping.keyframes import Keyframe
from equi_nodes.vio.types import Rig

LEAST_PARALLAX = np.radians(1.5)
MOST_ERROR = 0.006  # normalised: 2.7 px at a focal length of 458


def views_of(
    keyframes: Sequence[Keyframe], rig: Rig
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return all views: keyframe's place (M,), camera (M,), point id (M,), normalised (M, 2)."""
    parts = []
    for place, keyframe in enumerate(keyframes):
        for camera, points in enumerate((keyframe.left, keyframe.right)[: len(rig.cameras)]):
            rows = np.flatnonzero(np.isfinite(points).all(1))
            same = np.full((2, len(rows)), [[place], [camera]])
            parts.append((*same, keyframe.ids[rows], points[rows]))
    return tuple(np.concatenate(column) for column in zip(*parts))


def triangulate(
    keyframes: Sequence[Keyframe], rig: Rig, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return ids (P,) and map points (P, 3) of wanted ids that their views fix well."""
    place, camera, ids, points = views_of(keyframes, rig)
    rows = np.isin(ids, wanted)
    place, camera, ids, points = place[rows], camera[rows], ids[rows], points[rows]
    if not len(ids):
        return np.zeros(0, np.int64), np.zeros((0, 3))
    poses = np.stack([[k.T_map_b @ c.T_b_c for c in rig.cameras] for k in keyframes])
    T = poses[place, camera]
    rays = np.concatenate([points, np.ones((len(points), 1))], 1)
    rays = np.einsum("mij,mj->mi", T[:, :3, :3], rays / np.linalg.norm(rays, axis=1)[:, None])
    across = np.eye(3) - rays[:, :, None] * rays[:, None, :]
    known, A = sum_by(ids, across)
    b = sum_by(ids, np.einsum("mij,mj->mi", across, T[:, :3, 3]))[1]
    count = np.bincount(np.searchsorted(known, ids))
    at = np.linalg.solve(A + 1e-9 * count[:, None, None] * np.eye(3), b[..., None])[..., 0]
    # the smallest eigenvalue of the mean is sin^2 of the rays' spread about their mean
    parallax = np.linalg.eigvalsh(A / count[:, None, None])[:, 0]
    error = _errors(at[np.searchsorted(known, ids)], inverse(T), points)
    worst = np.zeros(len(known))
    np.maximum.at(worst, np.searchsorted(known, ids), error)
    good = (count > 1) & (parallax > np.sin(LEAST_PARALLAX / 2) ** 2) & (worst < MOST_ERROR)
    return known[good], at[good]


def misfits(keyframes: Sequence[Keyframe], rig: Rig, points: dict[int, np.ndarray]) -> list[int]:
    """Return which of the points any of the keyframes sees elsewhere."""
    place, camera, seen_ids, seen = views_of(keyframes, rig)
    rows = np.flatnonzero(np.isin(seen_ids, np.array(list(points), np.int64)))
    if not len(rows):
        return []
    poses = np.stack([[k.T_map_b @ c.T_b_c for c in rig.cameras] for k in keyframes])
    at = np.stack([points[point] for point in seen_ids[rows].tolist()])
    error = _errors(at, inverse(poses[place[rows], camera[rows]]), seen[rows])
    return np.unique(seen_ids[rows][error > MOST_ERROR]).tolist()


def _errors(at: np.ndarray, T_c_map: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return each view's error (M,), infinite behind the camera."""
    seen = np.einsum("mij,mj->mi", T_c_map[:, :3, :3], at) + T_c_map[:, :3, 3]
    depth = np.where(seen[:, 2] > 0.05, seen[:, 2], np.nan)
    error = np.linalg.norm(seen[:, :2] / depth[:, None] - points, axis=1)
    return np.where(np.isfinite(error), error, np.inf)
