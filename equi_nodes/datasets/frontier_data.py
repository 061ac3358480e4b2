"""What a robot knew at moments of its trips, and what there really was beyond each frontier."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

QUANTA = 255  # steps of numbers between 0 and 1 that are kept in a byte


@dataclass(frozen=True)
class Moment:
    """One graph as the network reads it, with the truth beside it.

    Attributes:
        scalars: (N, S) float32.
        vectors: (N, U, 2) float32.
        views: (N, K, C) uint8, 0..255 for 0..1.
        positions: (N, 2) float32 metres.
        neighbours: (N, M) int32.
        edge_scalars: (N, M, E) float32.
        mask: (N, M) bool.
        known: (N,) float32 metres from the robot.
        optimistic: (N,) float32 metres to the goal at best.
        beyond: (N,) float32 metres to the goal beyond a frontier, through what was not seen; inf
            where it is not reached there.
        in_vain: (N,) float32 metres that are driven beyond a frontier until all of it was seen.
        distance: (N,) float32 metres to the goal on the whole map; inf where it is not reached.
    """

    scalars: np.ndarray
    vectors: np.ndarray
    views: np.ndarray
    positions: np.ndarray
    neighbours: np.ndarray
    edge_scalars: np.ndarray
    mask: np.ndarray
    known: np.ndarray
    optimistic: np.ndarray
    beyond: np.ndarray
    in_vain: np.ndarray
    distance: np.ndarray

    @property
    def is_frontier(self) -> np.ndarray:
        """Return which nodes are frontiers, (N,) bool."""
        return self.scalars[:, 0] > 0.5


def quantised(shares: np.ndarray) -> np.ndarray:
    """Return numbers between 0 and 1 as bytes."""
    return np.rint(shares * QUANTA).astype(np.uint8)


def write_moments(path: Path, moments: list[Moment]) -> None:
    """Write moments as one compressed file, which appears whole or not at all."""
    arrays = {
        f"{number}.{part.name}": getattr(moment, part.name)
        for number, moment in enumerate(moments)
        for part in fields(Moment)
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".new.npz")
    np.savez_compressed(partial, count=len(moments), **arrays)
    partial.replace(path)


def read_moments(paths: Iterable[Path]) -> list[Moment]:
    """Return the moments of several files."""
    found = []
    for path in paths:
        with np.load(path, allow_pickle=False) as file:
            for number in range(int(file["count"])):
                parts = {part.name: file[f"{number}.{part.name}"] for part in fields(Moment)}
                found.append(Moment(**parts))
    return found


def joined(moments: list[Moment]) -> dict[str, np.ndarray]:
    """Return moments as one graph of separate parts, by field."""
    widest = max(moment.mask.shape[1] for moment in moments)
    first = np.cumsum([0, *(len(moment.known) for moment in moments[:-1])])
    parts = {}
    for part in fields(Moment):
        arrays = [getattr(moment, part.name) for moment in moments]
        if part.name in ("neighbours", "edge_scalars", "mask"):
            if part.name == "neighbours":
                arrays = [array + begin for array, begin in zip(arrays, first)]
            arrays = [_widened(array, widest) for array in arrays]
        parts[part.name] = np.concatenate(arrays)
    parts["neighbours"] = parts["neighbours"].astype(np.int64)
    return parts


def _widened(array: np.ndarray, width: int) -> np.ndarray:
    """Return (N, M, ...) with zeros behind, so that M is ``width``."""
    missing = [(0, 0)] * array.ndim
    missing[1] = (0, width - array.shape[1])
    return np.pad(array, missing)
