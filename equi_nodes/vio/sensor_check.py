"""What is wrong with stamps, units and axes, told from the first seconds of a recording.

Nothing of the filter is used: rotation rates of the images are compared with those of the gyro,
whatever the filter would make of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from equi_nodes.geometry.rotations import exp_so3, log_so3, shortest_rotation
from equi_nodes.samples import Tracks
from equi_nodes.vio.imu_buffer import white_density
from equi_nodes.vio.types import ImuNoise, Rig

START_S = 2.0  # seconds that are judged when a node starts
EARLY_S = 0.8  # after which what needs no images is told already
SLOWEST_IMU_HZ = 90.0
SLOWEST_CAMERA_HZ = 8.0
LARGEST_JITTER = 0.2  # of a period, and at least 1 ms
GAP_PERIODS = 2.5
OTHER_CLOCK_S = 1.0  # between the newest stamps of images and IMU
GRAVITY = 9.81
LARGEST_OFFSET_S = 0.2  # that is searched
OFFSET_STEP_S = 0.002
NOTABLE_OFFSET_S = 0.008
LEAST_MOTION = 0.08  # rad/s, spread of the rotation rate that camera and gyro are compared at
LEAST_SECOND = 0.005  # rad/s, spread about a second axis, without which that of the first is free
LEAST_FRAMES = 15
LEAST_AGREEMENT = 0.7
LARGEST_TURN = 25.0  # degrees between the gyro's axes and the calibration's
FEWEST_RAYS = 25
LARGEST_MISS = 0.003  # of a normalised point from its epipolar line
REFINEMENTS = 5
LEAST_APART_NS = 90_000_000  # between two frames whose turn is taken
FEWEST_SAMPLES = 10
FASTEST_TURN = 35.0  # rad/s, 2000 degrees a second: what gyros measure
MOST_NOISE = 5.0  # times what is stated

TEXTS = {
    "no_imu": "There are only {count} IMU samples: check its topic",
    "no_right": "Only {share:.0%} of the left images have matches in a right one: check the right "
    "camera, that left and right are not swapped, and that the calibration is that of this camera",
    "order": "{label}: {count} stamps are not newer than the one before: two drivers on one topic?",
    "slow": "{label} comes at {rate:.0f} Hz: {slowest:.0f} Hz or more are needed",
    "jitter": "{label}'s stamps jitter by {jitter:.1f} ms: stamp where the data is taken",
    "gaps": "{label} has {count} gaps, the longest of {longest:.0f} ms: data is lost",
    "no_gravity": "The accelerometer shows {force:.2f} instead of 9.8 m/s^2: gravity is removed "
    "from it; publish the raw specific force (imu/data_raw)",
    "in_g": "The accelerometer shows {force:.2f} instead of 9.8 m/s^2: it is in g; multiply by "
    "9.80665",
    "force": "The accelerometer shows {force:.1f} instead of about 9.8 m/s^2: wrong units, or very "
    "hard motion",
    "in_degrees": "The gyro shows up to {rate:.0f} rad/s: it is in degrees per second; multiply by "
    "pi/180",
    "noise": "The {sensor} has {ratio:.0f} times the noise that is stated for it: vibration, or "
    "imu_calibration of another IMU",
    "clocks": "Images and IMU are stamped {apart:.3g} s apart: give both the same clock",
    "disagree": "Images and gyro do not turn together (agreement {agreement:.2f}): calibration of "
    "another camera, another clock, or a scene that moves",
    "offset": "The images are stamped {size:.0f} ms too {side} for the IMU: set timeshift_cam_imu "
    "to {offset:.3f}",
    "axes": "The gyro's axes are turned by {degrees:.0f} degrees against the calibration, its x y "
    "z are {axes}: axes swapped, or T_cam_imu of another mounting",
    "gyro_unit": "The gyro turns {scale:.3g} times as fast as the images: it is in {unit}",
}
LABELS = {"imu": "The IMU", "camera": "The camera"}


@dataclass(frozen=True)
class Finding:
    """One sentence on the sensors.

    Attributes:
        name: stable key.
        text: what is wrong, how that was seen, and what to do.
    """

    name: str
    text: str


@dataclass
class Sensors:
    """What is judged, as it came; stamps in nanoseconds.

    Attributes:
        imu: (stamp, gyro rad/s, accel m/s^2) of each sample.
        frames: stamps of the left images.
        paired: how many of them came with a right image.
        turns: (stamp before, stamp, (3,) rotation vector in the body) between two images.
    """

    imu: list[tuple[int, np.ndarray, np.ndarray]] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    paired: int = 0
    turns: list[tuple[int, int, np.ndarray]] = field(default_factory=list)

    def stamps(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the stamps of the IMU and of the images."""
        return np.array([item[0] for item in self.imu], np.int64), np.array(self.frames, np.int64)


