"""A building as MuJoCo draws it and as rays hit it: its surfaces, full of corners to follow."""

from __future__ import annotations

import cv2
import numpy as np

from equi_nodes.sim.boxes import Obstacles
from equi_nodes.sim.physics import mujoco

SIZE = 1024  # px, of a texture
SPAN = 5.0  # m, that a texture covers before it repeats
LEAVES = 5000  # patches of different sizes that cover one another
LARGEST, SMALLEST = 0.8, 0.02  # m, of a patch
LOOKS = {  # darkest and lightest grey level, and the tint of blue, green and red
    "floor": (60, 190, (1.0, 1.0, 1.0)),
    "ceiling": (120, 230, (1.0, 1.0, 1.0)),
    "wall": (70, 240, (0.95, 1.0, 1.0)),
    "furniture": (40, 200, (0.7, 0.85, 1.0)),
}
Quads = tuple[np.ndarray, np.ndarray]  # corners (Q, 4, 3) in metres, anticlockwise; u, v (Q, 4, 2)
Rng = np.random.Generator
DRAWN, COVER = 0, 1  # groups of geoms: what is drawn, and the ceiling, which hides all from above


def texture(look: str, rng: Rng) -> np.ndarray:
    """Return (SIZE, SIZE, 3) uint8, red first: patches on patches, of a size as likely as another.

    Pictures of it have as many corners from near as from far.
    """
    low, high, tint = LOOKS[look]
    picture = np.full((SIZE, SIZE), (low + high) // 2, np.uint8)
    scale = SIZE / SPAN
    sizes = SMALLEST * (LARGEST / SMALLEST) ** (rng.random((LEAVES, 2)) ** 1.5)
    sizes = sizes[np.argsort(-sizes.prod(1))] * scale  # the large ones do not hide the small
    starts = rng.uniform(0.0, SIZE, (LEAVES, 2))
    greys = rng.integers(low, high, LEAVES, endpoint=True)
    turns = rng.uniform(0.0, 180.0, LEAVES)
    for middle, size, turn, grey in zip(starts, sizes, turns, greys):
        corners = cv2.boxPoints((middle.tolist(), size.tolist(), float(turn)))
        cv2.fillConvexPoly(picture, corners.astype(np.int32), int(grey))
    soft = cv2.GaussianBlur(picture, (0, 0), 0.7)
    return np.clip(soft[..., None] * np.array(tint[::-1]), 0, 255).astype(np.uint8)


def add_building(
    spec: mujoco.MjSpec, obstacles: Obstacles, heights: np.ndarray, walls: int, looks: int | None
) -> None:
    """Add floor, ceiling, walls and furniture to a world, each as one mesh of its own.

    Rays find their way through one mesh faster than through many boxes.

    Args:
        spec: the world.
        obstacles: its boxes, walls first.
        heights: (O,) of the boxes, metres.
        walls: how many of them are walls.
        looks: seed of the textures; None leaves them out, where nothing is drawn.
    """
    rng = np.random.default_rng([looks or 0, SIZE])
    middles, halves = obstacles.boxes.mean(1), np.diff(obstacles.boxes, axis=1)[:, 0] / 2
    ground = np.array([obstacles.boxes[:, 0].min(0), obstacles.boxes[:, 1].max(0)])
    parts = {
        "floor": _sheet(ground, 0.0, True),
        "ceiling": _sheet(ground, heights[:walls].max(), False),
        "wall": _boxes(middles[:walls], halves[:walls], heights[:walls], rng),
        "furniture": _boxes(middles[walls:], halves[walls:], heights[walls:], rng),
    }
    x, y, yaw = obstacles.origin
    for look, quads in parts.items():
        if len(quads[0]):
            _add_mesh(spec, look, quads)
            geom = spec.worldbody.add_geom(
                name=look,
                type=mujoco.mjtGeom.mjGEOM_MESH,
                meshname=look,
                pos=(x, y, 0),
                quat=(np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)),
                group=COVER if look == "ceiling" else DRAWN,
                contype=0,
                conaffinity=0,
            )
            if looks is not None:
                geom.material = _add_material(spec, look, rng)


def _sheet(corners: np.ndarray, height: float, is_up: bool) -> Quads:
    (x0, y0), (x1, y1) = corners
    quad = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    quad = quad if is_up else quad[::-1]
    return np.pad(quad, ((0, 0), (0, 1)), constant_values=height)[None], quad[None] / SPAN


def _boxes(middles: np.ndarray, halves: np.ndarray, heights: np.ndarray, rng: Rng) -> Quads:
    """Return the four sides and the lid of boxes, each with a part of the texture of its own."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    quads, places = [], []
    for middle, half, height in zip(middles, halves, heights):
        ring = middle + corners * half
        for k in range(4):
            a, b = ring[k], ring[(k + 1) % 4]
            quads.append([[*a, 0], [*b, 0], [*b, height], [*a, height]])
            wide = np.linalg.norm(b - a)
            places.append([[0, 0], [wide, 0], [wide, height], [0, height]])
        quads.append(np.pad(ring, ((0, 0), (0, 1)), constant_values=height))
        places.append(ring)
    uv = np.array(places).reshape(-1, 4, 2) / SPAN
    return np.array(quads).reshape(-1, 4, 3), uv + rng.random((len(uv), 1, 2))


def _add_material(spec: mujoco.MjSpec, look: str, rng: Rng) -> str:
    drawn = spec.add_texture(
        name=look,
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        width=SIZE,
        height=SIZE,
        nchannel=3,
    )
    drawn.data = texture(look, rng).tobytes()
    material = spec.add_material(name=look, specular=0.0, shininess=0.0)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = look
    return look


def _add_mesh(spec: mujoco.MjSpec, look: str, quads: Quads) -> None:
    corners, uv = quads
    first = 4 * np.arange(len(corners))[:, None]
    faces = np.concatenate([first + [0, 1, 2], first + [0, 2, 3]])
    spec.add_mesh(
        name=look,
        uservert=corners.ravel(),
        userface=faces.ravel(),
        usertexcoord=uv.ravel(),
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
    )
