"""Finite symmetry groups of the plane: C_n (turns by 360/n degrees) and D_n (and reflections)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from equi_nodes.errors import EquiError

LARGEST = 64  # turns; more would only cost time


@dataclass(frozen=True, eq=False)
class Group:
    """A finite group of rotations and reflections; element 0 changes nothing.

    Element ``a`` below n turns by 2 pi a / n counter-clockwise; element ``n + a`` of a D_n first
    mirrors at the x axis, then turns by the same.

    Attributes:
        name: C or D and n.
        rotations: n.
        matrices: (G, 2, 2) float64.
        inverse: (G,) int64, index of the inverse of each element.
        table: (G, G) int64, ``table[h, k]`` is the index of h^-1 k.
    """

    name: str
    rotations: int
    matrices: np.ndarray
    inverse: np.ndarray
    table: np.ndarray

    @property
    def size(self) -> int:
        """Number of elements."""
        return len(self.inverse)

    @property
    def mirrors(self) -> np.ndarray:
        """Which elements reflect, (G,) bool."""
        return np.arange(self.size) >= self.rotations

    def view_permutations(self, views: int) -> np.ndarray:
        """Return where each element takes each of ``views`` evenly spread directions, (G, K).

        Direction k is 2 pi k / K; a row of -1 where an element takes directions between others.
        """
        turns = np.arange(self.size) % self.rotations * views
        side = np.where(self.mirrors, -1, 1)
        moved = (side[:, None] * np.arange(views) + (turns // self.rotations)[:, None]) % views
        return np.where((turns % self.rotations == 0)[:, None], moved, -1)


@lru_cache
def group(name: str) -> Group:
    """Return the group called C1, C4, C8, D4, D8 and so on; C1 holds nothing but the identity."""
    kind, digits = name[:1], name[1:]
    if kind not in ("C", "D") or not digits.isdecimal() or not 1 <= int(digits) <= LARGEST:
        raise EquiError(f"There is no group {name!r}; take C or D and a number, such as D4 or C8.")
    n, sides = int(digits), 2 if kind == "D" else 1
    turn, mirror = np.tile(np.arange(n), sides), np.repeat(np.arange(sides), n)
    inverse = np.where(mirror == 1, turn, -turn % n) + n * mirror
    # h k = (turn by a, side m)(turn by b, side l) = turn by a + (-1)^m b, side m + l
    a, m = turn[inverse][:, None], mirror[inverse][:, None]
    table = (a + np.where(m == 1, -turn, turn)) % n + n * ((m + mirror) % 2)
    return Group(name, n, _matrices(turn, mirror, n), inverse, table)


def _matrices(turn: np.ndarray, mirror: np.ndarray, n: int) -> np.ndarray:
    """Return the matrices, with exact zeros and ones at the quarter turns."""
    angle = 2 * np.pi * turn / n
    cosine, sine, side = np.cos(angle), np.sin(angle), 1 - 2 * mirror
    matrices = np.stack([cosine, -sine * side, sine, cosine * side], -1).reshape(-1, 2, 2)
    return np.where(np.abs(matrices) < 1e-12, 0.0, matrices)