@dataclass(frozen=True)
class Analysis:
    """What was found.

    Attributes:
        figures: numbers by name; what could not be measured is missing.
        findings: what is wrong, the worst first.
    """

    figures: dict[str, float]
    findings: tuple[Finding, ...]


class StartCheck:
    """Collects the first two seconds that an odometry sees and then judges them once."""

    def __init__(self, rig: Rig, seconds: float = START_S) -> None:
        """Judge the sensors of a rig after ``seconds`` of images."""
        self.sensors = Sensors()
        self.analysis: Analysis | None = None
        self._rig, self._seconds = rig, seconds
        self._recent: list[Tracks] = []
        self._told: set[str] = set()

    def imu(self, stamp_ns: int, gyro: np.ndarray, accel: np.ndarray) -> None:
        """Take a sample of the IMU."""
        if self.analysis is None:
            self.sensors.imu.append((stamp_ns, gyro, accel))

    def frame(self, tracks: Tracks) -> tuple[str, ...]:
        """Take the tracks of a frame; return what is wrong, once, when enough was seen."""
        if self.analysis is not None:
            return ()
        sensors = self.sensors
        sensors.frames.append(tracks.stamp_ns)
        sensors.paired += bool(np.isfinite(tracks.right).any())
        self._compare(tracks)
        seconds = (tracks.stamp_ns - sensors.frames[0]) * 1e-9
        if seconds >= self._seconds:
            return self._news(self.finish().findings)
        early = judge_streams(sensors, self._rig.imu_noise, {}) if seconds >= EARLY_S else ()
        return self._news(early)

    def _news(self, findings: Iterable[Finding]) -> tuple[str, ...]:
        """Return what was not told yet."""
        new = [finding for finding in findings if finding.name not in self._told]
        self._told |= {finding.name for finding in new}
        return tuple(finding.text for finding in new)

    def _compare(self, tracks: Tracks) -> None:
        """Note how the camera turned since the last frame that is far enough away."""
        before = [
            item for item in self._recent if tracks.stamp_ns - item.stamp_ns >= LEAST_APART_NS
        ]
        self._recent = [*before[-1:], *self._recent[len(before) :], tracks]
        if before and (turn := camera_turn(before[-1], tracks)) is not None:
            R_b_c = self._rig.cameras[0].T_b_c[:3, :3]
            self.sensors.turns.append((before[-1].stamp_ns, tracks.stamp_ns, R_b_c @ turn))

    def finish(self) -> Analysis:
        """Judge what came so far."""
        is_stereo = len(self._rig.cameras) > 1
        self.analysis = analyse(self.sensors, self._rig.imu_noise, is_stereo=is_stereo)
        self.sensors = Sensors()
        return self.analysis


