"""Batches of labelled clouds for a network of parts: people, rooms and things with joints."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from equi_nodes.body.skeleton import JOINTS
from equi_nodes.datasets import objects, rooms
from equi_nodes.datasets.person_clouds import (
    OUTSIDE,
    TRAINING,
    VIEWS,
    CloudOptions,
    draw_person,
    random_rotation,
)
from equi_nodes.datasets.person_poses import Poses, poses_of
from equi_nodes.geometry.neighbours import seeds_first
from equi_nodes.geometry.rotations import exp_so3

PERSON_POINTS = 1024
MARGIN = 0.4  # m, of the places where pieces are put from the edge of the floor
EMPTY, CROP = 0.05, (0.5, 4.0)  # share of clouds without a person; m, their radius
NO_PART = -1  # of points that belong to nothing, such as outliers

LABELS = {
    "people": (*JOINTS, "outside"),
    "rooms": rooms.CLASSES,
    "objects": objects.CLASSES,
}


class Labelled(NamedTuple):
    """One cloud with its truth.

    Attributes:
        points: (N, 3) float32 metres.
        labels: (N,) int64 class of each point.
        parts: (N,) int64 rigid part of each point, ``NO_PART`` where there is none.
        turns: (P, 3, 3) how each part is turned from how its kind usually stands, the first for
            the whole; None: not known.
        rest: (N, 3) metres, where each point lies on the figure at rest, zero where it does not;
            None: there is no such thing.
    """

    points: np.ndarray
    labels: np.ndarray
    parts: np.ndarray
    turns: np.ndarray | None = None
    rest: np.ndarray | None = None


class PartBatch(NamedTuple):
    """Clouds as a network takes them, around their middle, points far from each other first.

    Attributes:
        points: (B, N, 3) metres.
        mask: (B, N) bool.
        labels: (B, N) int64.
        parts: (B, N) int64, as in ``Labelled``.
        centres: (B, N, 3) metres, the mean of the seen points of the part that a point belongs to.
        axes: (B, N, 3, 2) where forward and up of that part point, zero where it is not known.
        whole: (B, 3, 2) those of the whole.
        rest: (B, N, 3) metres, as in ``Labelled``, zero where it is not known.
    """

    points: Tensor
    mask: Tensor
    labels: Tensor
    parts: Tensor
    centres: Tensor
    axes: Tensor
    whole: Tensor
    rest: Tensor


def draw_cloud(rng: np.random.Generator, task: str) -> Labelled:
    """Draw a cloud of a task to learn from.

    Args:
        rng: where all randomness comes from.
        task: ``people``, ``rooms`` or ``objects``.

    Raises:
        EquiError: people without the recordings, or no open3d.
    """
    return _DRAW[task](rng)


def person_cloud(
    rng: np.random.Generator, split: str, view: str, options: CloudOptions | None = None
) -> Labelled:
    """Return a person of a split of the recorded poses (train, test or ood), as a view sees it."""
    person = draw_person(rng, _poses(split), view, PERSON_POINTS, options=options)
    parts = np.where(person.parts == OUTSIDE, NO_PART, person.parts)
    return Labelled(person.points, person.parts, parts, person.rotations, person.rest)


def rearranged(rng: np.random.Generator, scan: Labelled) -> Labelled:
    """Return a scan of a room with each piece turned about the vertical and put somewhere else.

    All of it is the given scan: what was hidden stays so, and pieces may stand in each other.
    """
    points, turns = scan.points.copy(), scan.turns.copy()
    low, high = (
        points[scan.parts == rooms.FLOOR, :2].min(0),
        points[scan.parts == rooms.FLOOR, :2].max(0),
    )
    for part in range(rooms.SHELL, len(turns)):
        is_own = scan.parts == part
        if not is_own.any():
            continue
        turn = exp_so3(np.array([0.0, 0.0, rng.uniform(-np.pi, np.pi)]))
        middle = points[is_own].mean(0)
        place = np.array([*rng.uniform(low + MARGIN, high - MARGIN), middle[2]])
        points[is_own] = (points[is_own] - middle) @ turn.T + place
        turns[part] = turn @ turns[part]
    return scan._replace(points=points, turns=turns)


def pieces_cloud(rng: np.random.Generator) -> Labelled:
    """Return a scan of a new room, labelled by ``rooms.PIECES``."""
    room = rooms.draw_room(rng)
    cloud = room_cloud(rng, room)
    return cloud._replace(labels=room.pieces[cloud.parts])


def room_cloud(rng: np.random.Generator, room: rooms.Room, lidar: bool | None = None) -> Labelled:
    """Return a scan of a room; each of its parts is a label of its own."""
    seen = rooms.scan(rng, room, lidar)
    return Labelled(seen.points, seen.parts, seen.parts, room.boxes().turns())


def batch(rng: np.random.Generator, clouds: list[Labelled], points: int, seeds: int) -> PartBatch:
    """Return clouds turned at random, thinned to some points, padded where they have fewer.

    Args:
        rng: of the turns and the thinning.
        clouds: any number.
        points: N.
        seeds: how many points, far from each other, come first.
    """
    rows = [_thinned(rng, cloud, points) for cloud in clouds]
    cloud, mask, labels, parts, axes, whole, rest = (
        torch.from_numpy(np.stack(part)) for part in zip(*rows)
    )
    order = seeds_first(cloud, mask, seeds)
    spread = order[..., None].expand(-1, -1, 3)
    cloud, parts = cloud.gather(1, spread), parts.gather(1, order)
    return PartBatch(
        cloud,
        mask.gather(1, order),
        labels.gather(1, order),
        parts,
        _centres(cloud, parts),
        axes.gather(1, order[..., None, None].expand(-1, -1, 3, 2)),
        whole,
        rest.gather(1, spread),
    )


def turned(rng: np.random.Generator, axes: Tensor, deviation: float | np.ndarray) -> Tensor:
    """Return axes (B, N, 3, 2), each cloud's turned by some deviation, or its own (B,), rad."""
    spread = np.broadcast_to(deviation, len(axes))
    turns = np.stack([exp_so3(rng.normal(0, own, 3)) for own in spread])
    return torch.from_numpy(turns).to(axes)[:, None] @ axes


