"""The frames from which an initial state is found, and what was seen in them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.samples import Tracks

FEWEST_VIEWS = 3


@dataclass(frozen=True)
class Observations:
    """Points of landmarks in frames, one row a view, sorted by landmark, then by frame.

    Attributes:
        stamps: (K,) ns, of the frames.
        frame: (M,) index of the frame. landmark: (M,) index of the landmark, 0..L-1.
        points: (M, 2) normalised. spread: (M,) standard deviation of each coordinate.
    """

    stamps: np.ndarray
    frame: np.ndarray
    landmark: np.ndarray
    points: np.ndarray
    spread: np.ndarray

    @property
    def frames(self) -> int:
        """Return the number of frames."""
        return len(self.stamps)

    @property
    def landmarks(self) -> int:
        """Return the number of landmarks."""
        return int(self.landmark[-1]) + 1 if len(self.landmark) else 0

    @property
    def rays(self) -> np.ndarray:
        """Return (M, 3) unit rays in the camera."""
        rays = np.concatenate([self.points, np.ones((len(self.points), 1))], 1)
        return rays / np.linalg.norm(rays, axis=1, keepdims=True)

    def only(self, keep: np.ndarray) -> Observations:
        """Return the rows (M,) to keep, without landmarks that are left with too few views."""
        views = np.bincount(self.landmark[keep], minlength=self.landmarks)
        keep = keep & (views >= FEWEST_VIEWS)[self.landmark]
        landmark = np.unique(self.landmark[keep], return_inverse=True)[1]
        return Observations(
            self.stamps, self.frame[keep], landmark, self.points[keep], self.spread[keep]
        )


def choose_frames(stamps: np.ndarray, spacing_ns: int) -> np.ndarray:
    """Return the frames to use, the newest among them, at least ``spacing_ns`` apart."""
    chosen = [len(stamps) - 1]
    for frame in range(len(stamps) - 2, -1, -1):
        if stamps[chosen[-1]] - stamps[frame] >= spacing_ns:
            chosen.append(frame)
    return np.array(chosen[::-1])


def observe(frames: list[Tracks], most_landmarks: int) -> Observations:
    """Collect the landmarks seen in three or more frames, those seen most often first."""
    ids = np.concatenate([frame.ids for frame in frames])
    points = np.concatenate([frame.left for frame in frames])
    covariance = np.concatenate([frame.left_covariance for frame in frames])
    index = np.repeat(np.arange(len(frames)), [len(frame.ids) for frame in frames])
    spread = np.sqrt(np.trace(covariance, axis1=1, axis2=2) / 2)
    good = np.isfinite(points).all(1) & np.isfinite(spread) & (spread > 0)
    ids, points, spread, index = ids[good], points[good], spread[good], index[good]
    known, landmark, views = np.unique(ids, return_inverse=True, return_counts=True)
    best = np.argsort(-views, kind="stable")[:most_landmarks]
    taken = np.zeros(len(known), bool)
    taken[best[views[best] >= FEWEST_VIEWS]] = True
    rows = np.flatnonzero(taken[landmark])
    rows = rows[np.lexsort((index[rows], landmark[rows]))]
    stamps = np.array([frame.stamp_ns for frame in frames], np.int64)
    landmark = np.unique(landmark[rows], return_inverse=True)[1]
    return Observations(stamps, index[rows], landmark, points[rows], spread[rows])


def shared(observations: Observations, first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the landmarks that two frames share, in the same order."""
    a, b = (np.flatnonzero(observations.frame == frame) for frame in (first, second))
    _, in_a, in_b = np.intersect1d(
        observations.landmark[a], observations.landmark[b], return_indices=True
    )
    return a[in_a], b[in_b]


def sum_by(index: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices (I,) that occur, rising, and the sums (I, ...) of their values."""
    order = np.argsort(index, kind="stable")
    starts = np.flatnonzero(np.diff(index[order], prepend=-1))
    return index[order[starts]], np.add.reduceat(values[order], starts)