def judge_streams(sensors: Sensors, noise: ImuNoise, figures: dict[str, float]) -> list[Finding]:
    """Judge stamps, units, gravity and noise: each stream by itself."""
    found: list[Finding] = []
    imu_ns, frames_ns = sensors.stamps()
    if len(imu_ns) < FEWEST_SAMPLES:
        found.append(_finding("no_imu", count=len(imu_ns)))
    else:
        found += _judge_stamps("imu", imu_ns, SLOWEST_IMU_HZ, figures)
        found += _judge_units(sensors, figures)
        found += _judge_noise(sensors, noise, figures)
    if len(frames_ns) >= FEWEST_SAMPLES:
        found += _judge_stamps("camera", frames_ns, SLOWEST_CAMERA_HZ, figures)
    return found


def analyse(sensors: Sensors, noise: ImuNoise, *, is_stereo: bool) -> Analysis:
    """Judge each stream by itself, and how images and gyro agree."""
    figures: dict[str, float] = {}
    found = judge_streams(sensors, noise, figures)
    imu_ns, frames_ns = sensors.stamps()
    if is_stereo and len(frames_ns):
        figures["right_share"] = sensors.paired / len(frames_ns)
        if figures["right_share"] < 0.5:
            found.append(_finding("no_right", share=figures["right_share"]))
    if len(imu_ns) >= FEWEST_SAMPLES and len(frames_ns):
        found += _judge_clocks(imu_ns, frames_ns, figures) or _compare(sensors, figures)
    return Analysis(figures, tuple(found))


def _finding(name: str, key: str = "", **values: object) -> Finding:
    """Return the finding whose text is ``name``'s, under a key of its own if one is given."""
    return Finding(key or name, TEXTS[name].format(**values))


def camera_turn(before: Tracks, now: Tracks) -> np.ndarray | None:
    """Return the rotation vector (3,) from a frame to a later one in the first one's camera axes.

    All rays have to lie in epipolar planes, so the translation does no harm. None with too few.
    """
    _, first, second = np.intersect1d(before.ids, now.ids, return_indices=True)
    if len(first) < FEWEST_RAYS:
        return None
    points = before.left[first], now.left[second]
    E, mask = cv2.findEssentialMat(*points, np.eye(3), cv2.RANSAC, 0.999, LARGEST_MISS)
    if E is None or E.shape != (3, 3) or mask.sum() < FEWEST_RAYS:
        return None
    inside = mask.ravel() > 0
    turns = cv2.decomposeEssentialMat(E)[:2]  # of the second frame's rays from the first one's
    R = max(turns, key=np.trace).T
    return log_so3(_refined(R, _rays(points[0][inside]), _rays(points[1][inside])))


