"""The floors of the scenarios: walls as cells, and furniture as boxes of different heights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from equi_nodes.sim.boxes import merged
from equi_nodes.sim.floor_canvas import CELL, Canvas, Rect
from equi_nodes.sim.floor_layouts import LAYOUTS
from equi_nodes.sim.walkways import Walkways

MARGIN = 0.5  # m, solid around a floor
WALL = 0.15  # m
DOOR = 1.1  # m
HEIGHTS = (0.75, 1.1, 1.8)  # m, of desks, sideboards and shelves
LARGEST = np.array([30.0, 22.0])  # m, of the unknown building with its margins
LEAST_REACHED = 180.0  # m^2 of it that a robot can get to
KEEP = 0.35  # m, the middle of a robot can keep this from walls on all ways to its goals


@dataclass(frozen=True, eq=False)
class Furniture:
    """One box that stands on the floor.

    Attributes:
        low, high: (2,) corners in the axes of the floor, metres.
        height: metres.
    """

    low: np.ndarray
    high: np.ndarray
    height: float


@dataclass(frozen=True, eq=False)
class Floor:
    """A building.

    Attributes:
        solid: (H, W) bool, its walls, row 0 at y = 0.
        furniture: what stands in it.
        resolution: metres per cell.
    """

    solid: np.ndarray
    furniture: tuple[Furniture, ...] = ()
    resolution: float = CELL

    @property
    def blocked(self) -> np.ndarray:
        """Return (H, W) bool, the walls and what stands on the floor."""
        blocked = self.solid.copy()
        for piece in self.furniture:
            corners = np.round(np.array([piece.low, piece.high]) / self.resolution)
            (x0, y0), (x1, y1) = corners.astype(int)
            blocked[y0:y1, x0:x1] = True
        return blocked


def office(rng: np.random.Generator) -> Floor:
    """Return two rows of furnished offices along a corridor, 20 x 13 m."""
    canvas, floor = _sheet(rng, 20.0, 13.0)
    low, high = 5.6, 7.7
    canvas.carve(Rect((MARGIN, low), (MARGIN + 20.0, high)))
    _rooms(canvas, floor.spanning(1, MARGIN, low - WALL), 1)
    _rooms(canvas, floor.spanning(1, high + WALL, MARGIN + 13.0), 0)
    return _furnished(canvas, 0.35)


def corridors(rng: np.random.Generator) -> Floor:
    """Return a long corridor that two others cross, with a few rooms, 26 x 13 m."""
    canvas, floor = _sheet(rng, 26.0, 13.0)
    middle, half = MARGIN + 6.5, 1.4
    canvas.carve(floor.spanning(1, middle - half, middle + half))
    starts = np.array([7.0, 17.0]) + rng.uniform(-1.0, 1.0, 2)
    for x in starts:
        canvas.carve(floor.spanning(0, x, x + 2.6))
    edges = [MARGIN, *(e for x in starts for e in (x - WALL, x + 2.6 + WALL)), MARGIN + 26.0]
    for left, right in zip(edges[::2], edges[1::2]):
        block = floor.spanning(0, left, right)
        _rooms(canvas, block.spanning(1, MARGIN, middle - half - WALL), 1, 1)
        _rooms(canvas, block.spanning(1, middle + half + WALL, MARGIN + 13.0), 0, 1)
    return _furnished(canvas, 0.2)


def hall(rng: np.random.Generator) -> Floor:
    """Return one large hall with columns and benches, 18 x 14 m."""
    canvas, floor = _sheet(rng, 18.0, 14.0)
    canvas.room(floor)
    for x in (5.0, 9.5, 14.0):
        for y in (5.0, 10.0):
            x0, y0 = np.round(np.array([x, y]) + rng.uniform(-0.5, 0.5, 2), 1)
            canvas.carve(Rect((x0, y0), (x0 + 0.5, y0 + 0.5)), 255)
    return _furnished(canvas, 0.08)


def building(rng: np.random.Generator) -> Floor:
    """Return a larger floor of offices, corridors and open plans, up to 30 x 22 m."""
    while True:
        canvas = LAYOUTS["office"](rng)
        is_small = (np.array(canvas.solid.shape[::-1]) * CELL <= LARGEST).all()
        if not is_small:
            continue
        floor = _furnished(canvas, 0.2)
        if Walkways(floor.blocked, CELL, KEEP).area > LEAST_REACHED:
            return floor


FLOORS: dict[str, Callable[[np.random.Generator], Floor]] = {
    "office": office,
    "corridors": corridors,
    "hall": hall,
    "building": building,
}


def _sheet(rng: np.random.Generator, width: float, height: float) -> tuple[Canvas, Rect]:
    canvas = Canvas(width + 2 * MARGIN, height + 2 * MARGIN, rng)
    canvas.closed = 0.0  # every room of a scenario can be entered
    return canvas, Rect((MARGIN, MARGIN), (width + MARGIN, height + MARGIN))


def _rooms(canvas: Canvas, block: Rect, end: int, count: int = 0) -> None:
    """Fill a block with rooms side by side, with doors to its high (1) or low (0) end in y."""
    count = count or int(canvas.rng.integers(4, 6))
    cuts = np.linspace(block.low[0], block.high[0], count + 1)
    cuts[1:-1] += canvas.rng.uniform(-0.4, 0.4, count - 1)
    for number, (low, high) in enumerate(zip(cuts[:-1], cuts[1:])):
        room = block.spanning(0, low, high - (WALL if number < count - 1 else 0.0))
        canvas.room(room)
        canvas.door(room, (1, end), DOOR)


def _furnished(canvas: Canvas, density: float) -> Floor:
    """Return the floor with furniture, whose boxes are told from walls by when they came."""
    walls = canvas.solid > 0
    canvas.furnish(density)
    full = canvas.solid > 0
    pieces = merged(full & ~walls)
    heights = canvas.rng.choice(HEIGHTS, len(pieces), p=(0.5, 0.25, 0.25))
    furniture = [
        Furniture(np.array([c0, r0]) * CELL, np.array([c1, r1]) * CELL, float(height))
        for (r0, c0, r1, c1), height in zip(pieces, heights)
    ]
    return Floor(full & walls, tuple(furniture))
