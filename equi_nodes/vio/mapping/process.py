"""The map in a process of its own, as its solver would hold up the frames of this one.

The answer to a keyframe counts a fixed number of frames later, and is waited for then if it is not
there: how fast the machine is changes no result.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection

import cv2
import numpy as np

from equi_nodes.config.vio import SlamConfig
from equi_nodes.geometry.rotations import exp_so3, rigid, yaw_of
from equi_nodes.samples import OdometrySample, Tracks
from equi_nodes.vio.mapping.bundle import UP
from equi_nodes.vio.mapping.keyframes import tilt_spread
from equi_nodes.vio.mapping.mapper import Mapper
from equi_nodes.vio.mapping.solver import solver
from equi_nodes.vio.types import Rig

UPRIGHT_ENOUGH = 0.005  # rad, spread of roll and pitch from which the map begins ...
LATEST_NS = 5_000_000_000  # ... or this long after the first frame
NICENESS = 5  # of the map's process: on one core it takes the time that frames leave
ENDED = "the map's process ended: its correction stays as it was"


class MapProcess:
    """Chooses keyframes, hands them to the map, and lets its correction come in smoothly.

    Attributes:
        problem: why there is no map any more, in words; empty while there is one.

    Raises:
        EquiError: the solver is not installed.
    """

    def __init__(self, rig: Rig, config: SlamConfig = SlamConfig()):
        solver()
        self._config = config
        context = get_context("spawn")
        self._pipe, theirs = context.Pipe()
        context.Process(target=_serve, args=(theirs, rig, config), name="map", daemon=True).start()
        theirs.close()
        self.problem = ""
        self._awaited = 0
        self._wait()  # until it is up, so that no frame has to
        self.reset()

    def reset(self) -> None:
        """Forget the map."""
        if self._awaited:
            self._answer()
        self._hand_over(None)
        self._awaited = 0  # frames until the answer to the newest keyframe counts
        self._first_ns: int | None = None
        self._newest: tuple[int, np.ndarray, np.ndarray] | None = None  # stamp, position, ids
        self._before_ns = 0
        self._now, self._target = np.zeros(4), np.zeros(4)  # position and heading of T_map_w

    def add(self, estimate: OdometrySample, tracks: Tracks, image: np.ndarray) -> np.ndarray:
        """Take one frame and return T_map_w (4, 4).

        Args:
            estimate: of the filter at the frame.
            tracks: of the frame.
            image: (H, W) uint8 of the left camera.
        """
        self._glide(estimate.stamp_ns)
        if self._awaited:
            self._awaited -= 1
            if not self._awaited:
                self._target = self._answer()
        elif not self.problem and self._is_due(estimate, tracks):
            self._newest = estimate.stamp_ns, estimate.T_w_b[:3, 3], tracks.ids
            self._hand_over((estimate, tracks, image))
            self._awaited = 0 if self.problem else self._config.latency
        return rigid(exp_so3(self._now[3] * UP), self._now[:3])

    def _glide(self, stamp_ns: int) -> None:
        """Approach the target: each ``correction_time`` leaves 1/e of what is missing."""
        if self._first_ns is None:
            self._first_ns = self._before_ns = stamp_ns
        seconds = (stamp_ns - self._before_ns) * 1e-9
        self._before_ns = stamp_ns
        missing = self._target - self._now
        missing[3] = np.arctan2(np.sin(missing[3]), np.cos(missing[3]))
        self._now = self._now - np.expm1(-seconds / self._config.correction_time) * missing

    def _is_due(self, estimate: OdometrySample, tracks: Tracks) -> bool:
        """Return whether a frame differs enough from the newest keyframe to be one."""
        config = self._config
        if self._newest is None:
            waited = estimate.stamp_ns - self._first_ns >= LATEST_NS
            return waited or tilt_spread(estimate.covariance) < UPRIGHT_ENOUGH
        stamp_ns, position, ids = self._newest
        if (estimate.stamp_ns - stamp_ns) * 1e-9 < config.keyframe_interval:
            return False
        moved = np.linalg.norm(estimate.T_w_b[:3, 3] - position)
        common = np.isin(tracks.ids, ids).sum()
        return bool(
            moved > config.keyframe_distance or common < config.keyframe_shared * max(len(ids), 1)
        )

    def _hand_over(self, item: tuple[OdometrySample, Tracks, np.ndarray] | None) -> None:
        try:
            self._pipe.send(item)
        except OSError:
            self.problem = ENDED

    def _answer(self) -> np.ndarray:
        """Wait for the map; return position and heading of T_map_w (4,)."""
        T_map_w = self._wait()
        return self._target if T_map_w is None else np.append(T_map_w[:3, 3], yaw_of(T_map_w))

    def _wait(self) -> np.ndarray | None:
        """Return what the other end says next, None if it never will."""
        try:
            return self._pipe.recv()
        except (EOFError, OSError):
            self.problem = ENDED
            return None


def _serve(pipe: Connection, rig: Rig, config: SlamConfig) -> None:
    """Keep a map for the other end of the pipe until that is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other end decides when to stop
    os.nice(NICENESS)
    cv2.setNumThreads(1)
    mapper = Mapper(rig, config)
    pipe.send(None)
    with suppress(EOFError, OSError):  # the other end is gone
        while True:
            keyframe = pipe.recv()
            if keyframe is None:
                mapper.reset()
            else:
                pipe.send(mapper.add(*keyframe))
