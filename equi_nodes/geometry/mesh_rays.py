"""Rays against triangles, by open3d."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from equi_nodes.errors import EquiError


class RayHits(NamedTuple):
    """Where rays first meet a mesh.

    Attributes:
        distances: (R,) float32 in lengths of the rays, infinite where nothing is met.
        faces: (R,) int64 triangles, meaningless where nothing is met; so are the others.
        weights: (R, 3) float32 barycentric, of the corners in the order of the triangle.
        is_outside: (R,) bool, the triangle is met from the side where its corners turn to the left.
    """

    distances: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    is_outside: np.ndarray


def cast(vertices: np.ndarray, faces: np.ndarray, origins: np.ndarray, rays: np.ndarray) -> RayHits:
    """Return where rays first meet a mesh, on one core.

    Args:
        vertices: (V, 3) metres.
        faces: (F, 3) triangles.
        origins: (R, 3) or (3,) metres.
        rays: (R, 3) directions.

    Raises:
        EquiError: open3d is not installed.
    """
    try:
        import open3d
    except ImportError:
        raise EquiError("Rays against meshes need open3d; run pip install open3d.") from None
    tensor = open3d.core.Tensor
    scene = open3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(
        tensor(np.ascontiguousarray(vertices, np.float32)),
        tensor(np.ascontiguousarray(faces, np.uint32)),
    )
    both = np.concatenate([np.broadcast_to(origins, rays.shape), rays], 1).astype(np.float32)
    answer = {name: values.numpy() for name, values in scene.cast_rays(tensor(both), 1).items()}
    second_and_third = answer["primitive_uvs"]
    return RayHits(
        answer["t_hit"],
        answer["primitive_ids"].astype(np.int64),
        np.concatenate([1 - second_and_third.sum(1, keepdims=True), second_and_third], 1),
        (answer["primitive_normals"] * rays).sum(1) < 0,
    )
