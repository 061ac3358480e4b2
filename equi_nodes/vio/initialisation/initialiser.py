"""Waits for a start that can be trusted, with one camera and an IMU."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from equi_nodes.config.vio import FilterConfig, InitialiserConfig
from equi_nodes.samples import Tracks
from equi_nodes.vio.imu_buffer import ImuBuffer, white_densities
from equi_nodes.vio.initialisation.dynamic import BiasPrior, start_in_motion
from equi_nodes.vio.initialisation.window import choose_frames, observe
from equi_nodes.vio.state import InitialState, Waiting
from equi_nodes.vio.stationarity import Stationarity
from equi_nodes.vio.types import ImuNoise, Rig

EARLIER_NS = 5_000_000  # frames may come so much before their spacing: jitter of the camera
REST_GYRO_SPREAD = 1e-3  # rad/s, of the gyro bias after standing still, beside the noise
LONGEST_IMU_GAP = 0.05  # s inside the window


class Initialiser:
    """Finds the state of the body from the last seconds of tracks and IMU.

    Standing gives the gyro bias alone; scale, velocity and gravity need motion.

    Args:
        rig: its first camera is used.
        config: the user's settings.
        filter_config: what standing still means, and gravity.
    """

    def __init__(
        self,
        rig: Rig,
        config: InitialiserConfig = InitialiserConfig(),
        filter_config: FilterConfig = FilterConfig(),
    ):
        self._rig, self._config, self._filter_config = rig, config, filter_config
        self._white = np.array([rig.imu_noise.gyro, rig.imu_noise.accel])
        self.reset()

    def reset(self) -> None:
        """Forget all frames."""
        self._frames: deque[tuple[Tracks, bool]] = deque()
        self._stationarity = Stationarity(self._rig, self._filter_config)
        self._prior = self._first_prior()
        self._tried_ns: int | None = None
        self._answer = Waiting("no images yet")

    def feed(self, tracks: Tracks, imu_buffer: ImuBuffer) -> InitialState | Waiting:
        """Take one more frame; return a state at its time, or why there is none yet."""
        if self._frames and tracks.stamp_ns <= self._frames[-1][0].stamp_ns:
            self.reset()
        self._stationarity.observe(tracks, imu_buffer, tracks.stamp_ns, self._white)
        self._frames.append((tracks, self._stationarity.stands))
        while self._age(0) > self._config.max_window:
            self._frames.popleft()
        if self._stationarity.stands:
            self._rest(tracks.stamp_ns, imu_buffer)
            return Waiting("standing still; move to find the scale")
        return self._not_ready(imu_buffer) or self._try(tracks.stamp_ns, imu_buffer)

    def _age(self, index: int) -> float:
        """Return how much older than the newest a frame is, seconds."""
        return (self._frames[-1][0].stamp_ns - self._frames[index][0].stamp_ns) * 1e-9

    def _first_prior(self) -> BiasPrior:
        config, zero = self._config, np.zeros(3)
        gyro, accel = (
            np.eye(3) * spread**2 for spread in (config.prior_gyro_bias, config.prior_accel_bias)
        )
        return BiasPrior(zero, gyro, zero, accel)

    def _rest(self, stamp_ns: int, imu_buffer: ImuBuffer) -> None:
        """Take the gyro bias from a body that stands."""
        duration = self._filter_config.still_window
        inside = imu_buffer.window(stamp_ns, duration)
        variance = self._rig.imu_noise.gyro**2 / duration + REST_GYRO_SPREAD**2
        mean = imu_buffer.gyro[inside].mean(0)
        self._prior = replace(self._prior, gyro=mean, gyro_covariance=variance * np.eye(3))

    def _not_ready(self, imu_buffer: ImuBuffer) -> Waiting | None:
        """Return what is missing before a start can be tried."""
        length, needed = self._age(0), self._config.min_window
        if length < needed:
            return Waiting(f"collecting images: {length:.1f} s of {needed:g} s")
        stamps = imu_buffer.stamps_ns
        if not len(stamps) or stamps[0] > self._frames[0][0].stamp_ns:
            return Waiting("waiting for IMU: it starts after the images")
        behind = (self._frames[-1][0].stamp_ns - stamps[-1]) * 1e-9
        if behind > LONGEST_IMU_GAP:
            return Waiting(f"waiting for IMU: it is {behind:.2f} s behind the images")
        return None

    def _try(self, stamp_ns: int, imu_buffer: ImuBuffer) -> InitialState | Waiting:
        """Try to start, not more often than the settings ask for."""
        last = self._tried_ns
        if last is not None and stamp_ns - last < self._config.interval * 1e9 - EARLIER_NS:
            return self._answer
        self._tried_ns = stamp_ns
        stamps = np.array([frame.stamp_ns for frame, _ in self._frames])
        chosen = choose_frames(stamps, round(self._config.frame_spacing * 1e9) - EARLIER_NS)
        frames = [self._frames[index][0] for index in chosen]
        stood = np.array([self._frames[index][1] for index in chosen])
        spans = [
            imu_buffer.between(before.stamp_ns, after.stamp_ns)
            for before, after in zip(frames[:-1], frames[1:])
        ]
        gap = max(float(span.gaps.max(initial=0.0)) for span in spans)
        if gap > LONGEST_IMU_GAP:
            self._answer = Waiting(f"the IMU has a gap of {gap:.2f} s")
            return self._answer
        rig = replace(self._rig, imu_noise=self._noise(imu_buffer))
        found = start_in_motion(
            observe(frames, self._config.max_landmarks), spans, stood, rig, self._prior,
            self._config, self._filter_config.gravity,
        )  # fmt: skip
        if isinstance(found, Waiting):
            self._answer = found
        return found

    def _noise(self, imu_buffer: ImuBuffer) -> ImuNoise:
        """Return the noise that the IMU's samples show, but no less than it is known for."""
        known = self._rig.imu_noise
        end = self._frames[-1][0].stamp_ns
        gyro, accel = white_densities(imu_buffer, end, self._age(0))
        return replace(known, gyro=max(gyro, known.gyro), accel=max(accel, known.accel))
