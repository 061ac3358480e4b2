"""Recognising places: descriptors that match, and one pose that explains where they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from equi_nodes.config.vio import SlamConfig
from equi_nodes.geometry.rotations import inverse, log_so3, rigid
from equi_nodes.vio.mapping.keyframes import Keyframe
from equi_nodes.vio.types import Rig

MOST_CANDIDATES = 3
NEIGHBOURS = 2  # keyframes on both sides of a candidate whose points are looked for too
RATIO = 0.8  # of the best distance to the second
MOST_DISTANCE = 64  # bits
REPROJECTION = 0.006  # normalised: 2.7 px at a focal length of 458
POINT_SPREAD = 0.004  # normalised, of a point seen again, its place in the map included
TRIALS = 200
CONFIDENCE = 0.9999
REACH = 3.0  # m of viewing distance: two keyframes that look at points further apart differ
TILT = np.radians(3.0)  # rad, most disagreement with gravity
SLACK = 0.3, 0.1  # m and rad of correction that are always believed


@dataclass(frozen=True)
class Recognition:
    """A keyframe seen from an older place.

    Attributes:
        candidate: the old keyframe.
        T_map_b: (4, 4) of the new keyframe.
        rows: (I,) of the new keyframe's points that are old points of the map, and which (I,).
        rotation, position: spreads of the pose, rad and m.
    """

    candidate: Keyframe
    T_map_b: np.ndarray
    rows: np.ndarray
    points: np.ndarray
    rotation: float
    position: float


def recognise(
    new: Keyframe,
    old: Sequence[Keyframe],
    points: dict[int, np.ndarray],
    rig: Rig,
    config: SlamConfig,
) -> Recognition | None:
    """Return where a keyframe is by the points of the most likely older place, if any agrees."""
    for place in _candidates(new, old, config):
        found = _locate(new, old, place, points, rig, config)
        if found is not None and _is_sane(new, found, config):
            return found
    return None


def _candidates(new: Keyframe, old: Sequence[Keyframe], config: SlamConfig) -> list[int]:
    """Return the places of the old keyframes that look at most the same, best first."""
    aged = [k for k in old if (new.stamp_ns - k.stamp_ns) * 1e-9 > config.loop_age]
    if not aged:
        return []
    here = new.T_map_b
    there = np.stack([keyframe.T_map_b for keyframe in aged])
    apart = np.linalg.norm(there[:, :3, 3] - here[:3, 3], axis=1)
    turned = np.linalg.norm(log_so3(here[:3, :3].T @ there[:, :3, :3]), axis=1)
    possible = apart < REACH + config.loop_drift * np.array(
        [new.travelled - k.travelled for k in aged]
    )
    order = np.argsort(apart / REACH + turned, kind="stable")
    return [int(place) for place in order if possible[place]][:MOST_CANDIDATES]


def _locate(
    new: Keyframe,
    old: Sequence[Keyframe],
    place: int,
    points: dict[int, np.ndarray],
    rig: Rig,
    config: SlamConfig,
) -> Recognition | None:
    """Match descriptors with the points around an old keyframe and solve for the pose."""
    around = old[max(place - NEIGHBOURS, 0) : place + NEIGHBOURS + 1]
    ids, descriptors = _described_points(around, points)
    rows = np.flatnonzero(new.described)
    query = np.concatenate([new.descriptors[rows], new.corner_descriptors])
    seen = np.concatenate([new.left[rows], new.corners])
    pairs = _matches(query, descriptors)
    if len(pairs) < config.loop_inliers:
        return None
    world = np.stack([points[point] for point in ids[pairs[:, 1]].tolist()])
    solved = _pose(world, seen[pairs[:, 0]])
    if solved is None or len(solved[1]) < config.loop_inliers:
        return None
    T_map_c, inliers, spreads = solved
    pairs = pairs[inliers]
    tracked = pairs[pairs[:, 0] < len(rows)]
    T_map_b = T_map_c @ inverse(rig.cameras[0].T_b_c)
    return Recognition(old[place], T_map_b, rows[tracked[:, 0]], ids[tracked[:, 1]], *spreads)


def _described_points(
    keyframes: Sequence[Keyframe], points: dict[int, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return ids (P,) of map points that these keyframes describe, and descriptors (P, 32)."""
    ids = np.concatenate([k.ids[k.described] for k in keyframes])
    descriptors = np.concatenate([k.descriptors[k.described] for k in keyframes])
    have = np.array([point in points for point in ids.tolist()], bool)
    ids, descriptors = ids[have], descriptors[have]
    first = np.unique(ids, return_index=True)[1]
    return ids[first], descriptors[first]


def _matches(query: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Return (P, 2) rows of query and train that are each other's best, clearly."""
    if len(query) < 2 or len(train) < 2:
        return np.zeros((0, 2), np.int64)
    two = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(query, train, k=2)
    best = {}
    for first, second in two:
        if first.distance < min(RATIO * second.distance, MOST_DISTANCE):
            before = best.get(first.trainIdx)
            if before is None or first.distance < before[0]:
                best[first.trainIdx] = first.distance, first.queryIdx
    pairs = [(row, train_row) for train_row, (_, row) in sorted(best.items())]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _pose(
    world: np.ndarray, seen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]] | None:
    """Return T_map_c (4, 4), the rows that agree, and spreads of rotation and position.

    Args:
        world: (P, 3) points of the map. seen: (P, 2) normalised, where they are seen.
    """
    found, rotation, translation, inliers = cv2.solvePnPRansac(
        world, seen, np.eye(3), None, iterationsCount=TRIALS, reprojectionError=REPROJECTION,
        confidence=CONFIDENCE, flags=cv2.SOLVEPNP_AP3P,
    )  # fmt: skip
    if not found or inliers is None or len(inliers) < 6:
        return None
    inliers = inliers[:, 0]
    rotation, translation = cv2.solvePnPRefineLM(
        world[inliers], seen[inliers], np.eye(3), None, rotation, translation
    )
    J = cv2.projectPoints(world[inliers], rotation, translation, np.eye(3), None)[1][:, :6]
    covariance = POINT_SPREAD**2 * np.linalg.pinv(J.T @ J)
    spreads = [
        float(np.sqrt(np.linalg.eigvalsh(c)[-1])) for c in (covariance[:3, :3], covariance[3:, 3:])
    ]
    T_map_c = inverse(rigid(cv2.Rodrigues(rotation)[0], translation[:, 0]))
    return T_map_c, inliers, (spreads[0], spreads[1])


def _is_sane(new: Keyframe, found: Recognition, config: SlamConfig) -> bool:
    """Return whether gravity agrees and the filter can have drifted so far."""
    between = found.T_map_b @ inverse(new.T_map_b)
    up_moved = np.arccos(np.clip(between[2, 2], -1.0, 1.0))
    shift = np.linalg.norm(found.T_map_b[:3, 3] - new.T_map_b[:3, 3])
    turn = np.linalg.norm(log_so3(between[:3, :3]))
    seconds = (new.stamp_ns - found.candidate.stamp_ns) * 1e-9
    metres = new.travelled - found.candidate.travelled
    most = config.loop_drift * min(seconds, metres)
    return bool(up_moved < TILT and shift < SLACK[0] + most and turn < SLACK[1] + most / 10)
