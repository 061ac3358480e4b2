"""What measurements tell the state: tracks of features, and pseudo-measurements.

Image noise is whitened at once, so every stacked row has unit variance. A track's point is
taken out by projecting onto the null space of its derivative. The point's derivative by an
invariant error common to all poses lies in what is projected out, whatever the estimates are:
so no update ever pretends to have seen heading or position.

The oldest point of a track, its baseline, takes part in more than one update. Each time its
standard deviation is taken to be larger, so that all uses together tell little more than one
does; how much larger is set by simulated flights, whose errors must be as large as stated.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
from numba import njit
from scipy.stats import chi2

from equi_nodes.geometry.rotations import exp_so3, hat, left_jacobian
from equi_nodes.vio.propagation import skew
from equi_nodes.vio.state import (
    ACCEL_BIAS,
    ACCEL_SCALE,
    CAMERA,
    GYRO_BIAS,
    POSE,
    POSITION,
    ROTATION,
    TIME_OFFSET,
    VELOCITY,
    WHEEL_SCALE,
    State,
)
from equi_nodes.vio.trail import Trail
from equi_nodes.vio.triangulation import OK, triangulate

REUSE = 0.75  # power of the number of uses, by which a point's deviation grows
GATED = 4  # beside the codes of triangulation: refused by the chi-square gate
MOST_FREEDOM = 400


class VisualUpdate(NamedTuple):
    """What the tracks of one frame say.

    Attributes:
        jacobian: (rows, n - own) of the calibration and the trail.
        residuals: (rows,) with unit variance.
        codes: (T,) ``OK``, or why a track was not taken.
        points: (T, 3) world points.
        nis: (T,) normalised innovation squared over its degrees of freedom.
    """

    jacobian: np.ndarray
    residuals: np.ndarray
    codes: np.ndarray
    points: np.ndarray
    nis: np.ndarray


def gate_limits(probability: float) -> np.ndarray:
    """Return the limits of chi-square by degrees of freedom, from 0 on."""
    return np.concatenate([[0.0], chi2.ppf(probability, np.arange(1, MOST_FREEDOM))])


def linearise_tracks(
    state: State,
    trail: Trail,
    columns: np.ndarray,
    chosen: np.ndarray,
    limits: np.ndarray,
    gate_noise_scale: float,
    point_noise: float = 1.0,
) -> VisualUpdate:
    """Triangulate tracks, take their points out, and keep those that pass the gate.

    Args:
        state: with the poses of the trail.
        trail: holds the points seen from them.
        columns: (T,) tracks to take, columns of the trail's table.
        chosen: (K, M) which points of the table to take.
        limits: see ``gate_limits``.
        gate_noise_scale: factor on the image noise inside the gate.
        point_noise: standard deviation of one point, of which gate and NIS speak, where the trail
            holds points as less certain because their errors last over frames.
    """
    first = state.own
    refined = len(state.covariance) > first + POSE * len(trail)
    return VisualUpdate(
        *_stack_tracks(
            np.ascontiguousarray(state.covariance[first:, first:]),
            state.trail_rotations,
            state.trail_positions,
            state.camera_rotations,
            state.camera_positions,
            state.focal_scales,
            CAMERA * len(state.focal_scales) if refined else 0,
            columns,
            chosen,
            trail.points,
            trail.whitening,
            (1.0 + trail.uses) ** REUSE,
            limits,
            gate_noise_scale,
            point_noise,
        )
    )


@njit(cache=True)
def _stack_tracks(
    P: np.ndarray,
    body_rotations: np.ndarray,
    body_positions: np.ndarray,
    camera_rotations: np.ndarray,
    camera_positions: np.ndarray,
    focal_scales: np.ndarray,
    calibration: int,
    columns: np.ndarray,
    chosen: np.ndarray,
    points: np.ndarray,
    whitening: np.ndarray,
    noise_scales: np.ndarray,
    limits: np.ndarray,
    gate_noise_scale: float,
    point_noise: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    tracks, most = len(columns), 2 * len(focal_scales) * len(body_positions)
    H, r = np.zeros((tracks * most, len(P))), np.zeros(tracks * most)
    codes, worlds, nis = np.zeros(tracks, np.int64), np.zeros((tracks, 3)), np.zeros(tracks)
    rows = 0
    for t in range(tracks):
        pose, camera = _views(points, chosen, columns[t])
        n = len(pose)
        R, c, f = np.zeros((n, 3, 3)), np.zeros((n, 3)), np.zeros(n)
        z, w = np.zeros((n, 2)), np.zeros((n, 3))
        for v in range(n):
            k, i = pose[v], camera[v]
            R[v] = body_rotations[k] @ camera_rotations[i]
            c[v] = body_positions[k] + body_rotations[k] @ camera_positions[i]
            f[v] = focal_scales[i]
            z[v] = points[k, i, columns[t]]
            w[v] = whitening[k, i, columns[t]] / noise_scales[k, columns[t]]
        codes[t], worlds[t], residuals, E = triangulate(R, c, f, z, w)
        if codes[t] != OK:
            continue
        Hx, used = _by_poses(worlds[t], R, c, f, w, pose, camera, camera_rotations, calibration)
        _project_out(E, Hx, residuals)
        Hx, residuals = Hx[3:].copy(), residuals[3:].copy()
        distance, nis[t] = _distances(P, Hx, residuals, used, gate_noise_scale, point_noise)
        if distance > limits[len(residuals)]:
            codes[t] = GATED
            continue
        for j in range(len(used)):
            H[rows : rows + len(residuals), used[j]] = Hx[:, j]
        r[rows : rows + len(residuals)] = residuals
        rows += len(residuals)
    return H[:rows], r[:rows], codes, worlds, nis


@njit(cache=True)
def _views(points: np.ndarray, chosen: np.ndarray, column: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pose and camera of each view of a track, the newest first."""
    poses, cameras = points.shape[0], points.shape[1]
    pose, camera = np.zeros(poses * cameras, np.int64), np.zeros(poses * cameras, np.int64)
    n = 0
    for k in range(poses - 1, -1, -1):
        for i in range(cameras):
            if chosen[k, column] and np.isfinite(points[k, i, column, 0]):
                pose[n], camera[n] = k, i
                n += 1
    return pose[:n], camera[:n]


