"""The past poses in the state, and where each of them saw the features seen now."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.rotations import hat
from equi_nodes.samples import Tracks
from equi_nodes.vio.state import BODY, GYRO_BIAS, POSE, TIME_OFFSET, VELOCITY, State

MOST_VARIANCE = 1e-2  # of a normalised point; what is less certain is no measurement


class Trail:
    """A table of features by pose; its poses are those of the state's trail, oldest first.

    Attributes:
        stamps_ns: of the poses, by the cameras' clock.
        ids: (M,) the features of the newest frame.
        points: (K, C, M, 2) normalised points; NaN where a pose did not see a feature.
        whitening: (K, C, M, 3) entries 00, 10, 11 of the factor that whitens a point's noise.
        uses: (K, M) how many updates a point has been in.
    """

    def __init__(self, cameras: int, size: int, sparse: int):
        self._cameras, self._size, self._sparse = cameras, size, sparse
        self._count = 0
        self.stamps_ns: list[int] = []
        self._clear_table(np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.stamps_ns)

    def clear(self) -> None:
        """Forget everything."""
        self.stamps_ns, self._count = [], 0
        self._clear_table(np.zeros(0, np.int64))

    def observe(self, tracks: Tracks, noise_scale: float) -> None:
        """Add the newest frame; features that it does not see leave the table."""
        order = np.argsort(tracks.ids, kind="stable")
        ids = tracks.ids[order]
        points, whitening = self._measured(tracks, order, noise_scale)
        row = np.searchsorted(self.ids, ids)
        known = row < len(self.ids)
        known[known] = self.ids[row[known]] == ids[known]
        row = np.where(known, row, 0)
        old_points, old_whitening, old_uses = self.points, self.whitening, self.uses
        self._clear_table(ids, len(self) + 1)
        if known.any():
            self.points[:-1] = np.where(known[:, None], old_points[:, :, row], np.nan)
            self.whitening[:-1] = old_whitening[:, :, row]
            self.uses[:-1] = known * old_uses[:, row]
        self.points[-1], self.whitening[-1] = points, whitening
        self.stamps_ns.append(tracks.stamp_ns)

    def seen(self) -> np.ndarray:
        """Return which poses (K) saw which features (M), by any camera."""
        return np.isfinite(self.points[..., 0]).any(1)

    def to_discard(self) -> list[int]:
        """Return the poses to drop: those that share no feature, else one where all are taken.

        Of the oldest places, the first is renewed every second frame, the next every fourth and
        so on, so that a short trail spans a long time.
        """
        unseen = np.flatnonzero(~self.seen()[:-1].any(1)).tolist()
        if unseen or len(self) <= self._size:
            return unseen
        self._count += 1
        lowest_bit = (self._count & -self._count).bit_length() - 1
        return [max(self._sparse - lowest_bit, 0)]

    def discard(self, index: int) -> None:
        """Drop one pose."""
        del self.stamps_ns[index]
        self.points = np.delete(self.points, index, 0)
        self.whitening = np.delete(self.whitening, index, 0)
        self.uses = np.delete(self.uses, index, 0)

    def _clear_table(self, ids: np.ndarray, poses: int = 0) -> None:
        shape = (poses, self._cameras, len(ids))
        self.ids = ids
        self.points = np.full((*shape, 2), np.nan)
        self.whitening = np.zeros((*shape, 3))
        self.uses = np.zeros((poses, len(ids)), np.int64)

    def _measured(
        self, tracks: Tracks, order: np.ndarray, noise_scale: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return points (C, M, 2) and whitening (C, M, 3), NaN where either is unusable."""
        both = (tracks.left, tracks.right)[: self._cameras]
        spreads = (tracks.left_covariance, tracks.right_covariance)[: self._cameras]
        points, covariance = np.stack(both)[:, order], np.stack(spreads)[:, order]
        a, b, c = covariance[..., 0, 0], covariance[..., 0, 1], covariance[..., 1, 1]
        determinant = a * c - b * b
        usable = (a > 0) & (determinant > 0) & (a + c < MOST_VARIANCE)
        usable &= np.isfinite(points).all(-1)
        a, b, determinant = (np.where(usable, x, 1.0) for x in (a, b, determinant))
        first = 1 / np.sqrt(a)
        last = np.sqrt(a / determinant)
        whitening = np.stack([first, -b / a * last, last], -1) / noise_scale
        return np.where(usable[..., None], points, np.nan), whitening


def clone_pose(state: State, rate: np.ndarray) -> None:
    """Append the body's pose at the frame's true time to the trail.

    The body is where the present time offset says; its error moves the pose against the body. A
    filter starts at a frame, so there the pose is as certain as the start and the body less.

    Args:
        state: is changed.
        rate: (3,) angular rate of the body, rad/s.
    """
    n, is_first = len(state.covariance), not len(state.trail_positions)
    moved, sign = (slice(0, POSE), -1.0) if is_first else (slice(n, n + POSE), 1.0)
    by_offset = np.zeros((POSE, 1))
    by_offset[:3, 0] = turning = state.rotation @ rate
    by_offset[3:, 0] = state.velocity + np.cross(state.position, turning)
    doubt = _doubt_of_motion(state)
    copied = np.r_[:n, :POSE]
    state.covariance = P = state.covariance[np.ix_(copied, copied)]
    P[moved] += sign * by_offset @ P[TIME_OFFSET]
    P[:, moved] += sign * P[:, TIME_OFFSET] @ by_offset.T
    P[moved, moved] = 0.5 * (P[moved, moved] + P[moved, moved].T) + doubt
    state.trail_rotations = np.concatenate([state.trail_rotations, state.rotation[None]])
    state.trail_positions = np.concatenate([state.trail_positions, state.position[None]])


def _doubt_of_motion(state: State) -> np.ndarray:
    """Return the covariance (6, 6) of a pose by the product of two errors: offset and motion.

    At a start the velocity may be wrong by itself. The filter, linear in each, would then learn a
    wrong time offset, and be sure of it, from poses that are off by offset times velocity.
    """
    by_motion = np.zeros((POSE, BODY))
    by_motion[:3, GYRO_BIAS] = -state.rotation
    by_motion[3:, GYRO_BIAS] = -hat(state.position) @ state.rotation
    by_motion[3:, VELOCITY] = np.eye(3)
    P = state.covariance[:BODY, :BODY]
    common = by_motion @ P[:, TIME_OFFSET]
    variance = P[TIME_OFFSET, TIME_OFFSET]
    return variance * (by_motion @ P @ by_motion.T) + 2 * common @ common.T  # if Gaussian


def drop_pose(state: State, index: int) -> None:
    """Take one pose out of the trail; what it knew stays in the rest of the covariance."""
    start = len(state.covariance) - POSE * (len(state.trail_positions) - index)
    kept = np.r_[:start, start + POSE : len(state.covariance)]
    state.covariance = state.covariance[np.ix_(kept, kept)]
    state.trail_rotations = np.delete(state.trail_rotations, index, 0)
    state.trail_positions = np.delete(state.trail_positions, index, 0)
