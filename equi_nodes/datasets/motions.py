"""The recorded motions of people that poses are drawn from, by split."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from equi_nodes.body.skeleton import PARENT_OR_SELF
from equi_nodes.datasets.bvh import Motion, read_bvh
from equi_nodes.datasets.location import data_dir
from equi_nodes.errors import EquiError

SPLITS = ("train", "test", "ood")
FASTEST = 20.0  # rad/s, a joint that turns faster flipped in the recording
SHORTEST = 5  # frames, what is left between two flips is dropped below


@lru_cache
def motions(split: str) -> tuple[Motion, ...]:
    """Return the motions of a split, cut where a joint flips; their T-pose frames are left out.

    Args:
        split: ``train``, ``test`` (same activities, other takes), ``ood`` (other activities).

    Raises:
        EquiError: no such split, or the recordings are not on this machine.
    """
    if split not in SPLITS:
        raise EquiError(f"There is no split {split!r} of motions; take {', '.join(SPLITS)}.")
    folder = data_dir("mocap")
    clips = [row["clip"] for row in _table(folder / "clips.csv") if row["split"] == split]
    return tuple(part for clip in clips for part in clean(_moving(folder / f"{clip}.bvh")))


def category(motion: Motion) -> str:
    """Return what a recorded motion is, such as ``walk``."""
    rows = _table(data_dir("mocap") / "clips.csv")
    return next(row["category"] for row in rows if row["clip"] == motion.name)


def clean(motion: Motion) -> Iterator[Motion]:
    """Yield the parts of a motion between the frames at which a joint turns too fast."""
    is_fast = joint_speeds(motion).max(1) > FASTEST
    is_bad = np.concatenate([is_fast, [False]]) | np.concatenate([[False], is_fast])
    edges = np.flatnonzero(np.diff(np.concatenate([[True], is_bad, [True]])))
    for start, end in edges.reshape(-1, 2):
        if end - start >= SHORTEST:
            yield _part(motion, slice(start, end))


def joint_speeds(motion: Motion) -> np.ndarray:
    """Return how fast joints turn relative to their parents, (T-1, 22) rad/s, frame to frame."""
    rotations = motion.rotations.astype(float)
    local = np.swapaxes(rotations[:, list(PARENT_OR_SELF)], -1, -2) @ rotations
    local[:, 0] = rotations[:, 0]
    step = np.swapaxes(local[:-1], -1, -2) @ local[1:]
    cosine = (np.trace(step, axis1=-2, axis2=-1) - 1) / 2
    return np.arccos(np.clip(cosine, -1, 1)) / motion.period


def _moving(path: Path) -> Motion:
    motion = read_bvh(path)
    return _part(motion, slice(1, None))  # the first frame is the T-pose


def _part(motion: Motion, frames: slice) -> Motion:
    rotations, translation = motion.rotations[frames], motion.translation[frames]
    return Motion(rotations, translation, motion.period, motion.name)


def _table(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    except OSError:
        raise EquiError(f"{path} cannot be read; fetch the motions again.") from None
