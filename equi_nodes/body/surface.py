"""Points on the surface of bodies, evenly by area."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class SurfaceSamples(NamedTuple):
    """Points on triangles.

    Attributes:
        points: (B, N, 3) metres.
        faces: (B, N) int64, the triangle of each.
        weights: (B, N, 3) barycentric, of the corners in the order of the triangle.
    """

    points: Tensor
    faces: Tensor
    weights: Tensor


def sample_surface(
    vertices: Tensor, faces: Tensor, count: int, generator: torch.Generator | None
) -> SurfaceSamples:
    """Draw points on surfaces, each area as likely as any other of its size.

    Args:
        vertices: (B, V, 3) metres.
        faces: (F, 3) int64, the same triangles for all.
        count: N points on each surface.
        generator: where the draws come from, on the device of the vertices.

    Returns:
        The points; differentiable in the vertices.
    """
    areas = torch.linalg.vector_norm(face_normals(vertices, faces), dim=-1)
    chosen = torch.multinomial(areas.detach(), count, replacement=True, generator=generator)
    shape = (*chosen.shape, 2)
    draws = torch.rand(shape, generator=generator, dtype=areas.dtype, device=areas.device)
    root, share = draws[..., 0].sqrt(), draws[..., 1]
    weights = torch.stack([1 - root, root * (1 - share), root * share], -1)
    return SurfaceSamples(interpolate(vertices, faces, chosen, weights), chosen, weights)


def interpolate(values: Tensor, faces: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
    """Return (B, N, C) what per-vertex values (B, V, C) are at points on triangles.

    Args:
        values: (B, V, C).
        faces: (F, 3).
        chosen: (B, N) the triangle of each point.
        weights: (B, N, 3) barycentric.
    """
    corners = faces[chosen].flatten(1)
    picked = torch.gather(values, 1, corners[..., None].expand(-1, -1, values.shape[-1]))
    return (picked.unflatten(1, (-1, 3)) * weights[..., None]).sum(2)


def face_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """Return the outward normals (B, F, 3) of triangles, as long as twice their areas, m^2."""
    a, b, c = (vertices[:, faces[:, corner]] for corner in range(3))
    return torch.linalg.cross(b - a, c - a, dim=-1)


def part_labels(faces: Tensor, vertex_part: Tensor, chosen: Tensor, weights: Tensor) -> Tensor:
    """Return (B, N) the part of the corner that each point is nearest to, barycentrically."""
    corners = vertex_part[faces[chosen]]
    return torch.gather(corners, -1, weights.argmax(-1, keepdim=True))[..., 0]
