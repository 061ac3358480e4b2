"""The time offset between camera and IMU: both see the same rotation, one of them later."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import log_so3
from equi_nodes.samples import Tracks

RESOLUTION = 0.001  # s
FEWEST_INTERVALS = 10
FEWEST_SHARED = 12
EPIPOLAR_PIXELS = 1.0
CONFIDENCE = 0.999


def visual_rates(tracks: Sequence[Tracks], camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps (N + 1,) of frames, ns, and the body's rates between them (N, 3), rad/s.

    A rate is NaN where two frames share too few features. The essential matrix gives it, so that
    a translation does no harm.
    """
    stamps = np.array([frame.stamp_ns for frame in tracks], np.int64)
    rates = [_rate(before, after, camera) for before, after in zip(tracks[:-1], tracks[1:])]
    return stamps, np.array(rates).reshape(-1, 3)


def _rate(before: Tracks, after: Tracks, camera: Camera) -> np.ndarray:
    """Return the rate (3,) in the body between two frames."""
    _, a, b = np.intersect1d(before.ids, after.ids, return_indices=True)
    old, new = before.left[a], after.left[b]
    good = np.isfinite(old).all(1) & np.isfinite(new).all(1)
    unknown = np.full(3, np.nan)
    if good.sum() < FEWEST_SHARED:
        return unknown
    old, new = old[good], new[good]
    limit = EPIPOLAR_PIXELS / camera.focal
    E, _ = cv2.findEssentialMat(old, new, np.eye(3), cv2.RANSAC, CONFIDENCE, limit)
    if E is None or E.shape != (3, 3):
        return unknown
    first, second, _ = cv2.decomposeEssentialMat(E)
    R_new_old = max((first, second), key=np.trace)  # the other is turned by half a circle
    seconds = (after.stamp_ns - before.stamp_ns) * 1e-9
    return camera.T_b_c[:3, :3] @ log_so3(R_new_old.T) / seconds


def rotation_offset(
    stamps: np.ndarray,
    visual_rates: np.ndarray,
    imu_stamps: np.ndarray,
    gyro: np.ndarray,
    widest: float = 0.2,
) -> tuple[float, float]:
    """Return the seconds to add to camera stamps to have the IMU's time, and how sure that is.

    Args:
        stamps: (N + 1,) of the frames, ns.
        visual_rates: (N, 3) mean rates of the body between frames, rad/s, NaN if unknown.
        imu_stamps: (M,) ns.
        gyro: (M, 3) rad/s; a bias does no harm.
        widest: largest offset that is looked for, seconds.

    Returns:
        The offset, and the correlation at it: 0 for no rotation or no agreement, 1 for perfect.
    """
    known = np.isfinite(visual_rates).all(1)
    if known.sum() < FEWEST_INTERVALS or len(imu_stamps) < FEWEST_INTERVALS:
        return 0.0, 0.0
    start, times = (stamps - imu_stamps[0]) * 1e-9, (imu_stamps - imu_stamps[0]) * 1e-9
    steps = np.diff(times)[:, None] * (gyro[1:] + gyro[:-1]) / 2
    angle = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, 0)])
    offsets = np.arange(-widest, widest + RESOLUTION / 2, RESOLUTION)
    scores = np.array(
        [_agreement(start + offset, visual_rates, known, times, angle) for offset in offsets]
    )
    best = int(np.argmax(scores))
    if not 0 < best < len(offsets) - 1:
        return float(offsets[best]), 0.0
    below, peak, above = scores[best - 1 : best + 2]
    curvature = below - 2 * peak + above
    shift = 0.5 * (below - above) / curvature if curvature < 0 else 0.0
    return float(offsets[best] + shift * RESOLUTION), float(np.clip(peak, 0.0, 1.0))


def _agreement(
    start: np.ndarray, rates: np.ndarray, known: np.ndarray, times: np.ndarray, angle: np.ndarray
) -> float:
    """Return the correlation of visual rates and mean gyro rates, the means taken out."""
    inside = known & (start[:-1] >= times[0]) & (start[1:] <= times[-1])
    if inside.sum() < FEWEST_INTERVALS:
        return 0.0
    turned = np.stack([np.interp(start, times, axis) for axis in angle.T], 1)
    mean_rates = np.diff(turned, axis=0)[inside] / np.diff(start)[inside, None]
    seen = rates[inside] - rates[inside].mean(0)
    felt = mean_rates - mean_rates.mean(0)
    size = np.sqrt((seen**2).sum() * (felt**2).sum())
    return float((seen * felt).sum() / size) if size > 0 else 0.0
