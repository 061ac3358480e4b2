"""Windows of the same instant gathered into padded scenes, many scenes to a batch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from equi_nodes.datasets.tracks import Recording, Windows, windows


@dataclass(frozen=True)
class SceneBatch:
    """Scenes padded to equal numbers of agents, around local origins so that float32 is exact.

    Attributes:
        past: (B, A, T, 2) float32 metres, the last step is the present.
        mask: (B, A, T) bool, the steps that were seen.
        time_step: (B,) float32 seconds.
        future: (B, A, F, 2) float32 metres, relative to the last observed position.
        known: (B, A) bool, agents with a whole future and two steps or more of the past.
    """

    past: np.ndarray
    mask: np.ndarray
    time_step: np.ndarray
    future: np.ndarray
    known: np.ndarray

    @property
    def complete(self) -> np.ndarray:
        """Return (B, A) bool: the known agents whose whole past was seen."""
        return self.known & self.mask.all(-1)


Scene = tuple[Windows, np.ndarray, float]  # windows, the rows of one instant, time step


def scenes(cut: Windows, step_s: float) -> list[Scene]:
    """Return the instants at which the future of somebody is known."""
    starts = np.flatnonzero(np.diff(cut.scene)) + 1
    known = _known(cut)
    groups = np.split(np.arange(len(cut.scene)), starts)
    return [(cut, rows, step_s) for rows in groups if known[rows].any()]


def scenes_of(recordings: list[Recording], past: int, future: int) -> list[Scene]:
    """Return the instants of whole recordings, each at its own time step."""
    return [
        scene for part in recordings for scene in scenes(windows(part, past, future), part.step_s)
    ]


def batches(
    chosen: list[Scene], agents: int, rng: np.random.Generator | None = None
) -> Iterator[SceneBatch]:
    """Yield batches of scenes of similar size.

    Args:
        chosen: the scenes.
        agents: most agents in a batch, padding included, unless one scene alone has more.
        rng: shuffles scenes and batches; None keeps them in order of size.
    """
    size = np.array([len(rows) for _, rows, _ in chosen])
    order = np.argsort(size * rng.uniform(0.8, 1.25, len(size)) if rng else size, kind="stable")
    groups: list[list[int]] = [[]]
    for scene in order:
        largest = max([size[other] for other in groups[-1]] + [size[scene]])
        if groups[-1] and largest * (len(groups[-1]) + 1) > agents:
            groups.append([])
        groups[-1].append(scene)
    if rng:
        groups = [groups[i] for i in rng.permutation(len(groups))]
    for group in filter(None, groups):
        yield _collate([chosen[scene] for scene in group])


def _collate(chosen: list[Scene]) -> SceneBatch:
    past = [cut.past[rows] for cut, rows, _ in chosen]
    origins = [value[:, -1].mean(0) for value in past]
    futures = [cut.future[rows] - cut.past[rows, -1:] for cut, rows, _ in chosen]
    return SceneBatch(
        _padded([value - origin for value, origin in zip(past, origins)], np.float32),
        _padded([cut.past_mask[rows] for cut, rows, _ in chosen], bool),
        np.array([step_s for *_, step_s in chosen], np.float32),
        _padded(futures, np.float32),
        _padded([_known(cut)[rows] for cut, rows, _ in chosen], bool),
    )


def _known(cut: Windows) -> np.ndarray:
    return cut.future_mask.all(1) & (cut.past_mask.sum(1) >= 2)


def _padded(values: list[np.ndarray], dtype: type) -> np.ndarray:
    out = np.zeros((len(values), max(map(len, values)), *values[0].shape[1:]), dtype)
    for row, value in zip(out, values):
        row[: len(value)] = value
    return out
