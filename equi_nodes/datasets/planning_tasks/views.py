"""What cameras around a point see: a row of pixels each, coloured by material, darker far away."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.raycast import cast

CAMERAS, COLUMNS = 4, 32  # they look east, north, west and south, 90 degrees wide each
NOISE = 4.0  # of 255, standard deviation
COLOURS = np.array(  # of nothing, walls, the thing that is looked for, furniture
    [
        [20, 20, 30],
        [200, 190, 170],
        [230, 30, 30],
        [40, 90, 200],
        [50, 160, 60],
        [220, 180, 40],
        [120, 70, 140],
    ]
)
WALL, WANTED, FURNITURE = 1, 2, (3, 4, 5, 6)


def look_around(
    cells: np.ndarray, points: np.ndarray, reach: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw the pictures of four cameras at each point.

    Args:
        cells: (H, W) materials, 0 where one sees through.
        points: (N, 2) x and y in cells.
        reach: cells, how far one sees.
        rng: of the pixels' noise.

    Returns:
        pictures (N, 4, W, 3) uint8, the left column first; the depth of each column (N, 4, W) in
        cells; its material (N, 4, W).
    """
    across = np.arctan(np.linspace(1, -1, 2 * COLUMNS + 1)[1::2])  # of a pinhole, 90 degrees wide
    angles = (np.arange(CAMERAS)[:, None] * (2 * np.pi / CAMERAS) + across).ravel()
    every = np.broadcast_to(angles, (len(points), len(angles)))
    shape = (len(points), CAMERAS, COLUMNS)
    depth, hit = (found.reshape(shape) for found in cast(cells, points, every, reach))
    shade = 1 / (1 + 4 * depth / reach)
    pixels = COLOURS[hit] * shade[..., None] + rng.normal(0, NOISE, (*shape, 3))
    return pixels.clip(0, 255).astype(np.uint8), depth, hit
