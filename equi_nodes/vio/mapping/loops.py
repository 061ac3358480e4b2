"""Recognising places: descriptors that match, and one pose that explains where they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from equi_nodes.config.vio import SlamConfig
from equi_nodes.geometry.rotations import inverse, log_so3, rigid, transform
from equi_nodes.vio.mapping.keyframes import Keyframe
from equi_nodes.vio.types import Rig

MOST_CANDIDATES = 3
NEIGHBOURS = 2  # keyframes on both sides of a candidate whose points are looked for too
RATIO = 0.8  # of the best distance to the second
MOST_DISTANCE = 64  # bits
REPROJECTION = 0.006  # normalised: 2.7 px at a focal length of 458
POINT_SPREAD = 0.006  # normalised, of a point seen again, its place in the map included
TRIALS = 200
CONFIDENCE = 0.9999
REACH = 3.0  # m of viewing distance: two keyframes that look at points further apart differ
NEAREST = 0.1  # m in front of the camera
TILT = np.radians(3.0)  # rad, most disagreement with gravity
SLACK = 0.3, 0.1  # m and rad of correction that are always believed
CLOSE = 0.05, 0.02  # m and rad, by which a pose that matches agree on may be wrong
FEWEST = 6  # matches that make a pose


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


@dataclass(frozen=True)
class Agreement:
    """A pose of the camera, T_c_map (4, 4), that explains matches.

    Attributes:
        pairs: (I, 2) rows of the image's points and of the map's.
        rotation, position: spreads of the pose, rad and m.
    """

    T_c_map: np.ndarray
    pairs: np.ndarray
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
    if not len(ids):
        return None
    rows = np.flatnonzero(new.described)
    query = np.concatenate([new.descriptors[rows], new.corner_descriptors])
    seen = np.concatenate([new.left[rows], new.corners])
    world = np.stack([points[point] for point in ids.tolist()])
    T_c_map = inverse(new.T_map_b @ rig.cameras[0].T_b_c)
    first = _agreement(query, seen, descriptors, world, T_c_map, _drift(new, old[place], config))
    if first is not None:
        T_c_map = first.T_c_map
    found = _agreement(query, seen, descriptors, world, T_c_map, CLOSE)
    if found is None or len(found.pairs) < config.loop_inliers:
        return None
    tracked = found.pairs[found.pairs[:, 0] < len(rows)]
    T_map_b = inverse(rig.cameras[0].T_b_c @ found.T_c_map)
    shown = rows[tracked[:, 0]], ids[tracked[:, 1]]
    return Recognition(old[place], T_map_b, *shown, found.rotation, found.position)


def _agreement(
    query: np.ndarray,
    seen: np.ndarray,
    descriptors: np.ndarray,
    world: np.ndarray,
    T_c_map: np.ndarray,
    off: tuple[float, float],
) -> Agreement | None:
    """Return the pose that most matches agree on, None if there is none.

    Args:
        query, seen: (Q, 32) descriptors of the image and where they are, (Q, 2) normalised.
        descriptors, world: (P, 32) of points and where those are in the map, (P, 3).
        T_c_map: (4, 4) as it is expected. off: m and rad, by which it may be wrong.
    """
    pairs = _matches(query, descriptors, _may_be(seen, transform(T_c_map, world), *off))
    if len(pairs) < FEWEST:
        return None
    return _pose(world, seen, pairs, T_c_map)


def _drift(new: Keyframe, old: Keyframe, config: SlamConfig) -> tuple[float, float]:
    """Return by how much the filter can have drifted between two keyframes, m and rad."""
    seconds = (new.stamp_ns - old.stamp_ns) * 1e-9
    most = config.loop_drift * min(seconds, new.travelled - old.travelled)
    return SLACK[0] + most, SLACK[1] + most / 10


def _may_be(seen: np.ndarray, expected: np.ndarray, shift: float, turn: float) -> np.ndarray:
    """Return (Q, P) whether what is seen there can be a point that is expected here.

    Args:
        seen: (Q, 2) normalised. expected: (P, 3) points in the camera.
        shift, turn: m and rad, by which the camera may be elsewhere.
    """
    depth = np.maximum(expected[:, 2], NEAREST)
    apart = np.linalg.norm(seen[:, None] - expected[:, :2] / depth[:, None], axis=2)
    reach = (turn + shift / depth) * (1.0 + (seen**2).sum(1))[:, None]
    return (apart < reach) & (expected[:, 2] > NEAREST)


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


def _matches(query: np.ndarray, train: np.ndarray, may_be: np.ndarray) -> np.ndarray:
    """Return (P, 2) rows of query and train, of those that may be the same, that clearly are."""
    if len(query) < 2 or len(train) < 2:
        return np.zeros((0, 2), np.int64)
    two = cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(query, train, 2, may_be.astype(np.uint8))
    best = {}
    for first, *others in filter(None, two):
        second = others[0].distance if others else np.inf
        if first.distance < min(RATIO * second, MOST_DISTANCE):
            before = best.get(first.trainIdx)
            if before is None or first.distance < before[0]:
                best[first.trainIdx] = first.distance, first.queryIdx
    pairs = [(row, train_row) for train_row, (_, row) in sorted(best.items())]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _pose(
    world: np.ndarray, seen: np.ndarray, pairs: np.ndarray, T_c_map: np.ndarray
) -> Agreement | None:
    """Solve for the camera where it is expected to be.

    So the spread of its position does not depend on how far away the map begins.

    Args:
        world: (P, 3) points of the map. seen: (Q, 2) normalised points of the image.
        pairs: (M, 2) rows of seen and of world. T_c_map: (4, 4) as it is expected.
    """
    near, at = transform(T_c_map, world[pairs[:, 1]]), seen[pairs[:, 0]]
    found, rotation, translation, inliers = cv2.solvePnPRansac(
        near, at, np.eye(3), None, iterationsCount=TRIALS, reprojectionError=REPROJECTION,
        confidence=CONFIDENCE, flags=cv2.SOLVEPNP_AP3P,
    )  # fmt: skip
    if not found or inliers is None or len(inliers) < FEWEST:
        return None
    rows = inliers[:, 0]
    rotation, translation = cv2.solvePnPRefineLM(
        near[rows], at[rows], np.eye(3), None, rotation, translation
    )
    J = cv2.projectPoints(near[rows], rotation, translation, np.eye(3), None)[1][:, :6]
    covariance = POINT_SPREAD**2 * np.linalg.pinv(J.T @ J)
    spreads = [
        float(np.sqrt(np.linalg.eigvalsh(c)[-1])) for c in (covariance[:3, :3], covariance[3:, 3:])
    ]
    T_now_expected = rigid(cv2.Rodrigues(rotation)[0], translation[:, 0])
    return Agreement(T_now_expected @ T_c_map, pairs[rows], *spreads)


def _is_sane(new: Keyframe, found: Recognition, config: SlamConfig) -> bool:
    """Return whether gravity agrees and the filter can have drifted so far."""
    between = found.T_map_b @ inverse(new.T_map_b)
    up_moved = np.arccos(np.clip(between[2, 2], -1.0, 1.0))
    shift = np.linalg.norm(found.T_map_b[:3, 3] - new.T_map_b[:3, 3])
    turn = np.linalg.norm(log_so3(between[:3, :3]))
    most_shift, most_turn = _drift(new, found.candidate, config)
    return bool(up_moved < TILT and shift < most_shift and turn < most_turn)
