"""Scenes of boxes, each of some part that moves as one, and what sensors see of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from equi_nodes.geometry.mesh_rays import cast

SIGNS = np.stack(np.unravel_index(np.arange(8), (2, 2, 2)), -1) - 0.5  # corners of a unit cube
TRIANGLES = np.array([
    (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1), (2, 3, 7), (2, 7, 6),
    (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
])  # fmt: skip
NEAREST, FARTHEST = 0.2, 12.0  # m, of what is measured
NOISE = 0.004  # m at one metre, of a depth camera; it grows with the square of the distance
LIDAR_NOISE = 0.01  # m at any distance
CAMERA_COLUMNS, CAMERA_ROWS, PITCH = 60, 45, 1.5 / 60  # of a picture; tangent between its pixels
RINGS, COLUMNS, ELEVATION = 32, 360, np.radians(45)  # of a sweep, and how far up and down


class Boxes(NamedTuple):
    """Solid boxes.

    Attributes:
        sizes: (K, 3) metres.
        poses: (K, 4, 4) of their middles.
        parts: (K,) int64 part that each belongs to.
    """

    sizes: np.ndarray
    poses: np.ndarray
    parts: np.ndarray

    def turns(self) -> np.ndarray:
        """Return how each part is turned, (P, 3, 3), by the first of its boxes."""
        return self.poses[np.unique(self.parts, return_index=True)[1], :3, :3]


class Seen(NamedTuple):
    """A cloud and whose its points are.

    Attributes:
        points: (N, 3) float32 metres.
        parts: (N,) int64.
    """

    points: np.ndarray
    parts: np.ndarray


def joined(boxes: list[Boxes]) -> Boxes:
    """Return several lots of boxes as one."""
    return Boxes(*map(np.concatenate, zip(*boxes)))


def picture(forward: np.ndarray) -> np.ndarray:
    """Return the directions (R, 3) of a depth camera's pixels that looks along ``forward``."""
    across = np.cross(forward, (0.0, 0.0, 1.0))
    across /= np.linalg.norm(across)
    x, y = np.meshgrid(np.arange(CAMERA_COLUMNS), np.arange(CAMERA_ROWS))
    x, y = (PITCH * (grid - grid.mean())[..., None] for grid in (x, y))
    return (forward + x * across + y * np.cross(across, forward)).reshape(-1, 3)


def sweep() -> np.ndarray:
    """Return the unit directions (R, 3) of a spinning LiDAR that stands upright."""
    turn, beam = np.meshgrid(
        np.arange(COLUMNS) * 2 * np.pi / COLUMNS, np.linspace(-ELEVATION, ELEVATION, RINGS)
    )
    level = np.cos(beam)
    return np.stack([level * np.cos(turn), level * np.sin(turn), np.sin(beam)], -1).reshape(-1, 3)


def look(
    rng: np.random.Generator, boxes: Boxes, origins: np.ndarray, rays: np.ndarray, lidar: bool
) -> Seen:
    """Return what a sensor measures from some places.

    Args:
        rng: of the noise.
        boxes: what there is.
        origins: (V, 3) metres, where the sensor was.
        rays: (V, R, 3) directions there.
        lidar: its noise is the same at all distances.

    Raises:
        EquiError: open3d is not installed.
    """
    corners = SIGNS * boxes.sizes[:, None]
    vertices = corners @ boxes.poses[:, :3, :3].swapaxes(1, 2) + boxes.poses[:, None, :3, 3]
    faces = TRIANGLES + 8 * np.arange(len(boxes.sizes))[:, None, None]
    starts = np.repeat(origins, rays.shape[1], 0)
    rays = (rays / np.linalg.norm(rays, axis=-1, keepdims=True)).reshape(-1, 3)
    hits = cast(vertices.reshape(-1, 3), faces.reshape(-1, 3), starts, rays)
    is_seen = (hits.distances > NEAREST) & (hits.distances < FARTHEST)
    away = hits.distances[is_seen].astype(float)
    away = away + rng.normal(0, 1, len(away)) * (LIDAR_NOISE if lidar else NOISE * away**2)
    points = starts[is_seen] + away[:, None] * rays[is_seen]
    parts = boxes.parts[hits.faces[is_seen] // len(TRIANGLES)]
    return Seen(points.astype(np.float32), parts)


def thinned(rng: np.random.Generator, seen: Seen, size: float) -> Seen:
    """Return one point, drawn at random, of each cube of a grid of some size, metres."""
    order = rng.permutation(len(seen.points))
    cells = np.floor(seen.points[order] / size).astype(np.int64)
    _, first = np.unique(cells, axis=0, return_index=True)
    return Seen(*(values[order[first]] for values in seen))
