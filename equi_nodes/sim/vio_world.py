"""A body with IMU and cameras on a smooth random path among landmarks, without pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import inverse, rigid, transform
from equi_nodes.samples import Tracks

DEGREE = 5  # of the splines: the IMU sees continuous derivatives of what it measures
LEAD, TAIL = 0.5, 0.2  # s of IMU before the first and after the last frame
BOX = np.array([[-9.0, -9.0, -3.0], [9.0, 9.0, 4.0]])  # m, in which the landmarks are
NEAREST = 0.8  # m, a landmark closer to a camera is not seen
VISIBLE_MOTION = 3.0  # px a frame, from which a feature counts as moved
AHEAD_NS = 30_000_000  # of IMU that has come when a frame is taken
R_B_C = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # looks along x
BASELINE = 0.11  # m

ImuReading = tuple[int, np.ndarray, np.ndarray]  # stamp ns, rad/s, m/s^2


@dataclass(frozen=True)
class WorldConfig:
    """What is simulated.

    Attributes:
        duration: seconds from the first to the last frame.
        frame_rate, imu_rate: Hz.
        speed: m/s, about the mean; the path stays within a few metres.
        rotation: rad, spread of the angles of the body.
        gyro_noise, accel_noise: densities, rad/s and m/s^2 per sqrt(Hz).
        gyro_walk, accel_walk: densities of the biases' walk, per s.
        gyro_bias, accel_bias: spread of the first biases, rad/s and m/s^2.
        time_offset: seconds to add to a camera stamp to have the IMU's time of it.
        pixel_noise: standard deviation of every image coordinate, px.
        features: seen at once, at most.
        landmarks: in the whole box.
        loss: chance a frame that a feature is lost and found again as a new one.
        standing: seconds between which the body stands; none if equal.
    """

    duration: float = 20.0
    frame_rate: float = 20.0
    imu_rate: float = 200.0
    speed: float = 0.7
    rotation: float = 0.35
    gyro_noise: float = 1.7e-4
    accel_noise: float = 2.0e-3
    gyro_walk: float = 2.0e-5
    accel_walk: float = 3.0e-3
    gyro_bias: float = 0.03
    accel_bias: float = 0.05
    time_offset: float = 0.0
    pixel_noise: float = 0.7
    features: int = 100
    landmarks: int = 3000
    loss: float = 0.02
    standing: tuple[float, float] = (0.0, 0.0)
    gravity: float = 9.80665


@dataclass(frozen=True)
class Recording:
    """What the sensors saw, and the truth at every frame.

    Attributes:
        imu_stamps_ns: (M,) by the IMU's clock.
        gyro, accel: (M, 3) rad/s and m/s^2.
        tracks: one a frame.
        T_w_b: (F, 4, 4) true poses at the frames.
        velocities: (F, 3) in the world, m/s.
        gyro_biases, accel_biases: (F, 3) true.
        landmarks: (L, 3) by landmark.
        landmark_of_id: (I,) landmark of every track id.
    """

    imu_stamps_ns: np.ndarray
    gyro: np.ndarray
    accel: np.ndarray
    tracks: list[Tracks]
    T_w_b: np.ndarray
    velocities: np.ndarray
    gyro_biases: np.ndarray
    accel_biases: np.ndarray
    landmarks: np.ndarray
    landmark_of_id: np.ndarray

    def arrivals(self) -> Iterator[tuple[list[ImuReading], Tracks]]:
        """Yield every frame's tracks, and before them the IMU's samples that came by then."""
        first = 0
        for tracks in self.tracks:
            last = int(np.searchsorted(self.imu_stamps_ns, tracks.stamp_ns + AHEAD_NS, "right"))
            came = slice(first, last)
            stamps = self.imu_stamps_ns[came].tolist()
            yield list(zip(stamps, self.gyro[came], self.accel[came])), tracks
            first = last


def pinhole_cameras(count: int = 2) -> tuple[Camera, ...]:
    """Return a left camera, and a right one if there are two, that look along the body's x."""
    poses = [rigid(R_B_C, np.array([0.05, BASELINE * (0.5 - side), 0.02])) for side in range(count)]
    return tuple(
        Camera("pinhole", 752, 480, (458.0, 458.0, 376.0, 240.0), (), T_b_c) for T_b_c in poses
    )


