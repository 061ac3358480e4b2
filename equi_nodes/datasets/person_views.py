"""What a depth camera and a spinning LiDAR see of a mesh in front of them.

The sensor is in the origin and looks along x; y is left, z up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from equi_nodes.geometry.mesh_rays import cast

SPARE = 1.3  # times as many returns are aimed at as are wanted
CAMERA_DISTANCES = (1.5, 6.0)  # metres
LIDAR_DISTANCES = (1.5, 15.0)
BEAM_STEPS = np.radians([30 / 16, 40 / 32, 35 / 64, 45 / 128])  # of sensors of 16 to 128 beams
AZIMUTH_STEPS = np.radians([0.1, 0.2, 0.4])


class Hits(NamedTuple):
    """Where a surface was met.

    Attributes:
        points: (N, 3) metres.
        faces: (N,) int64 triangles.
        weights: (N, 3) float32 barycentric.
    """

    points: np.ndarray
    faces: np.ndarray
    weights: np.ndarray


class DepthCamera(NamedTuple):
    """A pinhole camera: metres to what it looks at, and tangent of the angle between pixels."""

    distance: float
    pitch: float

    def rays(self, rng: np.random.Generator, vertices: np.ndarray) -> np.ndarray:
        """Return directions (R, 3) of the pixels that may see vertices (V, 3)."""
        y, z = (
            _steps(rng, vertices[:, axis] / np.maximum(vertices[:, 0], 0.1), self.pitch)
            for axis in (1, 2)
        )
        y, z = (grid.ravel() for grid in np.meshgrid(y, z))
        return np.stack([np.ones_like(y), y, z], 1)


class Lidar(NamedTuple):
    """A spinning LiDAR: metres to what it sees, rad between its beams and between its shots."""

    distance: float
    beam_step: float
    azimuth_step: float

    def rays(self, rng: np.random.Generator, vertices: np.ndarray) -> np.ndarray:
        """Return unit directions (R, 3) of the rays that may meet vertices (V, 3)."""
        level = np.hypot(vertices[:, 0], vertices[:, 1])
        turns = _steps(rng, np.arctan2(vertices[:, 1], vertices[:, 0]), self.azimuth_step)
        beams = _steps(rng, np.arctan2(vertices[:, 2], level), self.beam_step)
        turn, beam = (grid.ravel() for grid in np.meshgrid(turns, beams))
        return np.stack([np.cos(beam) * np.cos(turn), np.cos(beam) * np.sin(turn), np.sin(beam)], 1)


def random_camera(rng: np.random.Generator, size: float, count: int) -> DepthCamera:
    """Return a camera as fine as it takes to see ``size`` m^2 with about ``count`` pixels."""
    distance = rng.uniform(*CAMERA_DISTANCES)
    return DepthCamera(distance, np.sqrt(size / (SPARE * count)) / distance)


def random_lidar(rng: np.random.Generator, size: float, count: int) -> Lidar:
    """Return a usual LiDAR, as far as it takes to meet ``size`` m^2 with about ``count`` rays."""
    beam_step, azimuth_step = rng.choice(BEAM_STEPS), rng.choice(AZIMUTH_STEPS)
    distance = np.sqrt(size / (SPARE * count * beam_step * azimuth_step))
    return Lidar(float(np.clip(distance, *LIDAR_DISTANCES)), beam_step, azimuth_step)


def seen(vertices: np.ndarray, faces: np.ndarray, rays: np.ndarray) -> Hits:
    """Return where rays (R, 3) from the origin first meet a mesh, on sides that face it.

    Raises:
        EquiError: open3d is not installed.
    """
    hits = cast(vertices, faces, np.zeros(3), rays)
    # Where a limb is missing, rays may meet the skin from within.
    is_seen = np.isfinite(hits.distances) & hits.is_outside
    points = rays[is_seen] * hits.distances[is_seen, None]
    return Hits(points, hits.faces[is_seen], hits.weights[is_seen])


def _steps(rng: np.random.Generator, angles: np.ndarray, step: float) -> np.ndarray:
    """Return angles in even steps over all of those given, beginning anywhere."""
    return np.arange(angles.min() - rng.random() * step, angles.max() + step, step)
