"""The filter: one frame's tracks and the IMU in, where the body is out."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Protocol

import numpy as np

from equi_nodes.config.vio import FilterConfig, WheelConfig
from equi_nodes.geometry.rotations import rigid
from equi_nodes.samples import OdometrySample, Status, Tracks, WheelSample
from equi_nodes.vio.imu_buffer import ImuBuffer, white_densities
from equi_nodes.vio.propagation import Propagation
from equi_nodes.vio.pseudo import limit_speed, stand_still
from equi_nodes.vio.selection import select_tracks
from equi_nodes.vio.start import (
    continued,
    first_state,
    grounded,
    newest_pose,
    plain_covariance,
    upright,
)
from equi_nodes.vio.state import POSITION, TIME_OFFSET, VELOCITY, InitialState, State, Waiting
from equi_nodes.vio.stationarity import Stationarity
from equi_nodes.vio.status import Evidence, Health
from equi_nodes.vio.trail import Trail, clone_pose, drop_pose
from equi_nodes.vio.triangulation import OK
from equi_nodes.vio.types import Rig
from equi_nodes.vio.update import VisualUpdate, apply_tracks, gate_limits, linearise_tracks
from equi_nodes.vio.wheels import Wheels

TIME_WENT_BACK = 1.0  # s backward that are a new recording and not a late frame
NOISE_WINDOW = 1.0  # s over which the IMU's noise is measured
NOISIER = 1.5  # times its density, from which the noise measured counts
FIRST_FRAMES = 21  # that are kept in the trail even if they stand
FEWEST_POINTS = 2  # of a stereo track, which tell an unknown velocity before it leads far off
MOVED_POSITION, MOVED_HEADING = 1.5, 0.7  # m and rad, as far as somebody may put a robot
UNKNOWN = 1e6  # variance of what is not estimated yet


class Initialiser(Protocol):
    """Finds where to start."""

    def feed(self, tracks: Tracks, imu_buffer: ImuBuffer) -> InitialState | Waiting:
        """Take one more frame; return a state at its time, or why there is none yet."""

    def reset(self) -> None:
        """Forget all frames."""


class Estimator:
    """Estimates the body's motion from tracks and IMU.

    Args:
        rig: cameras and IMU.
        config: the user's settings.
        initialiser: finds the first state; without one, or with wheels, which tell the speed, the
            filter starts at once, upright.
        wheel: the user's settings of the wheels.

    Attributes:
        imu: the samples taken.
        resets: how often the filter started anew.
        skipped: frames that were not newer than the last.
    """

    def __init__(
        self,
        rig: Rig,
        config: FilterConfig = FilterConfig(),
        initialiser: Initialiser | None = None,
        wheel: WheelConfig = WheelConfig(),
    ):
        self.imu = ImuBuffer()
        self._wheels = Wheels(rig.T_b_base, wheel)
        self.resets = self.skipped = 0
        self._rig, self._config, self._initialiser = rig, config, initialiser
        noise, scale = rig.imu_noise, config.imu_noise_scale
        self._white = np.array([noise.gyro, noise.accel]) * scale
        self._propagation = Propagation(
            self._white,
            np.array([noise.gyro_walk, noise.accel_walk]) * scale,
            config.accel_bias_decay,
            config.gravity,
            np.array([config.gap_gyro, config.gap_accel]),
        )
        self._additive = config.error == "additive"
        self._limits = gate_limits(config.gate_probability)
        self._rng = np.random.default_rng(config.seed)
        self._trail = Trail(len(rig.cameras), config.trail, config.trail_sparse)
        self._health = Health(config)
        self._kept: tuple[np.ndarray, np.ndarray] | None = None
        self._sample = _nothing_yet()
        self._forget("")

    def add_imu(self, stamp_ns: int, gyro: np.ndarray, accel: np.ndarray) -> None:
        """Take one sample, rad/s and m/s^2, in order of time."""
        self.imu.add(stamp_ns, gyro, accel)

    def add_wheels(self, sample: WheelSample) -> None:
        """Take how fast the wheels turn, by the clock of the IMU, in order of time."""
        self._wheels.add(sample)

    @property
    def is_driven(self) -> bool:
        """Return whether the wheels turn."""
        return self._wheels.turn

    def step(self, tracks: Tracks) -> OdometrySample:
        """Take the tracks of one frame; the IMU's samples up to it should have come before."""
        if self._is_late(tracks):
            self.skipped += 1
            return self._sample
        if self._state is None:
            waiting = self._start(tracks)
            if waiting:
                return self._publish(tracks, Status.INITIALISING, waiting)
        gap = self._propagate(tracks)
        if gap > self._config.max_imu_gap:
            self.reset(f"no IMU for {gap:.1f} s")
            return self._publish(tracks, Status.LOST, self._why_anew)
        self._trail.observe(tracks, self._config.image_noise_scale)
        clone_pose(self._state, self._rate)
        self._judge_stillness(tracks)
        columns, update = self._update_by_tracks()
        limit_speed(self._state, self._config.max_speed, self._additive)
        for index in reversed(self._trail.to_discard()):
            self._drop(index)
        return self._conclude(tracks, gap, columns, update)

    def predict_pose(self, stamp_ns: int) -> np.ndarray | None:
        """Return T_w_b (4, 4) expected at a camera's stamp; None before the start."""
        if self._state is None:
            return None
        moved = copy(self._state)
        end = max(stamp_ns + round(moved.time_offset * 1e9), moved.time_ns)
        self._propagation.move(moved, self.imu.between(moved.time_ns, end), end)
        return rigid(moved.rotation, moved.position)

    def propagated(self, stamp_ns: int) -> OdometrySample:
        """Return the state at a time of the IMU's clock, which is not before the last frame."""
        if self._state is None:
            return self._sample
        moved = self._state.body()
        end = max(stamp_ns, moved.time_ns)
        span = self.imu.between(moved.time_ns, end)
        self._propagation.apply(moved, span, end)
        return replace(self._sample, stamp_ns=end, **_values(moved, span.last_gyro))

    def reset(self, reason: str, *, is_moved: bool = False) -> None:
        """Start anew at the next frame, where the last pose was; the reason is published.

        How far the state moved since tracks began to contradict it may all be wrong, and where
        somebody put a robot that ``is_moved`` can only be guessed.
        """
        if self._state is not None:
            self.resets += 1
            T_w_b, covariance = newest_pose(self._state), plain_covariance(self._state)
            astray = T_w_b[:3, 3] - self._agreed
            covariance[POSITION, POSITION] += astray @ astray * np.eye(3)
            if is_moved:
                covariance[POSITION, POSITION] += MOVED_POSITION**2 * np.eye(3)
                covariance[2, 2] += MOVED_HEADING**2
            if np.isfinite(T_w_b).all() and np.isfinite(covariance).all():
                self._kept = T_w_b, covariance
        self._forget(reason)

    def _forget(self, reason: str) -> None:
        self._why_anew = reason
        self._state: State | None = None
        self._last_stamp_ns: int | None = None
        self._restarts = self.imu.restarts
        self._refused = np.zeros(0, np.int64)
        self._rate = np.zeros(3)
        self._frames = 0
        self._stood_ns: int | None = None
        self._disputes = False
        self._trail.clear()
        self._wheels.clear()
        self._health.restart()
        self._stationarity = Stationarity(self._rig, self._config)
        if self._initialiser is not None:
            self._initialiser.reset()

    def _is_late(self, tracks: Tracks) -> bool:
        """Whether a frame is not newer than the last; a jump back starts anew instead."""
        if self.imu.restarts != self._restarts:
            self.reset("time went back")
        if self._last_stamp_ns is None or tracks.stamp_ns > self._last_stamp_ns:
            return False
        if tracks.stamp_ns > self._last_stamp_ns - TIME_WENT_BACK * 1e9:
            return True
        self.reset("time went back")
        return False

    def _start(self, tracks: Tracks) -> str:
        """Make the first state; return why that is not possible yet."""
        if self._initialiser is not None and not self._wheels.are_heard:
            found = self._initialiser.feed(tracks, self.imu)
        else:
            found = upright(tracks.stamp_ns, self.imu, self._config)
        if isinstance(found, Waiting):
            return self._again(found.reason)
        if self._rig.T_b_base is not None:
            found = grounded(found, self._rig.T_b_base)
        if self._kept is not None:
            found = continued(found, *self._kept)
        self._state = first_state(found, self._rig, self._config)
        self._agreed = self._state.position.copy()
        return ""

    def _again(self, reason: str) -> str:
        """Return the reason of a start, with that of the reset if it is not the first one."""
        return f"starting anew ({self._why_anew}): {reason}" if self._why_anew else reason

    def _propagate(self, tracks: Tracks) -> float:
        """Move the state to the frame; return the longest gap of the IMU in it, seconds."""
        state = self._state
        end = max(tracks.stamp_ns + round(state.time_offset * 1e9), state.time_ns)
        if self._config.adaptive_noise:
            shown = np.array(white_densities(self.imu, end, NOISE_WINDOW))
            noisy = shown > NOISIER * self._white
            self._propagation.white = np.square(np.where(noisy, shown, self._white))
        gap = 0.0
        for sample in self._wheels.due(state.time_ns, end):
            if sample.stamp_ns > state.time_ns:
                gap = max(gap, self._move(sample.stamp_ns))
            self._wheels.update(state, sample, self._rate, self._additive)
        gap = max(gap, self._move(end))
        before = tracks.stamp_ns if self._last_stamp_ns is None else self._last_stamp_ns
        self._image_gap = (tracks.stamp_ns - before) * 1e-9
        self._last_stamp_ns = tracks.stamp_ns
        self._frames += 1
        return gap

    def _move(self, end_ns: int) -> float:
        """Propagate to a time; return the longest gap of the IMU before it, seconds."""
        span = self.imu.between(self._state.time_ns, end_ns)
        self._propagation.apply(self._state, span, end_ns)
        self._rate = span.last_gyro - self._state.gyro_bias
        return float(span.gaps.max(initial=0.0))

    def _judge_stillness(self, tracks: Tracks) -> None:
        """Let a still frame replace the one before; tell the state when the body stands."""
        white = np.sqrt(self._propagation.white)
        now = self._state.time_ns
        wheels_stand = self._wheels.stand(now, self._config.still_window)
        self._stationarity.observe(tracks, self.imu, now, white, wheels_stand)
        if self._stationarity.image_is_still and self._frames > FIRST_FRAMES:
            self._drop(len(self._trail) - 2)
        if not self._stationarity.stands:
            self._stood_ns, self._disputes = None, False
        elif self._stood_ns is None:
            self._stood_ns = now
        elif now - self._stood_ns >= self._config.still_interval * 1e9:
            self._stand(self._stood_ns, now)
            self._stood_ns = now

    def _stand(self, since_ns: int, now_ns: int) -> None:
        """Apply a stand; a filter that contradicts it is not forced, but says so."""
        inside = self.imu.window(now_ns, (now_ns - since_ns) * 1e-9)
        rates = self.imu.gyro[inside]
        if len(rates):
            variance = self._propagation.white[0] / ((now_ns - since_ns) * 1e-9)
            spread = self._config.still_velocity
            agrees = stand_still(self._state, rates.mean(0), variance, spread, self._additive)
            self._disputes = not agrees and self._stationarity.image_is_still

    def _update_by_tracks(self) -> tuple[np.ndarray, VisualUpdate]:
        """Choose tracks, gate them, correct the state; tracks that failed rest for a frame."""
        config, trail = self._config, self._trail
        young = len(self._rig.cameras) > 1 and not self._health.has_converged
        fewest = FEWEST_POINTS if young else config.min_track
        columns, chosen = select_tracks(
            trail, self._rng, config.tracks_per_frame, fewest, self._refused
        )
        update = linearise_tracks(
            self._state,
            trail,
            columns,
            chosen,
            self._limits,
            config.gate_noise_scale,
            1.0 / config.image_noise_scale,
        )
        apply_tracks(self._state, update, self._additive)
        good = update.codes == OK
        trail.uses[:, columns[good]] += chosen[:, columns[good]]
        self._refused = trail.ids[columns[~good]]
        return columns, update

    def _drop(self, index: int) -> None:
        self._trail.discard(index)
        drop_pose(self._state, index)

    def _conclude(
        self, tracks: Tracks, gap: float, columns: np.ndarray, update: VisualUpdate
    ) -> OdometrySample:
        """Judge the frame and publish; start anew if nothing agrees or numbers are broken."""
        good = update.codes == OK
        if self._sample.status is Status.LOST and self._health.has_converged and good.any():
            self.reset("found again after being lost")
            return self._publish(tracks, Status.LOST, self._why_anew)
        values = _values(self._state, self._rate + self._state.gyro_bias)
        spread = float(np.sqrt(np.trace(self._state.covariance[VELOCITY, VELOCITY])))
        nis = float(update.nis[good].mean()) if good.any() else 0.0
        stands = self._stationarity.stands
        evidence = Evidence(
            tracks.stamp_ns * 1e-9,
            len(tracks.ids),
            len(good),
            int(good.sum()),
            nis,
            len(update.residuals) / self._config.image_noise_scale**2,
            stands,
            self._disputes,
            gap,
            self._image_gap,
            spread,
            self._state.time_offset,
            self._wheels.agreed,
            self._wheels.refused,
        )
        status, reason = self._health.judge(evidence)
        if not self._health.has_converged:
            reason = self._again(reason)
        if not all(np.isfinite(value).all() for value in values.values()):
            self.reset("the filter diverged")
            return self._publish(tracks, Status.LOST, self._why_anew)
        if not self._health.disagreed_for:
            self._agreed = self._state.position.copy()
        figures = {"attempted": len(good), "accepted": int(good.sum()), "nis": nis}
        if self._state.wheel_scale is not None:
            figures |= self._wheels.figures | {"wheel_scale": self._state.wheel_scale}
        seen = {
            "landmarks": update.points[good],
            "landmark_ids": self._trail.ids[columns[good]],
            "figures": figures | {"stationary": float(stands)},
        }
        sample = self._publish(tracks, status, reason, **values, **seen)
        if self._health.is_moved:
            self.reset("images and wheels jumped: somebody moved the robot", is_moved=True)
        elif self._health.disagreed_for > self._config.reset_after:
            self.reset("images and IMU contradicted the estimate")
        if self._state is None:
            return self._publish(tracks, Status.LOST, self._why_anew, **values)
        return sample

    def _publish(
        self, tracks: Tracks, status: Status, reason: str, **values: np.ndarray
    ) -> OdometrySample:
        nothing = {
            "landmarks": np.zeros((0, 3)),
            "landmark_ids": np.zeros(0, np.int64),
            "figures": {"attempted": 0, "accepted": 0, "nis": 0.0, "stationary": 0.0},
        }
        values = nothing | values
        values["figures"] = values["figures"] | {
            "tracks": len(tracks.ids),
            "resets": self.resets,
            "imu_refused": self.imu.refused,
            "skipped": self.skipped,
        }
        self._sample = replace(
            self._sample, stamp_ns=tracks.stamp_ns, status=status, reason=reason, **values
        )
        return self._sample


def _values(state: State, gyro: np.ndarray) -> dict[str, np.ndarray | float]:
    """Return the fields of a sample that come from a state and the gyro at its time."""
    return {
        "T_w_b": newest_pose(state),
        "velocity": state.velocity,
        "angular_velocity": gyro - state.gyro_bias,
        "gyro_bias": state.gyro_bias,
        "accel_bias": state.accel_bias,
        "covariance": plain_covariance(state),
        "time_offset": state.time_offset,
        "time_offset_spread": float(np.sqrt(state.covariance[TIME_OFFSET, TIME_OFFSET][0, 0])),
    }


def _nothing_yet() -> OdometrySample:
    zero = np.zeros(3)
    unknown = UNKNOWN * np.eye(15)
    reason = "waiting for IMU"
    return OdometrySample(
        0, Status.INITIALISING, reason, np.eye(4), zero, zero, zero, zero, unknown
    )