def simulate(
    cameras: tuple[Camera, ...], config: WorldConfig, seed: int, path: Path | None = None
) -> Recording:
    """Move a body along a random path, or a given one; equal arguments give equal recordings."""
    rng = np.random.default_rng(seed)
    path = path or Path(config, rng)
    imu_times = np.arange(-LEAD, config.duration + TAIL, 1 / config.imu_rate)
    gyro, accel, biases = _imu(path, imu_times, config, rng)
    times = np.arange(0.0, config.duration, 1 / config.frame_rate)
    poses = path.poses(times)
    landmarks = rng.uniform(*BOX, size=(config.landmarks, 3))
    features = _Features(cameras, landmarks, config, rng)
    stamps = _nanoseconds(times - config.time_offset)
    tracks = [features.see(int(stamp), T) for stamp, T in zip(stamps, poses)]
    at_frames = np.stack([np.interp(times, imu_times, b) for b in biases.T], 1)
    return Recording(
        _nanoseconds(imu_times),
        gyro,
        accel,
        tracks,
        poses,
        path.position(times, 1),
        at_frames[:, :3],
        at_frames[:, 3:],
        landmarks,
        np.array(features.landmark_of_id, np.int64),
    )


class Path:
    """A smooth random motion: position, and yaw, pitch and roll, over time."""

    def __init__(self, config: WorldConfig, rng: np.random.Generator):
        spacing = 1.0  # s between knots
        first = -LEAD - 2 * spacing
        count = int(np.ceil((config.duration + TAIL - first) / spacing)) + DEGREE + 3
        controls = np.zeros((count, 6))
        controls[:, :3] = _wander(rng, count, 3.5 * config.speed, [2.5, 2.5, 1.0])
        controls[:, 3:] = _wander(rng, count, 3.0 * config.rotation, [3.0, 0.4, 0.4])
        knots = first + spacing * (np.arange(count + DEGREE + 1) - DEGREE)
        start, end = config.standing
        if end > start:
            support = (knots[: len(controls)] < end) & (knots[DEGREE + 1 :] > start)
            controls[support] = controls[np.flatnonzero(support)[0]]
        self._spline = BSpline(knots, controls, DEGREE)

    def position(self, times: np.ndarray, derivative: int = 0) -> np.ndarray:
        """Return (T, 3) position in the world or its derivative, metres and seconds."""
        return self._spline(times, derivative)[:, :3]

    def poses(self, times: np.ndarray) -> np.ndarray:
        """Return T_w_b (T, 4, 4)."""
        return rigid(_matrices(self._spline(times)[:, 3:]), self.position(times))

    def body_rates(self, times: np.ndarray) -> np.ndarray:
        """Return (T, 3) the angular rate in the body, rad/s."""
        _, pitch, roll = self._spline(times)[:, 3:].T
        yaw_rate, pitch_rate, roll_rate = self._spline(times, 1)[:, 3:].T
        cp, sp, cr, sr = np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
        return np.stack(
            [
                roll_rate - yaw_rate * sp,
                pitch_rate * cr + yaw_rate * sr * cp,
                -pitch_rate * sr + yaw_rate * cr * cp,
            ],
            1,
        )

    def specific_force(self, times: np.ndarray, gravity: float) -> np.ndarray:
        """Return (T, 3) what an accelerometer feels in the body, m/s^2."""
        force = self.position(times, 2) + [0.0, 0.0, gravity]
        return np.einsum("tji,tj->ti", self.poses(times)[:, :3, :3], force)


