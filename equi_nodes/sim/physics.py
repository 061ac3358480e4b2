"""MuJoCo, imported so that it can draw without a screen."""

from __future__ import annotations

import ctypes.util
import os
import sys

import numpy as np

if sys.platform == "linux" and "MUJOCO_GL" not in os.environ:
    os.environ["MUJOCO_GL"] = "egl" if ctypes.util.find_library("EGL") else "osmesa"

import mujoco  # noqa: E402  it decides at its import how it draws

_NORMALS = (None,) if "normal: " in (mujoco.mj_multiRay.__doc__ or "") else ()  # newer versions


def cast_rays(
    model: mujoco.MjModel,
    data: mujoco.MjData,
    origin: np.ndarray,
    directions: np.ndarray,
    groups: np.ndarray,
    reach: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Return how far rays from one origin go, (N,) metres, -1 for nothing, and what each hits.

    Args:
        model, data: the world, with its kinematics computed.
        origin: (3,) metres.
        directions: (N, 3) unit vectors.
        groups: (6,) uint8, groups of geoms that rays see.
        reach: metres, the longest ray.

    Returns:
        distances (N,) float64, and the geoms that were hit (N,) int32, -1 for none.
    """
    count = len(directions)
    geoms, distances = np.full(count, -1, np.int32), np.full(count, -1.0)
    rays = np.ascontiguousarray(directions, np.float64).reshape(-1)
    mujoco.mj_multiRay(
        model, data, origin, rays, groups, 1, -1, geoms, distances, *_NORMALS, count, reach
    )
    is_far = distances > reach
    distances[is_far], geoms[is_far] = -1.0, -1
    return distances, geoms


__all__ = ["cast_rays", "mujoco"]
