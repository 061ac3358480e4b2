"""What a spinning LiDAR sees of walls, boxes and people of plain shape, by exact ray casting."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from equi_nodes.geometry.rotations import inverse, rigid, transform
from equi_nodes.samples import CloudSample, PosedCloud

SECOND = 1_000_000_000
START = 1_000 * SECOND
SWEEP = 100_000_000  # ns
HEIGHT = 0.6  # m of the sensor above the ground
RINGS, COLUMNS, REACH, NOISE = 16, 900, 30.0, 0.01
BODY = (0.2, 1.7)  # radius and height of a person, metres


@dataclass
class Scene:
    """Upright cylinders (x, y, radius, height) and boxes (x0, y0, x1, y1, height) on a plane.

    The ground rises by ``slope`` metres a metre along x.
    """

    people: list[tuple[float, float]] = field(default_factory=list)
    boxes: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    slope: float = 0.0
    seed: int = 0

    def __post_init__(self):
        self.generator = np.random.default_rng(self.seed)

    def sweep(self, number=0, T=None, people=None):
        """Return the ``number``-th sweep from a sensor at ``T`` (4, 4), by default at HEIGHT."""
        T = rigid(np.eye(3), np.array([0.0, 0.0, HEIGHT])) if T is None else T
        rays = directions() @ T[:3, :3].T
        people = self.people if people is None else people
        ranges = self._ground(T[:3, 3], rays)
        for x, y in people:
            ranges = np.minimum(ranges, self._cylinder(T[:3, 3], rays, x, y))
        for box in self.boxes:
            ranges = np.minimum(ranges, self._box(T[:3, 3], rays, box))
        seen = ranges < REACH
        ranges = ranges + self.generator.normal(0.0, NOISE, len(ranges))
        points = T[:3, 3] + ranges[seen, None] * rays[seen]
        stamp = START + number * SWEEP
        cloud = CloudSample(stamp, "lidar", transform(inverse(T), points).astype(np.float32))
        return PosedCloud(cloud, "odom", np.zeros(1), T[None])

    def _ground(self, origin, rays):
        fall = rays[:, 2] - self.slope * rays[:, 0]
        above = origin[2] - self.slope * origin[0]
        return np.where(fall < -1e-6, above / np.maximum(-fall, 1e-6), np.inf)

    def _cylinder(self, origin, rays, x, y):
        radius, height = BODY
        to, flat = origin[:2] - (x, y), rays[:, :2]
        a, b = (flat**2).sum(1), flat @ to
        root = b**2 - a * (to @ to - radius**2)
        t = (-b - np.sqrt(np.maximum(root, 0.0))) / a
        z = origin[2] + t * rays[:, 2] - self.slope * x
        return np.where((root > 0) & (t > 0) & (z > 0) & (z < height), t, np.inf)

    def _box(self, origin, rays, box):
        low, high = np.array([*box[:2], -5.0]), np.array([*box[2:4], box[4]])
        with np.errstate(divide="ignore"):
            first, second = (low - origin) / rays, (high - origin) / rays
        enter = np.minimum(first, second).max(1)
        leave = np.maximum(first, second).min(1)
        return np.where((enter <= leave) & (enter > 0), enter, np.inf)


def directions():
    """Return the rays (N, 3) of the sensor, in its own axes."""
    up = np.radians(np.linspace(-15.0, 15.0, RINGS))[:, None]
    around = np.linspace(0.0, 2 * np.pi, COLUMNS, endpoint=False)[None]
    rays = np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up) + 0 * around
    return np.stack(rays, -1).reshape(-1, 3)


def room(size=6.0, height=3.0, thickness=0.2):
    """Return the four walls of a square room around the origin, as boxes."""
    s, o = size, size + thickness
    return [
        (-o, -o, o, -s, height), (-o, s, o, o, height),
        (-o, -s, -s, s, height), (s, -s, o, s, height),
    ]  # fmt: skip
