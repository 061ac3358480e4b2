"""A sheet that buildings are carved from, in metres, solid where nothing was carved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

CELL = 0.05  # m, finer than the maps made from it, so that they can be turned by any angle
APPROACH = 0.45  # m, kept clear of furniture on both sides of a door
FURNITURE = np.array([[1.4, 0.7], [1.6, 0.8], [1.0, 0.45], [0.45, 0.45], [2.0, 0.9]])  # m
AREA_A_PIECE = 3.0  # m^2 of a room as full as a room gets

Side = tuple[int, int]  # axis that the side is across, 0 for its low and 1 for its high end


class Rect(NamedTuple):
    """An upright rectangle between two corners (x, y), metres."""

    low: tuple[float, float]
    high: tuple[float, float]

    @property
    def size(self) -> tuple[float, float]:
        """Return width and height, metres."""
        return self.high[0] - self.low[0], self.high[1] - self.low[1]

    def spanning(self, axis: int, low: float, high: float) -> Rect:
        """Return the rectangle with another span along one axis."""
        ends = [list(self.low), list(self.high)]
        ends[0][axis], ends[1][axis] = low, high
        return Rect(tuple(ends[0]), tuple(ends[1]))

    def shrunk(self, by: float) -> Rect:
        """Return the rectangle without a rim of a width in metres."""
        return Rect(
            (self.low[0] + by, self.low[1] + by),
            (self.high[0] - by, self.high[1] - by),
        )


class Canvas:
    """What is solid and what is not, and where the rooms are.

    Attributes:
        solid: (H, W) uint8, 255 where nobody can walk, row 0 at y = 0; cells of ``CELL`` metres.
        rooms: the rooms carved so far, which :meth:`furnish` fills.
        closed: share of the doors that are closed, walls to whoever maps the building.
        rng: what all draws are made from.
    """

    def __init__(self, width: float, height: float, rng: np.random.Generator) -> None:
        """Start from a solid sheet of a size in metres."""
        self.solid = np.full((_index(height), _index(width)), 255, np.uint8)
        self.rooms: list[Rect] = []
        self.closed = rng.choice((0.05, rng.uniform(0.0, 0.5)))
        self.rng = rng
        self._doors: list[Rect] = []

    def carve(self, rect: Rect, value: int = 0) -> None:
        """Empty a rectangle, or fill it with 255."""
        (x0, y0), (x1, y1) = (tuple(max(0, _index(v)) for v in corner) for corner in rect)
        self.solid[y0:y1, x0:x1] = value

    def room(self, rect: Rect) -> None:
        """Carve a room that may be furnished."""
        self.carve(rect)
        self.rooms.append(rect)

    def passage(self, points: Sequence, width: float) -> None:
        """Carve along a line through (N, 2) points, metres, with square ends."""
        points = np.asarray(points, float)
        for start, end in zip(points[:-1], points[1:]):
            along = (end - start) / max(float(np.linalg.norm(end - start)), 1e-9) * width / 2
            across = np.array([-along[1], along[0]])
            start, end = start - along, end + along
            self.polygon(np.array([start - across, start + across, end + across, end - across]))

    def polygon(self, points: np.ndarray) -> None:
        """Carve the inside of a polygon of (N, 2) points, metres."""
        cv2.fillPoly(self.solid, [np.round(points / CELL).astype(np.int32)], 0)

    def is_solid(self, points: np.ndarray) -> bool:
        """Return whether all of (N, 2) points, metres, are inside the sheet and solid."""
        columns, rows = np.floor(points / CELL).astype(int).T
        height, width = self.solid.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        return bool(inside.all() and self.solid[rows, columns].all())

    def door(self, rect: Rect, side: Side, width: float) -> None:
        """Ask for an opening in one wall of a room; it is cut after the furniture is placed."""
        if self.rng.random() < self.closed:
            return
        axis, end = side
        low, high = rect.low[1 - axis] + 0.1, rect.high[1 - axis] - 0.1
        at = (rect.low, rect.high)[end][axis]
        start = self.rng.uniform(low, max(low, high - width))
        across = rect.spanning(1 - axis, start, min(high, start + width))
        self._doors.append(across.spanning(axis, at - APPROACH, at + APPROACH))

    def furnish(self, density: float) -> None:
        """Put furniture into the rooms, ``density`` 0 (none) to 1 (full), then cut the doors."""
        for room in self.rooms:
            area = room.size[0] * room.size[1]
            fill = density * self.rng.uniform(0.0, 2.0) * area / AREA_A_PIECE
            for _ in range(self.rng.poisson(min(fill, 40.0))):
                self._piece(room)
        for door in self._doors:
            self.carve(door)

    def _piece(self, room: Rect) -> None:
        size = np.array(FURNITURE[self.rng.integers(len(FURNITURE))])
        size = size[:: self.rng.choice((1, -1))]
        slack = np.asarray(room.size) - size
        if slack.min() < 0.6:
            return
        place = self.rng.uniform(0.0, 1.0, 2)
        if self.rng.random() < 0.75:  # most furniture stands at a wall
            place[self.rng.integers(2)] = self.rng.integers(2)
        low = room.low + place * slack
        self.carve(Rect(tuple(low), tuple(low + size)), 255)


def _index(metres: float) -> int:
    return int(round(metres / CELL))
