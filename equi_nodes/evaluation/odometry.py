"""Running the odometry over a recording, deterministically, and scoring it with evo."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from evo.core import geometry, metrics, sync
from evo.core.trajectory import PoseTrajectory3D

from equi_nodes.datasets.euroc import PoseTable
from equi_nodes.datasets.recording import Event, ImuReading
from equi_nodes.geometry.rotations import level_tie, log_so3, quaternion
from equi_nodes.samples import Frame, OdometrySample, Status

USABLE = (Status.TRACKING, Status.DEGRADED)
NEAREST_S = 0.003  # between a state and the truth it is compared with
RPE_DELTA_M = 1.0
FEWEST_POSES = 10
MOST_REASONS = 10  # that are counted in the figures
STARTED = 1.0  # m^2, the position is less certain before the filter began


class Odometry(Protocol):
    """What a run needs of the pipeline."""

    timings: dict[str, float]
    remarks: tuple[str, ...]

    def add_imu(self, stamp_ns: int, gyro: np.ndarray, accel: np.ndarray) -> None:
        """Take one sample."""

    def step(self, frame: Frame) -> OdometrySample | None:
        """Return the state at a frame."""


@dataclass(frozen=True, eq=False)
class Step:
    """What came of one frame.

    Attributes:
        stamp_ns: of the frame.
        sample: the state, None for a frame that was not newer than the one before.
        seconds: that the step took, decoding of the images left out.
        parts: seconds by part of the odometry.
        remarks: what was said beside the state.
    """

    stamp_ns: int
    sample: OdometrySample | None
    seconds: float
    parts: dict[str, float]
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class OdometryRun:
    """All steps over a recording."""

    steps: tuple[Step, ...]

    @property
    def samples(self) -> list[OdometrySample]:
        """Return every state."""
        return [step.sample for step in self.steps if step.sample is not None]

    @property
    def usable(self) -> list[OdometrySample]:
        """Return the states that a node would publish."""
        return [sample for sample in self.samples if sample.status in USABLE]

    @property
    def hash(self) -> str:
        """Return the SHA-256 of all states, timing left out."""
        digest = hashlib.sha256()
        for sample in self.samples:
            digest.update(f"{sample.stamp_ns} {sample.status.value}".encode())
            for part in (sample.T_w_b, sample.velocity, sample.gyro_bias, sample.accel_bias,
                         sample.covariance, pose_in_map(sample)):  # fmt: skip
                digest.update(np.ascontiguousarray(part, np.float64).tobytes())
        return digest.hexdigest()


def steps(odometry: Odometry, events: Iterable[Event]) -> Iterator[Step]:
    """Feed events in their order; yield what comes of each frame."""
    for event in events:
        if isinstance(event, ImuReading):
            odometry.add_imu(event.stamp_ns, event.gyro, event.accel)
            continue
        frame = Frame(event.stamp_ns, *event.read())
        began = time.perf_counter()
        sample = odometry.step(frame)
        seconds = time.perf_counter() - began
        yield Step(event.stamp_ns, sample, seconds, dict(odometry.timings), odometry.remarks)


def pose_in_map(sample: OdometrySample) -> np.ndarray:
    """Return the pose (4, 4) as the map corrects it, where there is a map."""
    return sample.T_w_b if sample.T_map_w is None else sample.T_map_w @ sample.T_w_b


def measure(run: OdometryRun, truth: PoseTable | None) -> dict:
    """Return the figures of a run: errors in metres and degrees, times in milliseconds."""
    samples = run.samples
    figures = {
        "statuses": {s.value: sum(x.status is s for x in samples) for s in Status},
        "reasons": dict(Counter(s.reason for s in samples if s.reason).most_common(MOST_REASONS)),
        "resets": int(samples[-1].figures.get("resets", 0)) if samples else 0,
        "frame_ms": spread(1e3 * np.array([step.seconds for step in run.steps])),
        "parts_ms": parts(run),
    }
    if run.usable:
        newest = run.usable[-1]
        figures["gyro_bias"] = newest.gyro_bias.tolist()
        figures["accel_bias"] = newest.accel_bias.tolist()
        figures["time_offset_ms"] = 1e3 * newest.time_offset
    return measure_states(run, truth) | figures


def measure_states(run: OdometryRun, truth: PoseTable | None) -> dict:
    """Return what the states alone tell: how many there are, and their errors."""
    usable = run.usable
    figures = {
        "frames": len(run.steps),
        "answered": len(usable),
        "first_answer_s": None,
        "hash": run.hash,
    }
    if usable:
        figures["first_answer_s"] = (usable[0].stamp_ns - run.steps[0].stamp_ns) * 1e-9
    return figures | (errors(usable, truth, origin_of(run.samples)) if truth else {})


def parts(run: OdometryRun) -> dict[str, dict[str, float]]:
    """Return milliseconds a frame by part of the odometry."""
    names = {name: None for step in run.steps for name in step.parts}
    return {
        name: spread(1e3 * np.array([step.parts.get(name, 0.0) for step in run.steps]))
        for name in names
    }


def spread(values: np.ndarray) -> dict[str, float]:
    """Return percentiles and mean of some values, empty without any."""
    if not len(values):
        return {}
    p50, p95, p99, top = np.percentile(values, [50, 95, 99, 100])
    return {"p50": float(p50), "p95": float(p95), "p99": float(p99), "max": float(top),
            "mean": float(values.mean())}  # fmt: skip


def origin_of(samples: list[OdometrySample]) -> OdometrySample | None:
    """Return the first state that stands where the filter began, None if there is none."""
    return next((s for s in samples if s.covariance[3, 3] < STARTED), None)


def errors(
    samples: list[OdometrySample], truth: PoseTable, origin: OdometrySample | None = None
) -> dict:
    """Return ATE after SE(3) alignment, scale, RPE and NEES; empty with too few poses."""
    if len(samples) < FEWEST_POSES:
        return {}
    try:
        reference, estimate = sync.associate_trajectories(
            _evo(truth.stamps_ns, truth.T_w_b),
            _evo(np.array([s.stamp_ns for s in samples]), np.array([*map(pose_in_map, samples)])),
            max_diff=NEAREST_S,
        )
    except sync.SyncException:
        return {}
    if estimate.num_poses < FEWEST_POSES:
        return {}
    try:
        scale = _aligned(estimate, reference, correct_scale=True)[1]
    except geometry.GeometryException:  # nothing moved, so nothing can be aligned
        return {"nees": nees(samples, truth, origin)}
    aligned, _ = _aligned(estimate, reference, correct_scale=False)
    ape = metrics.APE(metrics.PoseRelation.translation_part)
    ape.process_data((reference, aligned))
    return {
        "ate_rmse_m": float(ape.get_statistic(metrics.StatisticsType.rmse)),
        "ate_max_m": float(ape.get_statistic(metrics.StatisticsType.max)),
        "scale_error": float(abs(scale - 1.0)),
        "scale": float(scale),
        "path_m": float(reference.path_length),
        "rpe": _rpe(reference, aligned),
        "nees": nees(samples, truth, origin),
    }


def nees(
    samples: list[OdometrySample], truth: PoseTable, origin: OdometrySample | None = None
) -> dict[str, float]:
    """Return the mean normalised squared errors of position and orientation; honest is 3 each.

    The truth is carried into the odometry's world by ``origin``: heading and position there are
    the world's choice and have no error. ``..._exact`` takes the truth for exact, the others
    count its own spread. ``ratio_p99`` is the share of the stated 3-sigma radius of position that
    99 % of the errors stay below, the truth taken for exact.
    """
    table = error_table(samples, truth, origin)
    if not len(table.stamps_ns):
        return {}
    inner = slice(1, None)  # the first state has no error by construction
    position, rotation = table.normalised()
    exact_position, exact_rotation = table.normalised(is_truth_exact=True)
    ratio = table.distance[inner] / (3.0 * np.maximum(table.sigma[inner], 1e-12))
    return {
        "position": float(position[inner].mean()),
        "orientation": float(rotation[inner].mean()),
        "position_exact": float(exact_position[inner].mean()),
        "orientation_exact": float(exact_rotation[inner].mean()),
        "ratio_p99": float(np.percentile(ratio, 99)),
    }


@dataclass(frozen=True, eq=False)
class ErrorTable:
    """Errors of states against the truth, in the odometry's world.

    Attributes:
        stamps_ns: (N,).
        position: (N, 3) metres.
        rotation: (N, 3) rad, rotation vector in the world.
        position_covariance, rotation_covariance: (N, 3, 3) as stated.
        truth_position, truth_rotation: (N, 3, 3) of the truth, as it is tied to that world.
    """

    stamps_ns: np.ndarray
    position: np.ndarray
    rotation: np.ndarray
    position_covariance: np.ndarray
    rotation_covariance: np.ndarray
    truth_position: np.ndarray
    truth_rotation: np.ndarray

    def normalised(self, *, is_truth_exact: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Return the squared errors (N,) of position and rotation by their covariance."""
        share = 0.0 if is_truth_exact else 1.0
        return (
            _normalised(self.position, self.position_covariance + share * self.truth_position),
            _normalised(self.rotation, self.rotation_covariance + share * self.truth_rotation),
        )

    @property
    def distance(self) -> np.ndarray:
        """Return (N,) metres between state and truth."""
        return np.linalg.norm(self.position, axis=1)

    @property
    def sigma(self) -> np.ndarray:
        """Return (N,) the stated standard deviation of position, metres."""
        return np.sqrt(np.trace(self.position_covariance, axis1=1, axis2=2))


