"""People near the robot whom the tracker tells of no more: for a while they are still there."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.pose_trail import SECOND_NS
from equi_nodes.samples import TrackSample

NEAR, NEAR_S = 3.0, 1.0  # m from the robot, within which who vanishes counts for so long
BLIND, BLIND_S = 0.8, 3.0  # as near a LiDAR may not measure, so that nobody is seen to leave


class Vanished:
    """Remembers who was near the robot when their track ended, at the place where that was."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._before: TrackSample | None = None
        self._lost: list[tuple[int, TrackSample]] = []

    def update(
        self, tracks: TrackSample | None, place: np.ndarray, now_ns: int
    ) -> tuple[TrackSample, ...]:
        """Return who vanished; each stands, and may be as fast as last.

        Args:
            tracks: the newest there are.
            place: (2,) of the robot in their frame, metres.
            now_ns: the time.
        """
        before = self._before
        if before is not None and tracks is not None and tracks is not before:
            is_gone = ~np.isin(before.ids, tracks.ids)
            away = np.linalg.norm(before.positions[:, :2] - place, axis=1)
            self._keep(before, is_gone & (away < BLIND), BLIND_S)
            self._keep(before, is_gone & (away >= BLIND) & (away < NEAR), NEAR_S)
        self._before = tracks
        self._lost = [one for one in self._lost if one[0] >= now_ns]
        return tuple(sample for _, sample in self._lost)

    def _keep(self, tracks: TrackSample, rows: np.ndarray, seconds: float) -> None:
        """Remember some rows of tracks, if there are any, for so long after they were told."""
        if rows.any():
            until = tracks.stamp_ns + round(seconds * SECOND_NS)
            self._lost.append((until, _standing(tracks, rows)))


def _standing(tracks: TrackSample, rows: np.ndarray) -> TrackSample:
    """Return rows of tracks that stand; the doubt about that is the speed they had."""
    velocities = np.nan_to_num(tracks.velocities[rows])
    doubts = (velocities**2).sum(1)[:, None, None] * np.eye(3)
    return TrackSample(
        tracks.stamp_ns, tracks.frame_id, tracks.ids[rows], tracks.positions[rows],
        np.zeros_like(velocities), tracks.covariances[rows], doubts,
    )  # fmt: skip
