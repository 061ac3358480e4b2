"""Floors of buildings made up from a seed, as maps of robots show them."""

from __future__ import annotations

import cv2
import numpy as np

from equi_nodes.errors import EquiError
from equi_nodes.sim.floor_canvas import CELL
from equi_nodes.sim.floor_layouts import LAYOUTS
from equi_nodes.sim.floor_scans import scanned

KINDS = tuple(LAYOUTS)
SHARES = (0.4, 0.25, 0.2, 0.15)
LEAST_CONNECTED = 0.3  # of the free space must hang together
LEAST_AREA = 80.0  # m^2 free
LEAST_ROOMY = 0.8  # of the space away from walls must hang together for a robot
PASSABLE = 0.3  # m, a robot that keeps this from walls must get around
RIM = 3  # cells of solid around the map


def floor_plan(
    rng: np.random.Generator,
    kind: str | None = None,
    resolution: float = 0.1,
    as_scanned: bool = False,
) -> np.ndarray:
    """Return (H, W) int8 cells of a building: 0 free, 100 occupied, the outside is occupied.

    The free cells hang together: what cannot be reached is left solid. A floor of offices or of
    corridors is 15 to 60 m wide along its own axes, a home 11 to 26 m, less what is not reached;
    these axes are turned against those of the grid by any angle.

    Args:
        rng: what everything is drawn from.
        kind: one of ``KINDS``; None draws one.
        resolution: metres per cell, 0.1 at most, or thin walls get holes.
        as_scanned: with what scanners see through glass and outside of the building.

    Raises:
        EquiError: the kind or the resolution is not one of these.
    """
    if kind not in (None, *KINDS):
        raise EquiError(f"There are no floor plans of kind {kind!r}; take one of {KINDS}.")
    if not 0.0 < resolution <= 0.1:
        raise EquiError(f"A resolution of {resolution} m is not possible; take 0.1 or less.")
    while True:
        drawn = kind or str(rng.choice(KINDS, p=SHARES))
        free = _drawn(rng, drawn, resolution, as_scanned)
        main = _main_part(free)
        if _is_usable(free, main, resolution):
            return np.where(_cropped(main), 0, 100).astype(np.int8)


def _drawn(rng: np.random.Generator, kind: str, resolution: float, as_scanned: bool) -> np.ndarray:
    canvas = LAYOUTS[kind](rng)
    canvas.furnish(rng.choice((0.0, rng.uniform(0.0, 0.3), rng.uniform(0.2, 0.7))))
    sheet = scanned(canvas.solid, rng) if as_scanned else canvas.solid
    solid = _turned(sheet, rng, resolution) > 127
    return ~_worn(solid, rng)


def _turned(solid: np.ndarray, rng: np.random.Generator, resolution: float) -> np.ndarray:
    """Return the sheet in a grid that is turned, at times mirrored or sheared, and a bit bent."""
    angle = rng.choice((rng.uniform(0.0, 2 * np.pi), rng.integers(4) * np.pi / 2))
    cos, sin = np.cos(angle), np.sin(angle)
    shape = np.diag([1.0, rng.choice((-1.0, 1.0))])
    shape[0, 1] = rng.choice((0.0, 0.0, 0.0, rng.uniform(-0.35, 0.35)))
    matrix = np.array([[cos, -sin], [sin, cos]]) @ shape
    size = np.array(solid.shape[::-1]) * CELL
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]) * size @ matrix.T
    low = corners.min(0)
    columns, rows = np.ceil((corners.max(0) - low) / resolution).astype(int)
    x = low[0] + (np.arange(columns) + 0.5) * resolution
    y = low[1] + (np.arange(rows) + 0.5)[:, None] * resolution
    back = np.linalg.inv(matrix)
    places = [back[k, 0] * x + back[k, 1] * y + _bend(rng, rows, columns) for k in (0, 1)]
    maps = [(place / CELL - 0.5).astype(np.float32) for place in places]
    return cv2.remap(solid, *maps, cv2.INTER_LINEAR, borderValue=255)


def _bend(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Return how far a map drifts, metres, slowly varying over it."""
    drift = rng.normal(0.0, rng.choice((0.0, 0.1, 0.25)), (4, 4)).astype(np.float32)
    return cv2.resize(drift, (int(columns), int(rows)), interpolation=cv2.INTER_CUBIC)


def _worn(solid: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the map with rough walls and specks, as range sensors make them."""
    rough, specks = rng.choice(([0.0, 0.0], [0.05, 0.0005], [0.15, 0.002]))
    walls = solid.astype(np.uint8)
    near = cv2.dilate(walls, np.ones((3, 3), np.uint8)).astype(bool)
    noise = rng.random(solid.shape, np.float32)
    return solid | (near & (noise < rough)) | (noise > 1.0 - specks)


def _main_part(free: np.ndarray) -> np.ndarray:
    count, labels, figures, _ = cv2.connectedComponentsWithStats(
        free.astype(np.uint8), connectivity=4
    )
    largest = 1 + np.argmax(figures[1:, cv2.CC_STAT_AREA]) if count > 1 else -1
    return labels == largest


def _is_usable(free: np.ndarray, main: np.ndarray, resolution: float) -> bool:
    distance = cv2.distanceTransform(main.astype(np.uint8), cv2.DIST_L2, 3) * resolution
    roomy = distance > PASSABLE
    reached = _main_part(roomy)
    return (
        main.sum() * resolution**2 > LEAST_AREA
        and main.sum() > LEAST_CONNECTED * free.sum()
        and reached.sum() > LEAST_ROOMY * roomy.sum()
    )


def _cropped(free: np.ndarray) -> np.ndarray:
    rows, columns = np.flatnonzero(free.any(1)), np.flatnonzero(free.any(0))
    inside = free[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.pad(inside, RIM)