class _Features:
    """Keeps seeing the same landmarks for as long as it can."""

    def __init__(
        self,
        cameras: tuple[Camera, ...],
        landmarks: np.ndarray,
        config: WorldConfig,
        rng: np.random.Generator,
    ):
        self._cameras, self._landmarks, self._config, self._rng = cameras, landmarks, config, rng
        self._id_of: dict[int, int] = {}
        self._seen_before = np.zeros((0, 2))
        self.landmark_of_id: list[int] = []

    def see(self, stamp_ns: int, T_w_b: np.ndarray) -> Tracks:
        views = [self._project(camera, T_w_b) for camera in self._cameras]
        visible = np.isfinite(views[0][:, 0])
        lost = self._rng.random(len(visible)) < self._config.loss
        kept = {m: i for m, i in self._id_of.items() if visible[m] and not lost[m]}
        fresh = self._rng.permutation(np.flatnonzero(visible & ~lost))
        for landmark in fresh.tolist():
            if len(kept) >= self._config.features:
                break
            if landmark not in kept:
                kept[landmark] = len(self.landmark_of_id)
                self.landmark_of_id.append(landmark)
        moved = self._largest_motion(kept, views[0])
        self._id_of = kept
        return self._measure(stamp_ns, views, moved)

    def _project(self, camera: Camera, T_w_b: np.ndarray) -> np.ndarray:
        """Return (L, 2) normalised points, NaN where the camera does not see the landmark."""
        points = transform(inverse(T_w_b @ camera.T_b_c), self._landmarks)
        depth = np.where(points[:, 2] > NEAREST, points[:, 2], np.nan)
        normalised = points[:, :2] / depth[:, None]
        fx, fy, cx, cy = camera.intrinsics
        pixels = normalised * [fx, fy] + [cx, cy]
        inside = ((pixels > 0) & (pixels < [camera.width, camera.height])).all(1)
        return np.where(inside[:, None], normalised, np.nan)

    def _largest_motion(self, kept: dict[int, int], left: np.ndarray) -> float:
        both = [m for m in kept if m in self._id_of]
        before, self._seen_before = self._seen_before, left
        if not both:
            return np.inf
        return float(np.linalg.norm(left[both] - before[both], axis=1).max())

    def _measure(self, stamp_ns: int, views: list[np.ndarray], moved: float) -> Tracks:
        landmarks, ids = list(self._id_of), np.array(list(self._id_of.values()), np.int64)
        spread = self._config.pixel_noise / self._cameras[0].focal
        points = [view[landmarks] + self._rng.normal(0, spread, (len(ids), 2)) for view in views]
        covariances = [
            np.where(np.isfinite(p[:, :1, None]), spread**2 * np.eye(2), np.nan) for p in points
        ]
        if len(views) == 1:
            points.append(np.full((len(ids), 2), np.nan))
            covariances.append(np.full((len(ids), 2, 2), np.nan))
        still = float(moved * self._cameras[0].focal < VISIBLE_MOTION)
        return Tracks(stamp_ns, ids, *points, *covariances, still)


def _imu(
    path: Path, times: np.ndarray, config: WorldConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return gyro and accelerometer (M, 3) with noise, and the true biases (M, 6)."""
    rate, count = config.imu_rate, len(times)
    walk = np.repeat([config.gyro_walk, config.accel_walk], 3) / np.sqrt(rate)
    first = np.repeat([config.gyro_bias, config.accel_bias], 3) * rng.normal(size=6)
    biases = first + np.cumsum(walk * rng.normal(size=(count, 6)), 0)
    white = np.repeat([config.gyro_noise, config.accel_noise], 3) * np.sqrt(rate)
    noise = biases + white * rng.normal(size=(count, 6))
    gyro = path.body_rates(times) + noise[:, :3]
    return gyro, path.specific_force(times, config.gravity) + noise[:, 3:], biases


def _wander(rng: np.random.Generator, count: int, step: float, reach: list[float]) -> np.ndarray:
    """Return (count, 3) random steps that are pulled back to within the reach."""
    points, at = np.zeros((count, 3)), np.zeros(3)
    for k in range(count):
        at = 0.75 * at + 0.3 * step * rng.normal(size=3) * np.array(reach) / max(reach)
        points[k] = np.clip(at, np.negative(reach), reach)
    return points


def _matrices(angles: np.ndarray) -> np.ndarray:
    """Return rotations (T, 3, 3) of yaw, pitch and roll (T, 3): about z, then y, then x."""
    (cy, cp, cr), (sy, sp, sr) = np.cos(angles).T, np.sin(angles).T
    rows = [
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ]
    return np.stack([np.stack(row, -1) for row in rows], -2)


def _nanoseconds(times: np.ndarray) -> np.ndarray:
    """Return integer nanoseconds that start well after zero."""
    return np.round((times + 100.0) * 1e9).astype(np.int64)
