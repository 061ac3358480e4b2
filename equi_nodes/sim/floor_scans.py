"""What a laser scanner adds to the map of a building: looks through glass, and the outside."""

from __future__ import annotations

import cv2
import numpy as np

from equi_nodes.sim.floor_canvas import CELL

FREE, SOLID = 0, 255
APRON = 6.0  # m around the building that rays through glass may reach
WINDOWS = (4, 30)  # that were looked through, of a floor with glass
RAYS = (20, 120)  # of one look
LOOK = (3.0, 14.0)  # m, from the scanner
GATE = (0.9, 2.0)  # m, doors to the outside
DEEPEST_GATE = 8.0  # m from a room to the outside, through the wall
OUTER_WALL = (0.2, 0.6)  # m
COURTYARD = 2.5  # m, narrower gaps between two wings are not outside
SKIN = 4  # cells that stay solid between a ray through glass and the next free space


def scanned(solid: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a floor as scans show it: fans of rays through windows, or an outside, or both.

    Scanners see through glass, so that what they map as free has spokes that lead nowhere; and
    who scans in the open finds the outside free.

    Args:
        solid: (H, W) uint8, 255 where nobody can walk, cells of ``CELL`` metres.
        rng: what everything is drawn from.

    Returns:
        (H', W') uint8 like it, larger by an apron on all sides.
    """
    has_glass, is_open = rng.choice(([True, False], [True, False], [False, True], [True, True]))
    solid = np.pad(solid, int(APRON / CELL), constant_values=SOLID)
    if has_glass:
        for _ in range(rng.integers(*WINDOWS)):
            _look_through_glass(solid, rng)
    if is_open:
        _open_the_outside(solid, rng)
    return solid


def _look_through_glass(solid: np.ndarray, rng: np.random.Generator) -> None:
    """Carve a fan of rays from a free cell through the wall around it."""
    free = np.argwhere(solid == FREE)
    start = free[rng.integers(len(free))]
    middle, width = rng.uniform(0.0, 2 * np.pi), rng.uniform(0.15, 0.9)
    angles = middle + np.sort(rng.uniform(-0.5, 0.5, rng.integers(*RAYS))) * width
    farthest = rng.uniform(*LOOK) * rng.choice((1.0, rng.uniform(0.3, 1.0)), len(angles))
    for angle, length in zip(angles, farthest / CELL):
        _carve_ray(solid, start, np.array([np.sin(angle), np.cos(angle)]), int(length))


def _carve_ray(solid: np.ndarray, start: np.ndarray, step: np.ndarray, length: int) -> None:
    """Carve a ray that goes on through the first wall, up to the next free space."""
    cells = np.round(start + np.arange(length)[:, None] * step).astype(int)
    inside = ((cells >= 0) & (cells < solid.shape)).all(1)
    cells = cells[: len(cells) if inside.all() else int(np.argmin(inside))]
    walls = solid[tuple(cells.T)] == SOLID
    if not walls.any():
        return
    first = int(np.argmax(walls))
    beyond = ~walls[first:]
    last = first + (int(np.argmax(beyond)) - SKIN if beyond.any() else len(beyond) - 1)
    if last > first:
        ends = (tuple(cells[k][::-1].tolist()) for k in (first, last))
        cv2.line(solid, *ends, FREE, 2)


def _open_the_outside(solid: np.ndarray, rng: np.random.Generator) -> None:
    """Free what lies around the building, up to a rim, and carve gates into the building."""
    rim, wall = int(rng.uniform(0.5, APRON - 2.5) / CELL), int(rng.uniform(*OUTER_WALL) / CELL)
    outside = _around(solid, wall)
    outside[:rim] = outside[-rim:] = False
    outside[:, :rim] = outside[:, -rim:] = False
    gates = [_gate(solid, outside, rng) for _ in range(rng.integers(1, 6))]
    solid[outside] = FREE
    for start, end in filter(None, gates):
        cv2.line(solid, start, end, FREE, int(rng.uniform(*GATE) / CELL))


def _around(solid: np.ndarray, wall: int) -> np.ndarray:
    """Return (H, W) bool, what is farther than a wall from the silhouette of the free space."""
    reach = int(COURTYARD / CELL)
    height, width = solid.shape
    roomy = np.pad(solid, reach, constant_values=SOLID)
    near = cv2.distanceTransform(roomy, cv2.DIST_L2, 3) <= reach
    _, apart = cv2.connectedComponents((~near).view(np.uint8), connectivity=4)
    beyond = cv2.distanceTransform((apart != apart[0, 0]).astype(np.uint8), cv2.DIST_L2, 3)
    outside = beyond <= reach - wall
    return outside[reach : reach + height, reach : reach + width]


def _gate(solid: np.ndarray, outside: np.ndarray, rng: np.random.Generator) -> tuple | None:
    """Return the ends (column, row) of a way from inside to the outside, if one is short."""
    inside = np.argwhere(solid == FREE)
    start = inside[rng.integers(len(inside), size=40)]
    places = np.argwhere(outside)[:: max(1, outside.sum() // 4000)]
    if len(places) == 0:
        return None
    apart = np.linalg.norm(start[:, None] - places, axis=-1)
    of, to = np.unravel_index(apart.argmin(), apart.shape)
    step = (places[to] - start[of]) / max(apart[of, to], 1e-9)
    ends = start[of], places[to] + step * 0.5 / CELL
    if apart[of, to] > DEEPEST_GATE / CELL:
        return None
    return tuple(tuple(np.round(end[::-1]).astype(int).tolist()) for end in ends)
