"""Adjusting the newest keyframes and their points together, and all keyframes along a loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from equi_nodes.config.vio import SlamConfig
from equi_nodes.geometry.rotations import inverse
from equi_nodes.vio.mapping.keyframes import Keyframe, tilt_spread
from equi_nodes.vio.mapping.points import views_of
from equi_nodes.vio.mapping.solver import solver
from equi_nodes.vio.types import Rig

HUBER = 2.45  # standard deviations: the square root of 5.99
FIXED = 1e-6  # rad and m, of what is held
FREE_TILT = 0.1  # rad, where roll and pitch are left to gravity
LEAST_TILT = 5e-4  # rad, no spread of the filter's roll and pitch is believed below it
FINEST = np.repeat([1e-4, 5e-4], 3)  # rad and m, no motion is believed to be known better
AFTER_RESET = 100.0  # times the odometry's spread across a reset of the filter
UP = np.array([0.0, 0.0, 1.0])


@dataclass(frozen=True)
class Loop:
    """A place seen again: keyframe ``new`` stands at ``T_old_new`` (4, 4) from ``old``.

    Attributes:
        old, new: indices of keyframes. rotation, position: spreads, rad and m.
        doubt: factor on the odometry's variance that explains what the loop found, at least 1.
    """

    old: int
    new: int
    T_old_new: np.ndarray
    rotation: float
    position: float
    doubt: float


def adjust(
    free: Sequence[Keyframe],
    held: Sequence[Keyframe],
    points: dict[int, np.ndarray],
    rig: Rig,
    spread: float,
    config: SlamConfig,
) -> tuple[list[np.ndarray], dict[int, np.ndarray]]:
    """Adjust keyframes and the points that they see to reprojections and odometry.

    Args:
        free: keyframes to adjust, in order of time. held: keyframes that stay.
        points: map points (3,) by id; those seen at least twice are used.
        rig: the sensors. spread: of a normalised coordinate.
        config: the user's settings.

    Returns:
        T_map_b of the free keyframes, and the points that were adjusted.
    """
    gtsam = solver()
    graph, values = gtsam.NonlinearFactorGraph(), gtsam.Values()
    keyframes = sorted((*free, *held), key=lambda keyframe: keyframe.index)
    for keyframe in keyframes:
        values.insert(_pose(keyframe.index), gtsam.Pose3(keyframe.T_map_b))
    for keyframe in held:
        graph.add(_hold(gtsam, keyframe, FIXED))
    if not held:
        graph.add(_hold(gtsam, free[0], FREE_TILT))
    moving = {keyframe.index for keyframe in free}
    for before, after in zip(keyframes[:-1], keyframes[1:]):
        if before.index in moving or after.index in moving:
            graph.add(_odometry(gtsam, before, after))
    for keyframe in free:
        graph.add(_upright(gtsam, keyframe))
    used = _add_views(gtsam, graph, values, keyframes, moving, points, rig, spread)
    result = _optimised(gtsam, graph, values, config.iterations)
    poses = [result.atPose3(_pose(keyframe.index)).matrix() for keyframe in free]
    return poses, {point: result.atPoint3(_point(point)) for point in used}


def correct(
    keyframes: Sequence[Keyframe], loops: Sequence[Loop], config: SlamConfig
) -> list[np.ndarray]:
    """Return T_map_b of all keyframes, in order of time, that meet odometry and loops."""
    gtsam = solver()
    doubt = max(loop.doubt for loop in loops)
    graph, values = gtsam.NonlinearFactorGraph(), gtsam.Values()
    for keyframe in keyframes:
        values.insert(_pose(keyframe.index), gtsam.Pose3(keyframe.T_map_b))
        graph.add(_upright(gtsam, keyframe))
    graph.add(_hold(gtsam, keyframes[0], FREE_TILT))
    for before, after in zip(keyframes[:-1], keyframes[1:]):
        graph.add(_odometry(gtsam, before, after, doubt))
    for loop in loops:
        model = _robust(gtsam, _spreads(gtsam, loop.rotation, loop.position))
        between = gtsam.Pose3(loop.T_old_new)
        graph.add(gtsam.BetweenFactorPose3(_pose(loop.old), _pose(loop.new), between, model))
    result = _optimised(gtsam, graph, values, 4 * config.iterations)
    return [result.atPose3(_pose(keyframe.index)).matrix() for keyframe in keyframes]


def _pose(index: int) -> int:
    return 2 * index


def _point(index: int) -> int:
    return 2 * index + 1


def _spreads(gtsam: Any, rotation: float, position: float) -> Any:
    return gtsam.noiseModel.Diagonal.Sigmas(np.repeat([rotation, position], 3))


def _robust(gtsam: Any, model: Any) -> Any:
    return gtsam.noiseModel.Robust.Create(gtsam.noiseModel.mEstimator.Huber.Create(HUBER), model)


def _hold(gtsam: Any, keyframe: Keyframe, tilt: float) -> Any:
    """Hold position and heading where they are, roll and pitch with a spread of ``tilt``."""
    R_b_map = keyframe.T_map_b[:3, :3].T
    covariance = FIXED**2 * np.eye(6)
    covariance[:3, :3] = R_b_map @ np.diag([tilt**2, tilt**2, FIXED**2]) @ R_b_map.T
    model = gtsam.noiseModel.Gaussian.Covariance(covariance)
    pose = gtsam.Pose3(keyframe.T_map_b)
    return gtsam.PriorFactorPose3(_pose(keyframe.index), pose, model)


def _odometry(gtsam: Any, before: Keyframe, after: Keyframe, doubt: float = 1.0) -> Any:
    """Tie two keyframes by the filter's motion between them, as well as the filter knows it."""
    covariance = doubt * motion_covariance(before, after)
    model = gtsam.noiseModel.Gaussian.Covariance(covariance)
    between = gtsam.Pose3(inverse(before.T_w_b) @ after.T_w_b)
    return gtsam.BetweenFactorPose3(_pose(before.index), _pose(after.index), between, model)


