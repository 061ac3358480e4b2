"""Made-up rooms whose furniture is moved between scans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from equi_nodes.datasets.boxes import Boxes, Seen, joined, look, picture, sweep, thinned
from equi_nodes.geometry.rotations import exp_so3, rigid

CLASSES = ("floor", "wall", "table", "chair", "shelf", "door", "box")
FLOOR, WALL, TABLE, CHAIR, SHELF, DOOR, BOX = range(len(CLASSES))
PIECES = ("floor", "wall", "door") + tuple(
    f"{kind} {number}" for kind in ("table", "chair", "shelf", "box") for number in (1, 2)
)
FIRST_PIECE = [  # of each class
    min(number for number, piece in enumerate(PIECES) if piece.startswith(kind)) for kind in CLASSES
]
HEIGHT, THICK = 2.4, 0.1  # m, of walls
GAP = 0.05  # m, between things that stand beside each other
TRIES = 200  # of a place for a thing; then it stands where it was
OPENING = np.radians(110)  # a door's widest
PLACES = 6  # that a scan is made from
LOOKS, DOWNWARD = 5, np.radians((15, 45))  # of a camera at each place, and how far it looks down
THINNING = 0.1  # m
SHELL = 2  # parts of a room that never move: its floor, and its walls


class Thing(NamedTuple):
    """A piece of furniture, or a door.

    Attributes:
        kind: its class.
        sizes, middles: (K, 3) metres, of its boxes around the place where it stands.
        place: (3,) x and y, metres, and yaw, rad.
    """

    kind: int
    sizes: np.ndarray
    middles: np.ndarray
    place: np.ndarray

    @property
    def radius(self) -> float:
        """How far it reaches from its place, metres."""
        reach = np.abs(self.middles[:, :2]) + self.sizes[:, :2] / 2
        return float(np.linalg.norm(reach, axis=1).max())

    def boxes(self, part: int) -> Boxes:
        """Return its boxes in the room, all of one part."""
        turn = exp_so3(np.array([0.0, 0.0, self.place[2]]))
        shifts = self.middles @ turn.T + (*self.place[:2], 0.0)
        poses = np.stack([rigid(turn, shift) for shift in shifts])
        return Boxes(self.sizes, poses, np.full(len(self.sizes), part))


@dataclass(frozen=True)
class Room:
    """A room: part 0 is its floor, part 1 its walls, then come the things in their order.

    Attributes:
        size: (2,) metres along x and y; one corner is the origin.
        things: furniture and doors.
    """

    size: np.ndarray
    things: tuple[Thing, ...]

    @property
    def kinds(self) -> np.ndarray:
        """Return the class of each part (P,)."""
        return np.array([FLOOR, WALL, *(thing.kind for thing in self.things)])

    @property
    def pieces(self) -> np.ndarray:
        """Return which of ``PIECES`` each part is (P,): the first or the second of its kind."""
        kinds = self.kinds
        before = [int((kinds[:part] == kind).sum()) for part, kind in enumerate(kinds)]
        return np.array([FIRST_PIECE[kind] for kind in kinds]) + before

    def boxes(self) -> Boxes:
        """Return all that is in it."""
        things = [thing.boxes(SHELL + number) for number, thing in enumerate(self.things)]
        return joined([self._shell(), *things])

    def _shell(self) -> Boxes:
        x, y = self.size
        z = HEIGHT / 2
        sizes = np.array([(x, y, THICK), *[(THICK, y, HEIGHT)] * 2, *[(x, THICK, HEIGHT)] * 2])
        middles = np.array(
            [(x / 2, y / 2, -THICK / 2), (0, y / 2, z), (x, y / 2, z), (x / 2, 0, z), (x / 2, y, z)]
        )
        poses = np.stack([rigid(np.eye(3), middle) for middle in middles])
        return Boxes(sizes, poses, np.array([0, 1, 1, 1, 1]))


def draw_room(rng: np.random.Generator) -> Room:
    """Draw a room with one or two of each piece of furniture, no two of the same measures."""
    things = [_door(rng)]
    for make in (_table, _shelf, _chair, _box):
        things += [make(rng, number) for number in range(rng.integers(1, 3))]
    return moved(rng, Room(rng.uniform(3.2, 4.5, 2), tuple(things)))


def moved(rng: np.random.Generator, room: Room) -> Room:
    """Return the room with all furniture somewhere else on the floor, and doors swung."""
    placed: list[Thing] = []
    for thing in room.things:
        if thing.kind == DOOR:
            placed.append(_swung(rng, thing, room.size))
        else:
            placed.append(_placed(rng, thing, room.size, placed))
    return replace(room, things=tuple(placed))


def scan(rng: np.random.Generator, room: Room, lidar: bool | None = None) -> Seen:
    """Return what a sensor that is moved through the room sees: a depth camera, or a LiDAR.

    Args:
        rng: of the way, the noise and, where it is not given, the sensor.
        room: as it stands.
        lidar: which sensor; the camera looks around at each place.
    """
    lidar = bool(rng.random() < 0.5) if lidar is None else lidar
    angles = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(PLACES) / PLACES
    around = np.stack([np.cos(angles), np.sin(angles)], 1)
    heights = rng.uniform(1.4, 2.0, (PLACES, 1))
    origins = np.hstack([room.size * (0.5 + 0.38 * around), heights])
    rays = [sweep() if lidar else _pictures(rng) for _ in origins]
    return thinned(rng, look(rng, room.boxes(), origins, np.stack(rays), lidar), THINNING)


def _pictures(rng: np.random.Generator) -> np.ndarray:
    """Return the directions (R, 3) of a depth camera's pictures all around, a bit downward."""
    yaws = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(LOOKS) / LOOKS
    down = np.sin(rng.uniform(*DOWNWARD, LOOKS))
    level = np.sqrt(1 - down**2)
    forward = np.stack([level * np.cos(yaws), level * np.sin(yaws), -down], 1)
    return np.concatenate([picture(direction) for direction in forward])


