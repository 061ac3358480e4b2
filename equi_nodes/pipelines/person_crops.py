"""Cutting a cloud into people, refusing what cannot be one, thinning what is left."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from equi_nodes.geometry.neighbours import farthest_first
from equi_nodes.samples import CloudSample

LARGEST = 1.5  # m from the middle; nobody reaches farther
SMALLEST = 0.12  # m from the middle, of a child's head and trunk
UNIT = 1e3  # millimetres a metre


class Person(NamedTuple):
    """The points of one person.

    Attributes:
        number: the instance of the points, 0 where the cloud has none.
        rows: (N,) int64 of the points in the cloud.
        chosen: (M,) int64 of the points in ``rows`` that are used.
    """

    number: int
    rows: np.ndarray
    chosen: np.ndarray


def people_of(
    cloud: CloudSample, count: int, min_points: int, max_people: int
) -> tuple[list[Person], dict[int, str]]:
    """Return the people of a cloud, and the reason by instance for all that cannot be one.

    Args:
        cloud: crops of people, told apart by ``instance``, or of one person.
        count: points that are used of each.
        min_points: that a person must have.
        max_people: that are returned, those with most points first.
    """
    if not len(cloud.points):
        return [], {0: problem(cloud.points, min_points)}
    instance = instances_of(cloud)
    numbers, inverse, counts = np.unique(instance, return_inverse=True, return_counts=True)
    rejected, people = {}, []
    for number in np.argsort(-counts, kind="stable"):
        rows = np.flatnonzero(inverse == number)
        points = cloud.points[rows].astype(np.float64)
        if reason := problem(points, min_points):
            rejected[int(numbers[number])] = reason
        elif len(people) == max_people:
            rejected[int(numbers[number])] = f"there are more than {max_people} people (max_people)"
        else:
            people.append(Person(int(numbers[number]), rows, _spread(points, count)))
    return people, rejected


def instances_of(cloud: CloudSample) -> np.ndarray:
    """Return whose each point is (N,) int64, 0 where the cloud does not say."""
    return np.zeros(len(cloud.points), np.int64) if cloud.instance is None else cloud.instance


def problem(points: np.ndarray, min_points: int) -> str:
    """Return why points (N, 3), metres, cannot be a person's; empty if they can."""
    if len(points) < min_points:
        return f"it has {len(points)} points, {min_points} are needed (min_points)"
    away = np.linalg.norm(points - points.mean(0), axis=1)
    reach = float(np.quantile(away, 0.95))
    if LARGEST * UNIT / 10 < reach < LARGEST * UNIT:
        return f"it reaches {reach:.0f} m from its middle: its unit is millimetres, not metres"
    if reach > LARGEST:
        return f"it reaches {reach:.2f} m from its middle, a person {LARGEST} m"
    if reach < SMALLEST:
        return f"it reaches {reach:.2f} m from its middle, a person at least {SMALLEST} m"
    return ""


def _spread(points: np.ndarray, count: int) -> np.ndarray:
    """Return rows of count points (all if there are fewer) far from each other."""
    every = torch.ones(1, len(points), dtype=torch.bool)
    return farthest_first(torch.from_numpy(points)[None], every, min(count, len(points)))[0].numpy()
