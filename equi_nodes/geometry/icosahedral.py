"""The 60 rotations that take a regular icosahedron to itself, after Chen et al., CVPR 2021."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

GOLDEN = (1 + 5**0.5) / 2
ENTRIES = np.array([0.0, 0.5 / GOLDEN, 0.5, 0.5 * GOLDEN, 1.0])  # of the matrices, and negated
SAME_OR_NEXT = 0.7  # cosine between centres: 1 of a face and itself, 0.745 of two with an edge


@dataclass(frozen=True, eq=False)
class Icosahedral:
    """The group and what it permutes; element 0 changes nothing.

    Attributes:
        matrices: (60, 3, 3) float64.
        table: (60, 60) int64, ``table[a, b]`` is the index of R_a R_b.
        near: (60, 12) int64, ``near[a, k]`` is the index of R_a h_k, where the h_k take a face to
            itself or over one of its edges.
        vertices: (12, 3) float64, unit vectors to the vertices.
        moved: (60, 12) int64, R_a takes vertex k to vertex ``moved[a, k]``.
    """

    matrices: np.ndarray
    table: np.ndarray
    near: np.ndarray
    vertices: np.ndarray
    moved: np.ndarray


@lru_cache
def icosahedral() -> Icosahedral:
    """Return the group."""
    matrices = _closure()
    products = matrices[:, None] @ matrices
    table = _closest(products.reshape(60, 60, 9), matrices.reshape(60, 9))
    face = np.ones(3) / 3**0.5
    near = table[:, face @ matrices @ face > SAME_OR_NEXT]
    vertices = _vertices()
    moved = _closest(np.einsum("aij,kj->aki", matrices, vertices), vertices)
    return Icosahedral(matrices, table, near, vertices, moved)


def _vertices() -> np.ndarray:
    first = np.array([[0, s, t * GOLDEN] for s in (1, -1) for t in (1, -1)])
    return np.concatenate([np.roll(first, k, 1) for k in range(3)]) / (1 + GOLDEN**2) ** 0.5


def _closure() -> np.ndarray:
    """Return all products of a fifth of a turn about a vertex and a third about a face."""
    fifth = 0.5 * np.array(
        [[1 / GOLDEN, -GOLDEN, 1], [GOLDEN, 1, 1 / GOLDEN], [-1, 1 / GOLDEN, GOLDEN]]
    )
    found = [np.eye(3)]
    for one in found:  # which grows meanwhile
        for generator in (fifth, np.roll(np.eye(3), 1, 0)):
            new = _exact(generator @ one)
            if not any(np.array_equal(new, known) for known in found):
                found.append(new)
    return np.stack(found)


def _exact(matrix: np.ndarray) -> np.ndarray:
    """Return the matrix with each entry put to the one value nearby that it can have."""
    at = np.abs(np.abs(matrix)[..., None] - ENTRIES).argmin(-1)
    return np.where(at == 0, 0.0, np.copysign(ENTRIES[at], matrix))


def _closest(found: np.ndarray, among: np.ndarray) -> np.ndarray:
    return np.einsum("...i,ki->...k", found, among).argmax(-1)
