"""Made-up things with joints: doors, chests of drawers and robot arms, each in some pose."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from equi_nodes.datasets.boxes import Boxes, Seen, joined, look, picture
from equi_nodes.geometry.rotations import exp_so3, rigid

KINDS = ("door", "drawers", "arm")
CLASSES = ("frame", "leaf", "chest", "drawer", "base", "link")
FRAME, LEAF, CHEST, DRAWER, BASE, LINK = range(len(CLASSES))
FIXED, TURNS, SLIDES = range(3)  # what the joint of a part lets it do
X, Y, Z = np.eye(3)
VIEWS = 3  # places that an object is seen from
NEAR = (1.2, 2.0)  # times its size, how far these are


class Axes(NamedTuple):
    """The joint of each part to the one before it, in the frame of the points.

    Attributes:
        kinds: (P,) one of ``FIXED``, ``TURNS``, ``SLIDES``.
        points: (P, 3) metres, one point of the axis.
        directions: (P, 3) unit.
    """

    kinds: np.ndarray
    points: np.ndarray
    directions: np.ndarray


class Object(NamedTuple):
    """A thing with joints, in some pose.

    Attributes:
        kind: one of ``KINDS``.
        boxes: what it is made of, by part.
        classes: (P,) class of each part.
        axes: the joint of each part.
    """

    kind: str
    boxes: Boxes
    classes: np.ndarray
    axes: Axes


class _Part(NamedTuple):
    """One part: its class, its boxes (sizes, middles), the pose of its frame, and its joint."""

    label: int
    sizes: list
    middles: list
    pose: np.ndarray
    joint: int = FIXED
    axis: np.ndarray = Z


def draw_object(rng: np.random.Generator, kind: str) -> Object:
    """Draw an object of one of ``KINDS``, with measures and a pose of its own."""
    parts = {"door": _door, "drawers": _drawers, "arm": _arm}[kind](rng)
    boxes = [
        Boxes(
            np.array(part.sizes, float),
            np.stack([part.pose @ rigid(np.eye(3), np.array(m, float)) for m in part.middles]),
            np.full(len(part.sizes), number),
        )
        for number, part in enumerate(parts)
    ]
    axes = Axes(
        np.array([part.joint for part in parts]),
        np.stack([part.pose[:3, 3] for part in parts]),
        np.stack([part.pose[:3, :3] @ part.axis for part in parts]),
    )
    return Object(kind, joined(boxes), np.array([part.label for part in parts]), axes)


def scan(rng: np.random.Generator, thing: Object) -> Seen:
    """Return what a depth camera that is moved in front of the object sees of it."""
    places = thing.boxes.poses[:, :3, 3]
    middle, size = places.mean(0), np.ptp(places, 0).max() + thing.boxes.sizes.max()
    angles = rng.uniform(-1.0, 1.0, VIEWS)
    forward = np.stack([-np.cos(angles), -np.sin(angles), np.full(VIEWS, -0.4)], 1)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    origins = middle - size * rng.uniform(*NEAR, (VIEWS, 1)) * forward
    return look(rng, thing.boxes, origins, np.stack([picture(one) for one in forward]), False)


def _door(rng: np.random.Generator) -> list[_Part]:
    """A door leaf in its frame, hinged on one side."""
    wide, high, open_by = rng.uniform(0.7, 1.0), rng.uniform(1.9, 2.1), rng.uniform(0, 1.9)
    posts = [(0.12, 0.1, high + 0.1)] * 2 + [(0.12, wide + 0.2, 0.1)]
    places = [(0, s * (wide / 2 + 0.06), high / 2) for s in (-1, 1)] + [(0, 0, high + 0.05)]
    hinge = rigid(exp_so3(-open_by * Z), np.array([0.0, -wide / 2, 0.0]))
    leaf = (
        [(0.04, wide, high), (0.06, 0.12, 0.03)],
        [(0, wide / 2, high / 2), (0.05, wide - 0.1, 1)],
    )
    return [_Part(FRAME, posts, places, np.eye(4)), _Part(LEAF, *leaf, hinge, TURNS)]


def _drawers(rng: np.random.Generator) -> list[_Part]:
    """A chest, open in front, with drawers above each other that stand out by different lengths."""
    count, deep, wide = int(rng.integers(1, 4)), rng.uniform(0.4, 0.5), rng.uniform(0.4, 0.8)
    each = rng.uniform(0.18, 0.28)
    high = count * each
    sizes = [(deep, 0.02, high)] * 2 + [(deep, wide, 0.02)] * 2
    sides = [(0, s * wide / 2, high / 2) for s in (-1, 1)] + [(0, 0, 0), (0, 0, high)]
    parts = [
        _Part(CHEST, [*sizes, (0.02, wide, high)], [*sides, (-deep / 2, 0, high / 2)], np.eye(4))
    ]
    inner, tall = (wide - 0.06, 0.7 * each)
    for number in range(count):
        out, middle = rng.uniform(0, 0.8 * deep), (number + 0.5) * each
        pose = rigid(np.eye(3), np.array([out, 0.0, middle]))
        walls = [(deep, 0.015, tall)] * 2 + [
            (deep, inner, 0.015),
            (0.02, inner + 0.04, 0.95 * each),
        ]
        places = [(0, s * inner / 2, 0) for s in (-1, 1)] + [(0, 0, -tall / 2), (deep / 2, 0, 0)]
        handle = (0.03, 0.12, 0.02), (deep / 2 + 0.03, 0, 0)
        parts.append(_Part(DRAWER, [*walls, handle[0]], [*places, handle[1]], pose, SLIDES, X))
    return parts


def _arm(rng: np.random.Generator) -> list[_Part]:
    """A robot arm on a base: it turns about the vertical, then bends at each link."""
    base = _Part(
        BASE, [(0.2, 0.2, 0.1), (0.12, 0.12, 0.15)], [(0, 0, 0.05), (0, 0, 0.17)], np.eye(4)
    )
    pose = rigid(exp_so3(rng.uniform(-np.pi, np.pi) * Z), np.array([0.0, 0.0, 0.25]))
    parts, lengths = [base], rng.uniform(0.18, 0.35, rng.integers(3, 5))
    for number, length in enumerate(lengths):
        thick = 0.11 - 0.02 * number
        body = [(thick, thick, length), (1.5 * thick,) * 3], [(0, 0, length / 2), (0, 0, 0)]
        parts.append(_Part(LINK, *body, pose, TURNS, Y if number else Z))
        bend = rigid(exp_so3(rng.uniform(-1.4, 1.4) * Y), np.array([0.0, 0.0, length]))
        pose = pose @ bend
    return parts
