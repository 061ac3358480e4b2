"""Image messages as the steps of an odometry, in the node's worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from equi_nodes.errors import EquiError
from equi_nodes.geometry.camera import Camera
from equi_nodes.ros.images import grey, size_problem
from equi_nodes.ros.sync import Match
from equi_nodes.samples import Frame, OdometrySample


class Odometry(Protocol):
    """What is needed of ``pipelines.odometry``."""

    remarks: tuple[str, ...]

    def warm_up(self) -> None:
        """Compile what is compiled."""

    def step(self, frame: Frame) -> OdometrySample | None:
        """Return the state at a frame, None if the frame is older than one before."""

    def reset(self) -> None:
        """Forget everything."""


@dataclass(frozen=True)
class FrameResult:
    """What came of one frame.

    Attributes:
        stamp_ns: of the frame.
        frame_id: of the odometry.
        sample: the state, None if the frame could not be used.
        frame: the pictures, for those who want to look.
        notes: what a user should know, in sentences.
    """

    stamp_ns: int
    frame_id: str
    sample: OdometrySample | None
    frame: Frame | None = None
    notes: tuple[str, ...] = ()
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)


class FramePipeline:
    """Decodes a pair of image messages and steps the odometry on it."""

    backend_name = "numpy"

    def __init__(
        self, odometry: Odometry, cameras: tuple[Camera, ...], frame_id: str, bits: int
    ) -> None:
        """Step ``odometry``; ``bits`` are the significant ones of 16-bit images."""
        self._odometry, self._cameras = odometry, cameras
        self._frame_id, self._bits = frame_id, bits

    def warm_up(self) -> None:
        """Make the first step as fast as the later ones."""
        self._odometry.warm_up()

    def reset(self) -> None:
        """Forget all frames."""
        self._odometry.reset()

    def step(self, match: Match) -> FrameResult:
        """Return the state at one frame; what is wrong with its images stands in the notes."""
        left, problem = self._picture(match.left, 0)
        if left is None:
            return FrameResult(match.stamp_ns, self._frame_id, None, notes=(f"left {problem}",))
        right, problem = self._picture(match.right, 1) if match.right is not None else (None, "")
        frame = Frame(match.stamp_ns, left, right)
        sample = self._odometry.step(frame)
        notes = (*((f"right {problem}",) if problem else ()), *self._odometry.remarks)
        return FrameResult(match.stamp_ns, self._frame_id, sample, frame, notes)

    def _picture(self, msg: Any, side: int) -> tuple[np.ndarray | None, str]:
        """Return the picture of one camera, or why there is none."""
        try:
            picture = grey(msg, self._bits)
        except EquiError as error:
            return None, f"image: {error}"
        camera = self._cameras[side]
        height, width = picture.shape
        problem = size_problem(width, height, camera.width, camera.height)
        return (None, problem) if problem else (picture, "")