def error_table(
    samples: list[OdometrySample], truth: PoseTable, origin: OdometrySample | None = None
) -> ErrorTable:
    """Compare states with the truth, which ``origin`` ties to the odometry's world.

    The origin is the state whose place and heading are known by definition, as far as there is
    one; else the first common state is taken for it.
    """
    rows = [
        (sample, T) for sample in samples if (T := truth_at(truth, sample.stamp_ns)) is not None
    ]
    if not rows:
        return ErrorTable(np.zeros(0, np.int64), *np.zeros((2, 0, 3)), *np.zeros((4, 0, 3, 3)))
    T_origin = None if origin is None else truth_at(truth, origin.stamp_ns)
    tied = rows[0] if T_origin is None else (origin, T_origin)
    T_w_a = level_tie(tied[0].T_w_b, tied[1])
    T_true = np.array([T_w_a @ T for _, T in rows])
    T_stated = np.array([sample.T_w_b for sample, _ in rows])
    covariances = np.array([sample.covariance for sample, _ in rows])
    turned = T_true[:, :3, :3] @ np.swapaxes(T_stated[:, :3, :3], 1, 2)
    return ErrorTable(
        np.array([sample.stamp_ns for sample, _ in rows]),
        T_true[:, :3, 3] - T_stated[:, :3, 3],
        log_so3(turned),
        covariances[:, 3:6, 3:6],
        covariances[:, :3, :3],
        *_truth_spread(truth, T_true[:, :3, 3] - tied[0].T_w_b[:3, 3]),
    )