def _thinned(rng: np.random.Generator, cloud: Labelled, points: int) -> tuple[np.ndarray, ...]:
    chosen = rng.permutation(len(cloud.points))[:points]
    missing = points - len(chosen)
    own = cloud.points[chosen].astype(float)
    turn = random_rotation(rng)
    own = (own - own.mean(0)) @ turn.T
    parts = np.pad(cloud.parts[chosen], (0, missing), constant_values=NO_PART)
    rest = np.zeros_like(cloud.points) if cloud.rest is None else cloud.rest
    return (
        np.pad(own.astype(np.float32), ((0, missing), (0, 0))),
        np.arange(points) < len(chosen),
        np.pad(cloud.labels[chosen], (0, missing)),
        parts,
        *_axes(turn, cloud.turns, parts),
        np.pad(rest[chosen].astype(np.float32), ((0, missing), (0, 0))),
    )


def _axes(
    turn: np.ndarray, turns: np.ndarray | None, parts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return forward and up of the parts (N, 3, 2), zero where they are not known; of the whole."""
    if turns is None:
        return np.zeros((len(parts), 3, 2), np.float32), np.zeros((3, 2), np.float32)
    axes = (turn @ turns)[..., ::2].astype(np.float32)
    return np.where((parts == NO_PART)[:, None, None], np.float32(0), axes[parts]), axes[0]


def _centres(points: Tensor, parts: Tensor) -> Tensor:
    """Return the mean (B, N, 3) of each point's part, its own place where it has none."""
    member = torch.nn.functional.one_hot(parts + 1).to(points)
    mean = member.transpose(1, 2) @ points / member.sum(1).clamp(min=1)[..., None]
    own = mean.gather(1, (parts + 1)[..., None].expand(-1, -1, 3))
    return torch.where(parts[..., None] == NO_PART, points, own)


@lru_cache
def _poses(split: str) -> Poses:
    mixed = {"random_share": 0.2, "mixed_share": 0.4} if split == "train" else {}
    return poses_of(split, **mixed)


def _person(rng: np.random.Generator) -> Labelled:
    """Return a person of the train split; every second one is as clean as the sensor lets it be.

    Now and then there is none.
    """
    if rng.random() < EMPTY:
        return _nobody(rng)
    options = TRAINING if rng.random() < 0.5 else CloudOptions()
    return person_cloud(rng, "train", VIEWS[rng.integers(len(VIEWS))], options)


def _nobody(rng: np.random.Generator) -> Labelled:
    """Return what is around some place in a room."""
    points = room_cloud(rng, rooms.draw_room(rng)).points
    apart = np.linalg.norm(points - points[rng.integers(len(points))], axis=1)
    points = points[apart < np.exp(rng.uniform(*np.log(CROP)))]
    labels, parts = np.full(len(points), OUTSIDE), np.full(len(points), NO_PART)
    return Labelled(points, labels, parts, random_rotation(rng)[None])


def _room(rng: np.random.Generator) -> Labelled:
    room = rooms.draw_room(rng)
    cloud = room_cloud(rng, room)
    return cloud._replace(labels=room.kinds[cloud.parts])


def _object(rng: np.random.Generator) -> Labelled:
    thing = objects.draw_object(rng, objects.KINDS[rng.integers(len(objects.KINDS))])
    seen = objects.scan(rng, thing)
    return Labelled(seen.points, thing.classes[seen.parts], seen.parts, thing.boxes.turns())


_DRAW: dict[str, Callable[[np.random.Generator], Labelled]] = {
    "people": _person, "rooms": _room, "objects": _object,
}  # fmt: skip
