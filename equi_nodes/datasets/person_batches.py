"""Batches of people for a network: drawn once, then thinned and turned anew at each use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from equi_nodes.body.model import load_body
from equi_nodes.datasets.person_clouds import (
    OUTSIDE,
    VIEWS,
    CloudOptions,
    draw_person,
    random_rotation,
)
from equi_nodes.datasets.person_poses import Poses
from equi_nodes.geometry.neighbours import seeds_first
from equi_nodes.geometry.rotations import exp_so3

MOST_POINTS, FEWEST_POINTS = 512, 128
SPREAD_POINTS = 64  # of each cloud are put first, far from each other
VALIDATION_SHARE = 0.1
MISALIGNED = 0.45  # rad, standard deviation about each axis of a frame that is not quite the body's


class Crowd(NamedTuple):
    """People stacked; as in ``PersonCloud``, with ``count`` (P,) of the points being there."""

    points: np.ndarray
    parts: np.ndarray
    rest: np.ndarray
    rotations: np.ndarray
    betas: np.ndarray
    joints: np.ndarray
    count: np.ndarray


class PersonBatch(NamedTuple):
    """People as a network takes them, points far from each other first.

    Attributes:
        points: (B, N, 3) metres.
        mask: (B, N) bool.
        parts: (B, N) int64, 22 where the point is of no person.
        rest: (B, N, 3) metres.
        rotations: (B, 22, 3, 3) global part rotations.
        betas: (B, 10).
        joints: (B, 22, 3) metres.
        frames: (B, 3, 3) about the pelvis' rotation.
    """

    points: Tensor
    mask: Tensor
    parts: Tensor
    rest: Tensor
    rotations: Tensor
    betas: Tensor
    joints: Tensor
    frames: Tensor


def rest_to_tpose() -> Tensor:
    """Return the rotations (22, 3, 3) of the shipped body's parts from rest to a T-pose."""
    return load_body().rest_to_tpose


def apart(poses: Poses) -> tuple[Poses, Poses]:
    """Return poses to learn from and poses to validate on: the last recordings of a split."""
    kept = round((1 - VALIDATION_SHARE) * len(poses.rotations))
    learned, rest = (replace(poses, rotations=r) for r in np.split(poses.rotations, [kept]))
    return learned, replace(rest, random_share=0.0, mixed_share=0.0)


def draw_crowd(
    rng: np.random.Generator,
    poses: Poses,
    views: tuple[str, ...],
    people: int,
    options: CloudOptions,
) -> Crowd:
    """Draw people, each seen by one of the views in turn."""
    rows = [_drawn(rng, poses, views[k % len(views)], options) for k in range(people)]
    return Crowd(*map(np.stack, zip(*rows)))


def batches(
    crowd: Crowd, size: int, rng: np.random.Generator, points: int | None = None
) -> Iterator[PersonBatch]:
    """Yield all people once in random order, thinned to a random number of points or to some."""
    order = rng.permutation(len(crowd.count))
    for start in range(0, len(order), size):
        most = points or int(rng.integers(FEWEST_POINTS, MOST_POINTS + 1))
        yield _batch(rng, Crowd(*(part[order[start : start + size]] for part in crowd)), most)


def _drawn(
    rng: np.random.Generator, poses: Poses, view: str, options: CloudOptions
) -> tuple[np.ndarray, ...]:
    count = MOST_POINTS if view == "full" else int(rng.integers(FEWEST_POINTS, MOST_POINTS + 1))
    cloud = draw_person(rng, poses, view, count, options=options)
    padding = ((0, MOST_POINTS - count), (0, 0))
    points, rest = (np.pad(p.astype(np.float32), padding) for p in (cloud.points, cloud.rest))
    parts = np.pad(cloud.parts.astype(np.int8), padding[0], constant_values=OUTSIDE)
    return points, parts, rest, cloud.rotations, cloud.betas, cloud.joints, np.array(count)


def _batch(rng: np.random.Generator, crowd: Crowd, most: int) -> PersonBatch:
    people = np.arange(len(crowd.count))[:, None]
    is_there = np.arange(MOST_POINTS) < crowd.count[:, None]
    chosen = np.argsort(rng.random(is_there.shape) + ~is_there, axis=1)[:, :most]
    mask = torch.from_numpy(is_there[people, chosen])
    turns = np.stack([random_rotation(rng) for _ in crowd.count]).astype(np.float32)
    points = torch.from_numpy(crowd.points[people, chosen] @ turns.swapaxes(1, 2))
    points = points - points[:, :1]  # a far origin costs digits
    order = seeds_first(points, mask, SPREAD_POINTS).numpy()
    chosen = chosen[people, order]
    rotations = turns[:, None] @ crowd.rotations
    middle = crowd.points[people, chosen[:, :1]]
    off = exp_so3(rng.normal(0, MISALIGNED, (len(people), 3))).astype(np.float32)
    arrays = (
        (crowd.points[people, chosen] - middle) @ turns.swapaxes(1, 2), is_there[people, chosen],
        crowd.parts[people, chosen].astype(np.int64), crowd.rest[people, chosen], rotations,
        crowd.betas, (crowd.joints - middle) @ turns.swapaxes(1, 2), rotations[:, 0] @ off,
    )  # fmt: skip
    return PersonBatch(*map(torch.from_numpy, arrays))


__all__ = ["VIEWS", "Crowd", "PersonBatch", "apart", "batches", "draw_crowd", "rest_to_tpose"]
