"""The map: keyframes of the filter, points that they see, and places seen again.

The filter never hears of it. What comes out is where the filter's world lies in the map, in
heading and position alone, since gravity is the filter's. Only a place seen again moves it: the
adjustment of keyframes that follow each other knows nothing that the filter does not, so it makes
the points exact and leaves the poses alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import chi2

from equi_nodes.config.vio import SlamConfig
from equi_nodes.geometry.rotations import inverse, level_tie, log_so3, transform
from equi_nodes.samples import OdometrySample, Tracks
from equi_nodes.vio.mapping.bundle import Loop, adjust, correct, motion_covariance
from equi_nodes.vio.mapping.keyframes import Describer, Keyframe
from equi_nodes.vio.mapping.loops import Recognition, recognise
from equi_nodes.vio.mapping.points import misfits, triangulate
from equi_nodes.vio.mapping.solver import solver
from equi_nodes.vio.types import Rig

PIXEL_SPREAD = 3.0  # px, of a reprojection: the errors of one track are alike from view to view


class Mapper:
    """Keeps the map of one run.

    Args:
        rig: the sensors.
        config: the user's settings.

    Attributes:
        keyframes: that are remembered, in order of time.
        points: map points (3,) by id, metres.
        loops: places that were seen again.

    Raises:
        EquiError: the solver is not installed.
    """

    def __init__(self, rig: Rig, config: SlamConfig = SlamConfig()):
        solver()
        self._rig, self._config = rig, config
        self._describer = Describer(rig.cameras[0])
        self.reset()

    def reset(self) -> None:
        """Forget the map."""
        self.keyframes: list[Keyframe] = []
        self.points: dict[int, np.ndarray] = {}
        self.loops: list[Loop] = []
        self._anchor: dict[int, int] = {}  # keyframe with which a point moves
        self._same: dict[int, int] = {}  # point of the map that a later track shows again
        self._T_map_w = np.eye(4)
        self._count = 0

    def add(self, estimate: OdometrySample, tracks: Tracks, image: np.ndarray) -> np.ndarray:
        """Take a keyframe and return T_map_w (4, 4).

        Args:
            estimate: of the filter at the frame.
            tracks: of the frame.
            image: (H, W) uint8 of the left camera.
        """
        new = self._keyframe(estimate, tracks, image)
        found = None
        if self._config.close_loops:
            found = recognise(new, self.keyframes, self.points, self._rig, self._config)
        self.keyframes.append(new)
        if found is not None:
            self._close(new, found)
        self._triangulate(new)
        self._adjust()
        if len(self.keyframes) > self._config.max_keyframes:
            self._forget_one()
        return self._T_map_w

    def _keyframe(self, estimate: OdometrySample, tracks: Tracks, image: np.ndarray) -> Keyframe:
        """Describe what a frame saw; its place is the filter's, corrected as up to now."""
        T_w_b, describer = estimate.T_w_b, self._describer
        descriptors, described = describer.describe(image, tracks.left, T_w_b[:3, :3])
        corners = describer.corners(image)
        more, has = describer.describe(image, corners, T_w_b[:3, :3])
        self._count += 1
        travelled = 0.0
        if self.keyframes:
            last = self.keyframes[-1]
            travelled = last.travelled + float(np.linalg.norm(T_w_b[:3, 3] - last.T_w_b[:3, 3]))
        return Keyframe(
            index=self._count,
            stamp_ns=estimate.stamp_ns,
            resets=int(estimate.figures.get("resets", 0)),
            T_w_b=T_w_b,
            T_map_b=self._T_map_w @ T_w_b,
            covariance=estimate.covariance[:6, :6],
            travelled=travelled,
            ids=np.array([self._same.get(track, track) for track in tracks.ids.tolist()], np.int64),
            left=tracks.left,
            right=tracks.right,
            descriptors=descriptors,
            described=described,
            corners=corners[has],
            corner_descriptors=more[has],
        )

    def _triangulate(self, new: Keyframe) -> None:
        """Find the points that the newest keyframe saw and the map does not have."""
        missing = [track for track in new.ids.tolist() if track not in self.points]
        window = self.keyframes[-self._config.adjusted :]
        ids, at = triangulate(window, self._rig, np.array(missing, np.int64))
        self.points.update(zip(ids.tolist(), at))
        self._anchor.update((track, new.index) for track in ids.tolist())

    def _adjust(self) -> None:
        """Adjust the newest keyframes, held by older ones that see the same points.

        Of the result the points are kept, each as the keyframe that it belongs to sees it.
        """
        free = self.keyframes[-self._config.adjusted :]
        older = self.keyframes[: -self._config.adjusted]
        held = self._holding(free, older) if older else []
        if len(free) < 2:
            return
        spread = PIXEL_SPREAD / self._rig.cameras[0].focal
        poses, points = adjust(free, held, self.points, self._rig, spread, self._config)
        adjusted = [replace(keyframe, T_map_b=T) for keyframe, T in zip(free, poses)]
        self.points.update(points)
        for point in misfits(adjusted, self._rig, points):
            del self.points[point]
        self._move(points, adjusted, free)

    def _holding(self, free: list[Keyframe], older: list[Keyframe]) -> list[Keyframe]:
        """Return the keyframe before the free ones, and those that share most points with them."""
        ids = np.unique(np.concatenate([keyframe.ids for keyframe in free]))
        shared = np.array([np.isin(keyframe.ids, ids).sum() for keyframe in older[:-1]], int)
        best = np.argsort(-shared, kind="stable")[: self._config.anchors]
        return [older[place] for place in best if shared[place]] + [older[-1]]

    def _close(self, new: Keyframe, found: Recognition) -> None:
        """Let a recognised place correct all keyframes since, if it must, and share its points."""
        off = inverse(new.T_map_b) @ found.T_map_b
        off = np.concatenate([log_so3(off[:3, :3]), off[:3, 3]])
        spread = np.repeat([found.rotation, found.position], 3)
        if np.sum((off / spread) ** 2) < chi2.ppf(self._config.loop_significance, 6):
            return  # the filter is where it is seen to be, as exactly as that can be seen
        stated = motion_covariance(found.candidate, new) + np.diag(spread**2)
        doubt = max(1.0, off @ np.linalg.solve(stated, off) / 6)
        T_old_new = inverse(found.candidate.T_map_b) @ found.T_map_b
        self.loops.append(
            Loop(found.candidate.index, new.index, T_old_new, found.rotation, found.position, doubt)
        )
        self._correct()
        self._T_map_w = level_tie(new.T_map_b, new.T_w_b)
        for row, point in zip(found.rows.tolist(), found.points.tolist()):
            self._merge(int(new.ids[row]), point)

    def _correct(self) -> None:
        """Spread the loops' corrections over all keyframes; points move with theirs."""
        poses = correct(self.keyframes, self.loops, self._config)
        corrected = [replace(k, T_map_b=T) for k, T in zip(self.keyframes, poses)]
        self._move(self.points, self.keyframes, corrected)
        for keyframe, T_map_b in zip(self.keyframes, poses):
            keyframe.T_map_b = T_map_b

    def _move(
        self, points: Iterable[int], before: Sequence[Keyframe], after: Sequence[Keyframe]
    ) -> None:
        """Move points as the keyframes move that they belong to."""
        moves = {k.index: m.T_map_b @ inverse(k.T_map_b) for k, m in zip(before, after)}
        for point in points:
            move = moves.get(self._anchor[point])
            if move is not None and point in self.points:
                self.points[point] = transform(move, self.points[point][None])[0]

    def _merge(self, track: int, point: int) -> None:
        """Let a track be seen as an old point from now on, unless a keyframe sees both."""
        showing = [keyframe for keyframe in self.keyframes if track in keyframe.ids]
        if track == point or any(point in keyframe.ids for keyframe in showing):
            return
        for keyframe in showing:
            keyframe.ids = np.where(keyframe.ids == track, point, keyframe.ids)
        self.points.pop(track, None)
        self._same[track] = point

    def _forget_one(self) -> None:
        """Drop the keyframe whose neighbours in time are closest together, and its points."""
        older = self.keyframes[: -2 * self._config.adjusted]
        at = np.stack([keyframe.T_map_b[:3, 3] for keyframe in older])
        crowded = 1 + int(np.argmin(np.linalg.norm(at[2:] - at[:-2], axis=1)))
        dropped = self.keyframes.pop(crowded)
        self.loops = [loop for loop in self.loops if dropped.index not in (loop.old, loop.new)]
        views = Counter(track for k in self.keyframes for track in k.ids.tolist())
        for track in dropped.ids.tolist():
            if views[track] < 2:
                self.points.pop(track, None)
            elif self._anchor.get(track) == dropped.index:
                self._anchor[track] = self.keyframes[crowded].index
