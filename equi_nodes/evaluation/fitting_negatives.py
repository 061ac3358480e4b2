"""Clouds in which no single whole person is: what a body node must not take for one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from equi_nodes.datasets.person_clouds import draw_person, random_rotation
from equi_nodes.datasets.person_poses import Poses

POINTS = 1024
NOISE = 0.005  # m
BEHIND = 0.05  # m of the middle, beyond which a half person is cut off


def wall(rng: np.random.Generator, _: Poses) -> np.ndarray:
    """Return points (N, 3) of a piece of wall as large as a person."""
    size = rng.uniform((0.4, 1.0), (1.2, 2.0))
    return _turned(rng, np.column_stack([rng.uniform(0, size, (POINTS, 2)), np.zeros(POINTS)]))


def box(rng: np.random.Generator, _: Poses) -> np.ndarray:
    """Return points of the three sides of a box as large as a person that a sensor sees."""
    size = rng.uniform((0.3, 0.25, 1.2), (0.8, 0.6, 2.0))
    areas = np.array([size[1] * size[2], size[0] * size[2], size[0] * size[1]])
    sides = rng.choice(3, POINTS, p=areas / areas.sum())
    points = rng.uniform(0, 1, (POINTS, 3))
    points[np.arange(POINTS), sides] = 0.0
    return _turned(rng, points * size)


def pillar(rng: np.random.Generator, _: Poses) -> np.ndarray:
    """Return points of the seen half of a round pillar."""
    angle = rng.uniform(0, np.pi, POINTS)
    radius, height = rng.uniform(0.1, 0.3), rng.uniform(1.2, 2.0)
    along = rng.uniform(0, height, POINTS)
    return _turned(rng, np.column_stack([radius * np.cos(angle), radius * np.sin(angle), along]))


def two_people(rng: np.random.Generator, poses: Poses) -> np.ndarray:
    """Return points of two people who stand close, as one crop."""
    first, second = (draw_person(rng, poses, "full", POINTS // 2) for _ in range(2))
    beside = random_rotation(rng)[:, 0] * rng.uniform(0.5, 0.9)
    return np.concatenate(
        [first.points - first.translation, second.points - second.translation + beside]
    )


def half_person(rng: np.random.Generator, poses: Poses) -> np.ndarray:
    """Return points of one half of a person, the upper or the lower one."""
    person = draw_person(rng, poses, "full", 2 * POINTS)
    up = person.rotations[0][:, 2] * rng.choice([-1, 1])
    points = person.points - person.translation
    return points[points @ up > BEHIND]


def upside_down(rng: np.random.Generator, poses: Poses) -> np.ndarray:
    """Return points of a person whose pelvis stands on its head; who must be accepted."""
    person = draw_person(rng, poses, "single_view", POINTS)
    turn = np.diag([1.0, -1.0, -1.0]) @ person.rotations[0].T
    return (person.points - person.translation) @ turn.T


KINDS: dict[str, Callable[[np.random.Generator, Poses], np.ndarray]] = {
    "wall": wall, "box": box, "pillar": pillar, "two_people": two_people,
    "half_person": half_person, "upside_down": upside_down,
}  # fmt: skip


def _turned(rng: np.random.Generator, points: np.ndarray) -> np.ndarray:
    return points @ random_rotation(rng).T + rng.normal(0, NOISE, points.shape)