def _refined(R: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the rotation, and find the direction of translation, that best puts rays in planes."""
    for _ in range(REFINEMENTS):
        turned = second @ R.T
        normals = np.cross(first, turned)
        axes = np.linalg.eigh(normals.T @ normals)[1]
        t, across = axes[:, 0], axes[:, 1:]
        misses = normals @ t
        by_turn = np.cross(turned, np.cross(t, first))
        J = np.concatenate([by_turn, normals @ across], axis=1)
        weights = 1.0 / (1.0 + (misses / max(float(np.median(np.abs(misses))), 1e-6)) ** 2)
        H = (J * weights[:, None]).T @ J + 1e-9 * np.eye(5)
        R = exp_so3(-np.linalg.solve(H, (J * weights[:, None]).T @ misses)[:3]) @ R
    return R


def _rays(points: np.ndarray) -> np.ndarray:
    rays = np.concatenate([points, np.ones((len(points), 1))], axis=1)
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def _judge_stamps(
    name: str, stamps: np.ndarray, slowest: float, figures: dict[str, float]
) -> list[Finding]:
    steps = np.diff(stamps) * 1e-9
    period = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    jitter, gaps = _jitter_and_gaps(steps[steps > 0], period)
    backward = int((steps <= 0).sum())
    figures[f"{name}_hz"] = 1.0 / period
    figures[f"{name}_jitter_ms"] = 1e3 * jitter
    figures[f"{name}_longest_gap_ms"] = 1e3 * float(steps.max(initial=0.0))
    figures[f"{name}_gaps"] = len(gaps)
    label, found = LABELS[name], []
    if backward:
        found.append(_finding("order", f"{name}_order", label=label, count=backward))
    if 1.0 / period < slowest:
        rate = 1.0 / period
        found.append(_finding("slow", f"{name}_slow", label=label, rate=rate, slowest=slowest))
    if jitter > _most_jitter(period):
        found.append(_finding("jitter", f"{name}_jitter", label=label, jitter=1e3 * jitter))
    if len(gaps):
        longest = 1e3 * gaps.max()
        found.append(
            _finding("gaps", f"{name}_gaps", label=label, count=len(gaps), longest=longest)
        )
    return found


def _jitter_and_gaps(steps: np.ndarray, period: float) -> tuple[float, np.ndarray]:
    """Return by how much steps are off the period, and those across which something is lost.

    A step of two periods is a loss; where stamps jitter that much, only longer ones are.
    """
    multiple = np.round(steps / period)
    is_lost = (multiple > 1) & (np.abs(steps - multiple * period) < LARGEST_JITTER * period)
    usual = steps[~is_lost & (steps < GAP_PERIODS * period)]
    jitter = float(np.percentile(np.abs(usual - period), 99)) if len(usual) else 0.0
    if jitter > _most_jitter(period):
        is_lost = np.zeros(len(steps), bool)
    return jitter, steps[is_lost | (steps > GAP_PERIODS * period)]


def _most_jitter(period: float) -> float:
    return max(LARGEST_JITTER * period, 1e-3)


def _judge_units(sensors: Sensors, figures: dict[str, float]) -> list[Finding]:
    sizes = np.linalg.norm([item[2] for item in sensors.imu], axis=1)
    rates = np.linalg.norm([item[1] for item in sensors.imu], axis=1)
    force, rate = float(np.median(sizes)), float(np.percentile(rates, 99))
    figures |= {"specific_force": force, "fastest_turn": rate}
    low, high = np.percentile(sizes, [25, 75])
    found = []
    if 0.7 < force < 1.4 and high - low < 0.3 * force:  # without gravity it would vary far more
        found.append(_finding("in_g", force=force))
    elif force < 4.0:
        found.append(_finding("no_gravity", force=force))
    elif not 0.75 * GRAVITY < force < 1.35 * GRAVITY:
        found.append(_finding("force", force=force))
    if rate > FASTEST_TURN:
        found.append(_finding("in_degrees", rate=rate))
    return found


def _judge_noise(sensors: Sensors, stated: ImuNoise, figures: dict[str, float]) -> list[Finding]:
    """Compare the white noise of gyro and accelerometer with what is stated of them."""
    period = 1.0 / figures["imu_hz"]
    found = []
    for column, sensor in ((1, "gyro"), (2, "accelerometer")):
        shown = white_density(np.array([item[column] for item in sensors.imu]), period)
        ratio = shown / (stated.gyro, stated.accel)[column - 1]
        figures[f"{sensor}_noise_ratio"] = ratio
        if ratio > MOST_NOISE:
            found.append(_finding("noise", f"{sensor}_noise", sensor=sensor, ratio=ratio))
    return found


def _judge_clocks(
    imu_ns: np.ndarray, frames_ns: np.ndarray, figures: dict[str, float]
) -> list[Finding]:
    apart = float(frames_ns[-1] - imu_ns[-1]) * 1e-9
    figures["newest_apart_s"] = apart
    return [_finding("clocks", apart=abs(apart))] if abs(apart) >= OTHER_CLOCK_S else []


def _compare(sensors: Sensors, figures: dict[str, float]) -> list[Finding]:
    """Compare the turns of images and gyro: delay, axes, units."""
    if len(sensors.turns) < LEAST_FRAMES:
        return []
    seen = _Turns(sensors)
    if np.sqrt((seen.of_images.std(axis=0) ** 2).sum()) < LEAST_MOTION:
        return []
    offsets = np.arange(-LARGEST_OFFSET_S, LARGEST_OFFSET_S + 1e-9, OFFSET_STEP_S)
    scores = np.array([seen.fit(offset)[0] for offset in offsets])
    best = int(scores.argmax())
    offset = float(offsets[best] + OFFSET_STEP_S * _peak(scores, best))
    agreement, R, scale = seen.fit(offset)
    figures["agreement"] = agreement
    if agreement < LEAST_AGREEMENT:
        return [_finding("disagree", agreement=agreement)]
    degrees = float(np.degrees(np.linalg.norm(log_so3(R))))
    figures |= {"time_offset_ms": 1e3 * offset, "axes_degrees": degrees, "gyro_scale": scale}
    found = []
    if abs(offset) > NOTABLE_OFFSET_S:
        side = "late" if offset < 0 else "early"
        found.append(_finding("offset", size=1e3 * abs(offset), side=side, offset=offset))
    if degrees > LARGEST_TURN:
        found.append(_finding("axes", degrees=degrees, axes=_axes(R)))
    if not 0.5 < scale < 2.0:
        unit = "degrees per second" if 30 < scale < 100 else "another unit"
        found.append(_finding("gyro_unit", scale=scale, unit=unit))
    return found


class _Turns:
    """Rotation rates of the images, and the mean of the gyro over the same times."""

    def __init__(self, sensors: Sensors) -> None:
        start = sensors.imu[0][0]
        self._times = np.array([item[0] - start for item in sensors.imu]) * 1e-9
        gyro = np.array([item[1] for item in sensors.imu])
        steps = np.diff(self._times)[:, None] * (gyro[1:] + gyro[:-1]) / 2
        self._angles = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
        self._from = np.array([turn[0] - start for turn in sensors.turns]) * 1e-9
        self._to = np.array([turn[1] - start for turn in sensors.turns]) * 1e-9
        vectors = np.array([turn[2] for turn in sensors.turns])
        self.of_images = vectors / (self._to - self._from)[:, None]

    def fit(self, offset: float) -> tuple[float, np.ndarray, float]:
        """Return agreement 0..1 at any axes, R with gyro = R image, and gyro over image size.

        A robot on wheels turns about one axis only; about that one, R is then the smallest that
        fits.
        """
        gyro = (self._angle(self._to + offset) - self._angle(self._from + offset)) / (
            self._to - self._from
        )[:, None]
        gyro, image = gyro - gyro.mean(axis=0), self.of_images - self.of_images.mean(axis=0)
        sizes = np.sqrt((gyro**2).sum()), np.sqrt((image**2).sum())
        U, values, Vt = np.linalg.svd(gyro.T @ image)
        sign = np.linalg.det(U @ Vt)
        total = values[0] + values[1] + sign * values[2]
        agreement = total / max(sizes[0] * sizes[1], 1e-12)
        R = U @ np.diag((1.0, 1.0, sign)) @ Vt
        if (gyro @ U[:, 1]).std() < LEAST_SECOND:
            R = shortest_rotation(Vt[0], U[:, 0])
        return float(agreement), R, float(sizes[0] / sizes[1])

    def _angle(self, times: np.ndarray) -> np.ndarray:
        columns = [np.interp(times, self._times, self._angles[:, axis]) for axis in range(3)]
        return np.stack(columns, axis=1)


def _peak(values: np.ndarray, best: int) -> float:
    """Return where a parabola through the largest value and its neighbours has its top, -1..1."""
    if not 0 < best < len(values) - 1:
        return 0.0
    left, top, right = values[best - 1 : best + 2]
    bend = left - 2 * top + right
    return float(np.clip(0.5 * (left - right) / bend, -1, 1)) if bend < 0 else 0.0


def _axes(R: np.ndarray) -> str:
    """Name the axis of the calibration that each axis of the gyro lies nearest to."""
    nearest = np.abs(R).argmax(axis=1).tolist()
    signs = ["-" if R[row, axis] < 0 else "" for row, axis in enumerate(nearest)]
    return " ".join(f"{sign}{'xyz'[axis]}" for sign, axis in zip(signs, nearest))