def motion_covariance(before: Keyframe, after: Keyframe) -> np.ndarray:
    """Return the covariance (6, 6) of the filter's motion between two keyframes.

    Heading and position cannot be observed, so their errors only grow: what the later covariance
    has beyond the earlier, carried along by its heading, is that of the motion. Roll and pitch do
    not grow; their motion is not known better than they are.

    Returns:
        Rotation and position, rad and m, in the body of the later keyframe.
    """
    carry = np.eye(6)
    carry[3:, 2] = np.cross(UP, after.T_w_b[:3, 3] - before.T_w_b[:3, 3])
    grown = after.covariance - carry @ before.covariance @ carry.T
    grown[:2], grown[:, :2] = 0.0, 0.0
    grown[:2, :2] = after.covariance[:2, :2]
    values, vectors = np.linalg.eigh(grown / np.outer(FINEST, FINEST))
    root = FINEST[:, None] * vectors * np.sqrt(np.maximum(values, 1.0))
    root = np.kron(np.eye(2), after.T_w_b[:3, :3].T) @ root
    if after.resets != before.resets:
        root *= AFTER_RESET
    return root @ root.T


def _upright(gtsam: Any, keyframe: Keyframe) -> Any:
    """Hold roll and pitch as the filter has them, which feels gravity."""
    model = gtsam.noiseModel.Isotropic.Sigma(2, max(tilt_spread(keyframe.covariance), LEAST_TILT))
    up_in_body = gtsam.Unit3(keyframe.T_w_b[:3, :3].T @ UP)
    return gtsam.AttitudeFactorPose3(_pose(keyframe.index), gtsam.Unit3(UP), model, up_in_body)


def _add_views(
    gtsam: Any,
    graph: Any,
    values: Any,
    keyframes: Sequence[Keyframe],
    moving: set[int],
    points: dict[int, np.ndarray],
    rig: Rig,
    spread: float,
) -> list[int]:
    """Add the reprojections of points seen twice or more, and by a moving keyframe."""
    place, camera, ids, seen = views_of(keyframes, rig)
    free = np.array([keyframe.index in moving for keyframe in keyframes])[place]
    known, at, views = np.unique(ids, return_inverse=True, return_counts=True)
    moved = np.bincount(at, weights=free, minlength=len(known)) > 0
    have = np.array([point in points for point in known.tolist()], bool)
    used = known[moved & have & (views > 1)].tolist()
    for point in used:
        values.insert(_point(point), points[point])
    model = _robust(gtsam, gtsam.noiseModel.Isotropic.Sigma(2, spread))
    pinhole = gtsam.Cal3_S2(1.0, 1.0, 0.0, 0.0, 0.0)
    mounts = [gtsam.Pose3(c.T_b_c) for c in rig.cameras]
    rows = np.flatnonzero(np.isin(ids, used))
    for k, c, point, uv in zip(place[rows], camera[rows], ids[rows].tolist(), seen[rows]):
        keys = _pose(keyframes[k].index), _point(point)
        factor = gtsam.GenericProjectionFactorCal3_S2(uv, model, *keys, pinhole, mounts[c])
        graph.add(factor)
    return used


def _optimised(gtsam: Any, graph: Any, values: Any, iterations: int) -> Any:
    parameters = gtsam.LevenbergMarquardtParams()
    parameters.setMaxIterations(iterations)
    return gtsam.LevenbergMarquardtOptimizer(graph, values, parameters).optimize()
