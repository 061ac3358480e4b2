"""Whether the body stands: the images must say so, or its wheels where it has any, and the IMU too.

Either alone errs: an accelerometer is calm at constant velocity, images are still in front of
something that moves along, and wheels stand while the robot is carried.
"""

from __future__ import annotations

import numpy as np

from equi_nodes.config.vio import FilterConfig
from equi_nodes.samples import Tracks
from equi_nodes.vio.imu_buffer import ImuBuffer
from equi_nodes.vio.types import Rig

MOST_SHARE = 0.9  # share of the features that must have stayed in place
FEWEST = 8  # features from which an image can tell


class Stationarity:
    """Judges frame by frame.

    Attributes:
        image_is_still: the features are where they were when they last moved.
        stands: the body stands, for some frames now.
    """

    def __init__(self, rig: Rig, config: FilterConfig):
        self._config = config
        self._reach = config.still_pixels / rig.cameras[0].focal
        self._ids, self._points = np.zeros(0, np.int64), np.zeros((0, 2))
        self._frames = 0
        self.image_is_still = self.stands = False

    def observe(
        self,
        tracks: Tracks,
        buffer: ImuBuffer,
        time_ns: int,
        white: np.ndarray,
        wheels_stand: bool | None = None,
    ) -> None:
        """Judge one frame.

        Args:
            tracks: of the frame.
            buffer: the IMU.
            time_ns: of the frame, by the IMU's clock.
            white: densities of the noise of gyro and accelerometer as they are now, which on a
                vibrating robot are far above those of the sensor.
            wheels_stand: what the wheels say, who know better than images of moving people or of
                what is far away; None if they say nothing.
        """
        self.image_is_still = self._is_unmoved(tracks)
        if not self.image_is_still:
            self._ids, self._points = tracks.ids, tracks.left
        still = self.image_is_still if wheels_stand is None else wheels_stand
        calm = still and self._is_calm(buffer, time_ns, white)
        self._frames = self._frames + 1 if calm else 0
        self.stands = self._frames >= self._config.still_frames

    def _is_unmoved(self, tracks: Tracks) -> bool:
        if tracks.still < self._config.still_share:
            return False
        _, now, before = np.intersect1d(tracks.ids, self._ids, return_indices=True)
        if len(now) < FEWEST:
            return False
        moved = np.linalg.norm(tracks.left[now] - self._points[before], axis=1)
        return bool(np.mean(moved < self._reach) >= MOST_SHARE)

    def _is_calm(self, buffer: ImuBuffer, time_ns: int, white: np.ndarray) -> bool:
        """Whether gyro and accelerometer vary no more than standing, or than their noise."""
        inside = buffer.window(time_ns, self._config.still_window)
        if inside.stop - inside.start < FEWEST:
            return False
        noise = 3 * white / np.sqrt(buffer.period)
        gyro = max(self._config.still_gyro, noise[0])
        accel = max(self._config.still_accel, noise[1])
        return bool(
            buffer.gyro[inside].std(0).max() < gyro and buffer.accel[inside].std(0).max() < accel
        )