@njit(cache=True)
def _by_poses(
    world: np.ndarray,
    R: np.ndarray,
    c: np.ndarray,
    f: np.ndarray,
    w: np.ndarray,
    pose: np.ndarray,
    camera: np.ndarray,
    camera_rotations: np.ndarray,
    calibration: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the whitened derivative (2 V, columns) and which columns of the state these are."""
    n = len(pose)
    start = np.zeros(n, np.int64)
    used = np.zeros(calibration + POSE * n, np.int64)
    used[:calibration] = np.arange(calibration)
    width = calibration
    for v in range(n):
        if v == 0 or pose[v] != pose[v - 1]:
            used[width : width + POSE] = calibration + POSE * pose[v] + np.arange(POSE)
            width += POSE
        start[v] = width - POSE
    H = np.zeros((2 * n, width))
    D, by_pose = np.zeros((2, 3)), np.zeros((3, POSE))
    lever = skew(world)
    for v in range(n):
        m = R[v].T @ (world - c[v])
        h, gain = m[:2] / m[2], f[v] / m[2]
        D[0, 0], D[0, 2] = w[v, 0], -w[v, 0] * h[0]
        D[1, 0], D[1, 1] = w[v, 1], w[v, 2]
        D[1, 2] = -w[v, 1] * h[0] - w[v, 2] * h[1]
        by_pose[:, :3], by_pose[:, 3:] = R[v].T @ lever, -R[v].T
        rows = slice(2 * v, 2 * v + 2)
        H[rows, start[v] : start[v] + POSE] = gain * (D @ by_pose)
        if calibration:
            first = CAMERA * camera[v]
            to_camera = camera_rotations[camera[v]].T
            arm = camera_rotations[camera[v]] @ m
            H[rows, first : first + 3] = gain * (D @ (to_camera @ skew(arm)))
            H[rows, first + 3 : first + 6] = -gain * (D @ to_camera)
            H[2 * v, first + 6] = w[v, 0] * h[0]
            H[2 * v + 1, first + 6] = w[v, 1] * h[0] + w[v, 2] * h[1]
    return H, used[:width]


@njit(cache=True)
def _project_out(E: np.ndarray, H: np.ndarray, r: np.ndarray) -> None:
    """Turn all rows by the reflections that triangulate E: those after the third are free of it."""
    n = len(r)
    for j in range(3):
        v = E[j:, j].copy()
        norm = np.sqrt(v @ v)
        v[0] += norm if v[0] >= 0 else -norm
        length = v @ v
        if length == 0.0:
            continue
        v *= np.sqrt(2 / length)
        for target in (E, H):
            dot = np.zeros(target.shape[1])
            for i in range(n - j):
                dot += v[i] * target[j + i]
            for i in range(n - j):
                target[j + i] -= v[i] * dot
        r[j:] -= v * (v @ r[j:])


@njit(cache=True)
def _distances(
    P: np.ndarray,
    H: np.ndarray,
    r: np.ndarray,
    used: np.ndarray,
    gate_noise_scale: float,
    point_noise: float,
) -> tuple[float, float]:
    """Return the squared Mahalanobis distance with the gate's noise, and the NIS per row."""
    inner = np.zeros((len(used), len(used)))
    for i in range(len(used)):
        for j in range(len(used)):
            inner[i, j] = P[used[i], used[j]]
    S = H @ inner @ H.T
    noise = point_noise**2 * np.eye(len(r))
    distance = r @ np.linalg.solve(S + gate_noise_scale**2 * noise, r)
    return distance, (r @ np.linalg.solve(S + noise, r)) / len(r)


def apply_tracks(state: State, update: VisualUpdate, additive: bool) -> None:
    """Correct the state by the tracks that passed the gate, all at once."""
    H, r = update.jacobian, update.residuals
    if len(r) > H.shape[1]:
        turned = scipy.linalg.qr(
            np.column_stack([H, r]), mode="r", overwrite_a=True, check_finite=False
        )[0][: H.shape[1]]
        H, r = turned[:, :-1], turned[:, -1]
    correct(state, H, slice(state.own, None), r, 1.0, additive)


def correct(
    state: State,
    H: np.ndarray,
    columns: slice,
    residuals: np.ndarray,
    variance: np.ndarray | float,
    additive: bool = False,
) -> None:
    """Make one Kalman update.

    Args:
        state: is changed.
        H: (rows, columns) derivative of the measurement by the invariant error.
        columns: of the error that H has.
        residuals: (rows,) measured less predicted.
        variance: of the noise of each row.
        additive: keep the covariance of the additive error, not that of the invariant one.
    """
    if not len(residuals):
        return
    P = state.covariance
    HP = H @ P[columns]
    S = HP[:, columns] @ H.T
    S[np.diag_indices(len(S))] += variance
    factor = scipy.linalg.cholesky(S, lower=True, check_finite=False)
    gain = scipy.linalg.solve_triangular(factor, HP, lower=True, check_finite=False)
    white = scipy.linalg.solve_triangular(factor, residuals, lower=True, check_finite=False)
    P -= gain.T @ gain
    before = state.position, state.velocity, state.trail_positions
    retract(state, white @ gain)
    if additive:
        _keep_additive(state, *before)


def passes(
    state: State,
    H: np.ndarray,
    columns: slice,
    residuals: np.ndarray,
    variance: np.ndarray | float,
) -> bool:
    """Whether a measurement agrees with the state, at 99.9 %; see ``correct``."""
    S = H @ state.covariance[columns, columns] @ H.T + variance * np.eye(len(residuals))
    return bool(residuals @ np.linalg.solve(S, residuals) < chi2.ppf(0.999, len(residuals)))


def retract(state: State, error: np.ndarray) -> None:
    """Move the state by an invariant error (n,)."""
    turn, reach = exp_so3(error[ROTATION]), left_jacobian(error[ROTATION])
    state.rotation = turn @ state.rotation
    state.position = turn @ state.position + reach @ error[POSITION]
    state.velocity = turn @ state.velocity + reach @ error[VELOCITY]
    state.gyro_bias = state.gyro_bias + error[GYRO_BIAS]
    state.accel_bias = state.accel_bias + error[ACCEL_BIAS]
    state.accel_scale = state.accel_scale + error[ACCEL_SCALE]
    state.time_offset = state.time_offset + float(error[TIME_OFFSET][0])
    trail = len(error) - POSE * len(state.trail_positions)
    poses = error[trail:].reshape(-1, POSE)
    turns = exp_so3(poses[:, :3])
    shifts = (left_jacobian(poses[:, :3]) @ poses[:, 3:, None])[..., 0]
    state.trail_rotations = turns @ state.trail_rotations
    state.trail_positions = (turns @ state.trail_positions[..., None])[..., 0] + shifts
    if state.wheel_scale is not None:
        state.wheel_scale = state.wheel_scale + float(error[WHEEL_SCALE])
    if trail > state.own:
        cameras = error[state.own : trail].reshape(-1, CAMERA)
        state.camera_rotations = exp_so3(cameras[:, :3]) @ state.camera_rotations
        state.camera_positions = state.camera_positions + cameras[:, 3:6]
        state.focal_scales = state.focal_scales + cameras[:, 6]


def _keep_additive(
    state: State, position: np.ndarray, velocity: np.ndarray, trail_positions: np.ndarray
) -> None:
    """Leave the covariance of the additive error as it was before the estimate moved."""
    P = state.covariance
    trail = len(P) - POSE * len(trail_positions)
    moved = [(ROTATION, POSITION, state.position - position)]
    moved.append((ROTATION, VELOCITY, state.velocity - velocity))
    for k, shift in enumerate(state.trail_positions - trail_positions):
        start = trail + POSE * k
        moved.append((slice(start, start + 3), slice(start + 3, start + 6), shift))
    change = np.eye(len(P))
    for turn, target, shift in moved:
        change[target, turn] = hat(shift)
    state.covariance = change @ P @ change.T