def _placed(rng: np.random.Generator, thing: Thing, size: np.ndarray, others: list) -> Thing:
    """Return the thing at a free place."""
    margin = min(thing.radius + THICK, size.min() / 2)
    for _ in range(TRIES):
        place = np.array([*rng.uniform(margin, size - margin), rng.uniform(-np.pi, np.pi)])
        gaps = [
            np.linalg.norm(place[:2] - other.place[:2]) - thing.radius - other.radius
            for other in others
        ]
        if all(gap > GAP for gap in gaps):
            break
    return thing._replace(place=place)


def _swung(rng: np.random.Generator, door: Thing, size: np.ndarray) -> Thing:
    """Return a door at its hinge in the wall along x, open to some angle."""
    hinge = 0.5 * size[0], THICK / 2 + door.sizes[0, 1]
    return door._replace(place=np.array([*hinge, rng.uniform(0, OPENING)]))


def _door(rng: np.random.Generator) -> Thing:
    width = rng.uniform(0.75, 0.95)
    return _thing(DOOR, [((width, 0.05, 2.0), (width / 2, 0, 1.0))])


def _table(rng: np.random.Generator, number: int) -> Thing:
    long, wide, high = rng.uniform((0.8, 0.5, 0.6), (1.1, 0.7, 0.7)) * (1 + 0.3 * number)
    legs = [((0.06, 0.06, high), (x, y, high / 2)) for x, y in _corners(long - 0.1, wide - 0.1)]
    return _thing(TABLE, [((long, wide, 0.05), (0, 0, high)), *legs])


def _chair(rng: np.random.Generator, number: int) -> Thing:
    wide, high, back = rng.uniform((0.4, 0.4, 0.4), (0.46, 0.46, 0.5)) * (1 + 0.25 * number)
    legs = [((0.04, 0.04, high), (x, y, high / 2)) for x, y in _corners(wide - 0.05, wide - 0.05)]
    seat = ((wide, wide, 0.05), (0, 0, high))
    return _thing(CHAIR, [seat, ((0.04, wide, back), (-wide / 2, 0, high + back / 2)), *legs])


def _shelf(rng: np.random.Generator, number: int) -> Thing:
    long, deep, high = rng.uniform((0.7, 0.28, 1.4), (0.9, 0.36, 1.8)) * (1, 1, 1 - 0.35 * number)
    boards = [((long, deep, 0.03), (0, 0, z)) for z in np.linspace(0.05, high, 5)]
    sides = [((0.03, deep, high), (x, 0, high / 2)) for x in (-long / 2, long / 2)]
    return _thing(SHELF, boards + sides)


def _box(rng: np.random.Generator, number: int) -> Thing:
    sizes = rng.uniform((0.3, 0.25, 0.25), (0.45, 0.35, 0.4)) * (1 + 0.5 * number)
    return _thing(BOX, [(tuple(sizes), (0, 0, sizes[2] / 2))])


def _corners(long: float, wide: float) -> list[tuple[float, float]]:
    return [(x * long / 2, y * wide / 2) for x in (-1, 1) for y in (-1, 1)]


def _thing(kind: int, boxes: list) -> Thing:
    sizes, middles = (np.array(column, float) for column in zip(*boxes))
    return Thing(kind, sizes, middles, np.zeros(3))
