"""From images and an IMU to where the body is: tracks, filter, and a map where one is asked for."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from equi_nodes.config.vio import (
    FilterConfig,
    InitialiserConfig,
    SlamConfig,
    TrackerConfig,
    WheelConfig,
)
from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import inverse, transform
from equi_nodes.pipelines.track_picture import draw
from equi_nodes.samples import Frame, OdometrySample, Status, Tracks, WheelSample
from equi_nodes.vio.estimator import Estimator
from equi_nodes.vio.imu_check import ImuCheck
from equi_nodes.vio.initialisation.initialiser import Initialiser
from equi_nodes.vio.sensor_check import StartCheck
from equi_nodes.vio.tracker import Tracker
from equi_nodes.vio.types import ImuNoise, Prediction, Rig

if TYPE_CHECKING:
    from equi_nodes.vio.mapping.process import MapProcess

SPOILING = ("in_g", "no_gravity", "in_degrees", "gyro_unit", "axes", "disagree", "clocks")
BACK_NS = 1_000_000_000  # so far back is a recording that loops, less is a late message
WARM_UP_FRAMES = 12
FRAME_NS = 50_000_000  # between two frames of the warm-up
UP = np.array([0.0, 0.0, 9.8])  # m/s^2, what a body at rest feels
MOST_WAITING = 20_000  # IMU samples between two frames, 20 s of the fastest


@dataclass(frozen=True)
class OdometryParts:
    """Settings of the parts of the odometry.

    Attributes:
        filter, tracker, initialiser, wheel: see the classes.
        mapping: None leaves the map out.
    """

    filter: FilterConfig = FilterConfig()
    tracker: TrackerConfig = TrackerConfig()
    initialiser: InitialiserConfig = InitialiserConfig()
    mapping: SlamConfig | None = None
    wheel: WheelConfig = WheelConfig()


def make_rig(
    cameras: Sequence[Camera],
    imu_noise: Mapping[str, float] | None = None,
    T_b_base: np.ndarray | None = None,
) -> Rig:
    """Return the rig of one camera or two and an IMU, whose noise is usual if it is not given.

    ``T_b_base`` (4, 4) says where the wheels are, for those who give their speed.
    """
    noise = ImuNoise(**imu_noise) if imu_noise else ImuNoise()
    return Rig(tuple(cameras), noise, T_b_base)


class Odometry:
    """Steps on frames; IMU and wheels may come at any time, also from another thread.

    Attributes:
        rig: the sensors it works for.
        remarks: what the newest step has to say beside its sample, in sentences.
        timings: seconds that the parts of the newest step took, by name.
        late: messages that came after a newer one and were left out.
        unusable: samples of IMU or wheels that were no numbers, or cannot be true.
    """

    backend_name = "numpy"

    def __init__(
        self, rig: Rig, parts: OdometryParts = OdometryParts(), time_offset: float = 0.0
    ) -> None:
        """Wire the parts for a rig of one camera or two.

        Args:
            rig: the calibrated sensors.
            parts: settings.
            time_offset: seconds to add to a camera stamp to have the IMU's time of it, as far as
                it is known beforehand; the filter estimates what is left of it.
        """
        self.rig = rig
        self._parts = parts
        self._offset_ns = round(time_offset * 1e9)
        self.remarks: tuple[str, ...] = ()
        self.timings: dict[str, float] = {}
        self.late = self.unusable = 0
        self._tracker = Tracker(rig, parts.tracker)
        alone = len(rig.cameras) == 1
        initialiser = Initialiser(rig, parts.initialiser, parts.filter) if alone else None
        self._estimator = Estimator(rig, parts.filter, initialiser, parts.wheel)
        self._map = _map(rig, parts.mapping) if parts.mapping else None
        self._waiting: deque[tuple[int, np.ndarray, np.ndarray]] = deque(maxlen=MOST_WAITING)
        self._wheels: deque[WheelSample] = deque(maxlen=MOST_WAITING)
        self._forget()

    def warm_up(self) -> None:
        """Step another odometry on noise, so that nothing is compiled when frames come."""
        other = Odometry(self.rig, replace(self._parts, mapping=None))
        other._estimator = Estimator(self.rig, self._parts.filter)  # one that starts at once
        camera = self.rig.cameras[0]
        noise = np.random.default_rng(0).integers(0, 255, (camera.height, camera.width), np.uint8)
        picture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3.0), None, 0, 255, cv2.NORM_MINMAX)
        for number in range(WARM_UP_FRAMES):
            start = number * FRAME_NS
            for tick in range(10):
                other.add_imu(start + tick * FRAME_NS // 10, np.zeros(3), UP)
            moved = np.roll(picture, 3 * number, axis=1)
            other.step(Frame(start + 1, moved, moved if len(self.rig.cameras) > 1 else None))

    def add_imu(self, stamp_ns: int, gyro: np.ndarray, accel: np.ndarray) -> None:
        """Take one sample, (3,) rad/s and (3,) m/s^2 of specific force in the body."""
        self._waiting.append((stamp_ns - self._offset_ns, gyro, accel))

    def add_wheels(self, sample: WheelSample) -> None:
        """Take what the wheels say at one time by the IMU's clock; the rig tells where they are."""
        moved = sample.stamp_ns - self._offset_ns
        self._wheels.append(replace(sample, stamp_ns=moved))

    def step(self, frame: Frame) -> OdometrySample | None:
        """Return where the body was when a frame was taken; None if a newer frame was before it.

        A stamp a second or more before the newest is taken for a recording that starts again.
        """
        began = time.perf_counter()
        self._take_wheels()
        problem = self._take_imu(frame.stamp_ns)
        if not self._is_newer(frame.stamp_ns, self._newest_frame):
            return None
        self._newest_frame = frame.stamp_ns
        tracks = self._tracker.track(frame, self._expect(frame.stamp_ns))
        tracked = time.perf_counter()
        sample = self._estimator.step(tracks)
        filtered = time.perf_counter()
        if self._map and sample.status in (Status.TRACKING, Status.DEGRADED):
            correction = self._map.add(sample, tracks, frame.left)
            sample = replace(sample, T_map_w=correction)
        ended = time.perf_counter()
        self.remarks = (*tracks.problems, *self._check.frame(tracks))
        self.remarks += (problem,) if problem else ()
        if self._map and self._map.problem:
            self.remarks += (self._map.problem,)
        sample = self._doubted(sample, tracks)
        self.timings = {
            "tracking": tracked - began, "filter": filtered - tracked, "map": ended - filtered,
        }  # fmt: skip
        self._tracks, self._sample = tracks, sample
        return sample

    @property
    def tracks(self) -> Tracks | None:
        """Return the tracks of the newest step."""
        return self._tracks

    def draw_tracks(self, frame: Frame) -> np.ndarray:
        """Return the (H, W, 3) bgr8 picture of a frame with the newest tracks drawn into it."""
        return draw(frame.left, self._tracks, self.rig.cameras[0], self._sample)

    def reset(self) -> None:
        """Forget everything but the calibration."""
        self._restart("reset from outside")

    def _doubted(self, sample: OdometrySample, tracks: Tracks) -> OdometrySample:
        """Return a state that is no better than its images and sensors allow."""
        analysis = self._check.analysis
        wrong = [f.text for f in analysis.findings if f.name in SPOILING] if analysis else []
        reasons = [*wrong, *tracks.problems]
        if sample.status is not Status.TRACKING or not reasons:
            return sample
        return replace(sample, status=Status.DEGRADED, reason=reasons[0])

    def _take_imu(self, frame_ns: int) -> str:
        """Hand what waits to the filter, in order and without what cannot be used; say why not."""
        said = ""
        while self._waiting:
            stamp_ns, gyro, accel = self._waiting.popleft()
            values = np.concatenate([gyro, accel])
            if not np.isfinite(values).all():
                self.unusable += 1
            elif self._is_newer(stamp_ns, self._newest_imu):
                is_driven = self._estimator.is_driven
                problem = self._imu_check.problem(stamp_ns, values, frame_ns, is_driven=is_driven)
                if problem:
                    self.unusable, said = self.unusable + 1, problem
                    continue
                self._newest_imu = stamp_ns
                self._check.imu(stamp_ns, gyro, accel)
                self._estimator.add_imu(stamp_ns, gyro, accel)
        return said

    def _take_wheels(self) -> None:
        """Hand the wheels' samples to the filter, as those of the IMU."""
        while self._wheels:
            sample = self._wheels.popleft()
            if not np.isfinite([sample.speed, sample.yaw_rate]).all():
                self.unusable += 1
            elif self._is_newer(sample.stamp_ns, self._newest_wheels):
                self._newest_wheels = sample.stamp_ns
                self._estimator.add_wheels(sample)

    def _is_newer(self, stamp_ns: int, newest_ns: int | None) -> bool:
        """Return whether a stamp is to be used; one far back makes a new start."""
        if newest_ns is None or stamp_ns > newest_ns:
            return True
        if newest_ns - stamp_ns >= BACK_NS:
            self._restart("time went back")
            return True
        self.late += 1
        return False

    def _restart(self, reason: str) -> None:
        self._tracker.reset()
        self._estimator.reset(reason)
        if self._map:
            self._map.reset()
        self._forget()

    def _forget(self) -> None:
        self._newest_imu: int | None = None
        self._newest_wheels: int | None = None
        self._newest_frame: int | None = None
        self._tracks: Tracks | None = None
        self._sample: OdometrySample | None = None
        self._check, self._imu_check = StartCheck(self.rig), ImuCheck()

    def _expect(self, stamp_ns: int) -> Prediction | None:
        """Return what the filter expects of a coming frame, None while it knows nothing."""
        before = self._sample
        if before is None or before.status in (Status.INITIALISING, Status.LOST):
            return None
        T_w_b = self._estimator.predict_pose(stamp_ns)
        if T_w_b is None:
            return None
        T_c_w = inverse(before.T_w_b @ self.rig.cameras[0].T_b_c)
        away = np.linalg.norm(transform(T_c_w, before.landmarks), axis=-1)
        by_id = dict(zip(before.landmark_ids.tolist(), away.tolist()))
        typical = {"distance": float(np.median(away))} if len(away) else {}
        return Prediction(before.T_w_b, T_w_b, distance_by_id=by_id, **typical)


def _map(rig: Rig, config: SlamConfig) -> MapProcess:
    """Start the map; its solver is imported here, as nothing else needs it."""
    from equi_nodes.vio.mapping.process import MapProcess

    return MapProcess(rig, config)
