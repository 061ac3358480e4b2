"""The mesh that sensors see of a person: clothes, what is missing, the floor below."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from equi_nodes.body.model import Body
from equi_nodes.body.skeleton import chain, joint
from equi_nodes.body.surface import face_normals

BARE = tuple(
    joint(name) for name in ("head", "left_wrist", "right_wrist", "left_foot", "right_foot")
)
LIMBS = tuple(
    joint(f"{side}_{part}")
    for side in ("left", "right")
    for part in ("shoulder", "elbow", "hip", "knee")
)
FLOOR_RADII = (0.15, 0.5)  # metres, of what is left of the floor
FLOOR_CORNERS = 12


class PersonMesh(NamedTuple):
    """What there is to see.

    Attributes:
        vertices: (V, 3) metres.
        faces: (F, 3) triangles of the person, then of the floor.
        skin: (K,) which triangle of the body each of the first K is.
    """

    vertices: np.ndarray
    faces: np.ndarray
    skin: np.ndarray

    @property
    def size(self) -> float:
        """What the mesh shows from one side, m^2: a quarter of its area if it bulges everywhere."""
        a, b, c = np.swapaxes(self.vertices[self.faces], 0, 1)
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 8)


def dressed(
    rng: np.random.Generator, body: Body, vertices: np.ndarray, thickness: float
) -> np.ndarray:
    """Return vertices (V, 3) under smooth clothes; head, hands and feet stay bare.

    Args:
        rng: of the folds.
        body: whose vertices they are.
        vertices: (V, 3) float32 metres, posed.
        thickness: metres, the most that the clothes stand off.
    """
    skin = torch.from_numpy(vertices)
    flat = face_normals(skin[None], body.faces)[0]
    normals = torch.zeros_like(skin).index_add_(0, body.faces.ravel(), flat.repeat_interleave(3, 0))
    normals = torch.nn.functional.normalize(normals, dim=1).numpy()
    places = body.template.numpy() @ rng.normal(scale=6.0, size=(3, 3))  # waves of about a metre
    folds = np.sin(places + rng.uniform(0, 2 * np.pi, 3)).mean(1)
    is_bare = np.isin(body.vertex_part.numpy(), BARE)
    offset = np.where(is_bare, 0.0, thickness * (0.5 + folds / 2))
    return (vertices + offset[:, None] * normals).astype(np.float32)


def is_left(rng: np.random.Generator, body: Body, vertices: np.ndarray) -> np.ndarray:
    """Return which triangles (F,) are left where a limb is hidden, or all beyond a plane.

    The plane leaves 40 to 90 % of the triangles.
    """
    faces = body.faces.numpy()
    if rng.random() < 0.5:
        hidden = np.flatnonzero(chain()[:, rng.choice(LIMBS)])
        return ~np.isin(body.vertex_part.numpy()[faces[:, 0]], hidden)
    heights = vertices[faces].mean(1) @ rng.normal(size=3)
    return heights < np.quantile(heights, rng.uniform(0.4, 0.9))


def with_floor(rng: np.random.Generator, mesh: PersonMesh, up: np.ndarray) -> PersonMesh:
    """Return the mesh and a round piece of the floor around the vertex that is lowest along up."""
    lowest = mesh.vertices[np.argmin(mesh.vertices @ up)]
    along = np.cross(up, np.eye(3)[np.argmin(np.abs(up))])
    along /= np.linalg.norm(along)
    angles = np.linspace(0, 2 * np.pi, FLOOR_CORNERS, endpoint=False)[:, None]
    rim = np.cos(angles) * along + np.sin(angles) * np.cross(up, along)
    corners = np.concatenate([[lowest], lowest + rng.uniform(*FLOOR_RADII) * rim])
    number = np.arange(FLOOR_CORNERS)
    fan = np.stack([0 * number, 1 + number, 1 + (number + 1) % FLOOR_CORNERS], 1)
    return mesh._replace(
        vertices=np.concatenate([mesh.vertices, corners.astype(np.float32)]),
        faces=np.concatenate([mesh.faces, fan + len(mesh.vertices)]),
    )