def truth_at(truth: PoseTable, stamp_ns: int) -> np.ndarray | None:
    """Return the nearest true pose (4, 4), None if there is none near."""
    index = int(np.searchsorted(truth.stamps_ns, stamp_ns))
    near = [i for i in (index - 1, index) if 0 <= i < len(truth.stamps_ns)]
    best = min(near, key=lambda i: abs(int(truth.stamps_ns[i]) - stamp_ns))
    is_near = abs(int(truth.stamps_ns[best]) - stamp_ns) <= NEAREST_S * 1e9
    return truth.T_w_b[best] if is_near else None


def write_tum(path: Path, samples: list[OdometrySample]) -> None:
    """Write poses as ``stamp x y z qx qy qz qw``, the format of evo and of the TUM benchmark."""
    lines = []
    for sample in samples:
        T = pose_in_map(sample)
        numbers = " ".join(f"{value:.9f}" for value in (*T[:3, 3], *quaternion(T[:3, :3])))
        seconds, nanoseconds = divmod(sample.stamp_ns, 1_000_000_000)
        lines.append(f"{seconds}.{nanoseconds:09d} {numbers}\n")
    path.write_text("".join(lines))


def moved(sample: OdometrySample, T_a_w: np.ndarray) -> OdometrySample:
    """Return a state in another world ``a``; its covariance stays that of the old one."""
    return replace(sample, T_w_b=T_a_w @ sample.T_w_b, velocity=T_a_w[:3, :3] @ sample.velocity)


def _truth_spread(truth: PoseTable, away: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the covariances (N, 3, 3) of true positions and rotations, their tie included.

    Args:
        truth: with its spreads.
        away: (N, 3) from where the truth was tied by one pose, whose heading may be wrong.
    """
    up = np.array([0.0, 0.0, 1.0])
    swung = truth.rotation_spread * np.cross(up, away)
    position = 2 * truth.position_spread**2 * np.eye(3) + swung[:, :, None] * swung[:, None]
    rotation = truth.rotation_spread**2 * (np.eye(3) + np.outer(up, up))
    return position, np.broadcast_to(rotation, position.shape)


def _normalised(errors_: np.ndarray, covariances: np.ndarray) -> np.ndarray:
    """Return e^T P^-1 e of each row."""
    floor = 1e-12 * np.eye(3)
    return np.einsum(
        "ni,ni->n", errors_, np.linalg.solve(covariances + floor, errors_[..., None])[..., 0]
    )


def _aligned(
    estimate: PoseTrajectory3D, reference: PoseTrajectory3D, *, correct_scale: bool
) -> tuple[PoseTrajectory3D, float]:
    """Return the estimate moved onto the reference, and the scale that was applied."""
    moved_ = PoseTrajectory3D(
        poses_se3=[pose.copy() for pose in estimate.poses_se3], timestamps=estimate.timestamps
    )
    scale = moved_.align(reference, correct_scale=correct_scale)[2]
    return moved_, scale


def _rpe(reference: PoseTrajectory3D, aligned: PoseTrajectory3D) -> dict[str, float]:
    """Return the drift over a metre of path: translation in metres, rotation in degrees."""
    relations = {
        "translation_m": metrics.PoseRelation.translation_part,
        "rotation_deg": metrics.PoseRelation.rotation_angle_deg,
    }
    found = {}
    for name, relation in relations.items():
        rpe = metrics.RPE(
            relation, delta=RPE_DELTA_M, delta_unit=metrics.Unit.meters, all_pairs=True
        )
        try:
            rpe.process_data((reference, aligned))
        except metrics.filters.FilterException:  # the path is shorter than a metre
            return {}
        found[name] = float(rpe.get_statistic(metrics.StatisticsType.rmse))
    return found


def _evo(stamps_ns: np.ndarray, poses: np.ndarray) -> PoseTrajectory3D:
    return PoseTrajectory3D(poses_se3=list(poses), timestamps=np.asarray(stamps_ns) * 1e-9)
