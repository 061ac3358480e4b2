"""A spinning LiDAR: rings one above the other, each column of them at its own time."""

from __future__ import annotations

import numpy as np

from equi_nodes.samples import CloudSample
from equi_nodes.sim.drive import Motion, poses
from equi_nodes.sim.physics import cast_rays
from equi_nodes.sim.scenario import Sensors
from equi_nodes.sim.world_model import RAY_GROUPS, World

NEAREST = 0.3  # m, closer echoes are not measured
FRAME = "lidar"
LOST = 0.003  # share of rays without an echo
FADING = 0.01  # share of the intensity that is lost a metre


class Lidar:
    """Casts a part of a sweep in every step of the simulation, and hands out whole sweeps.

    A sweep begins at the back and turns to the left. A point is in the axes that the sensor had
    when it was measured, ``times`` seconds after the stamp, the sweep's start; its ``index`` is
    column * rings + ring.
    """

    def __init__(
        self, sensors: Sensors, T_base_lidar: np.ndarray, parts: int, rng: np.random.Generator
    ) -> None:
        """Take what the sensor is, where it sits, and in how many steps a sweep is made."""
        self._sensors, self._T_base_lidar, self._rng = sensors, T_base_lidar, rng
        self._parts, self._part = parts, 0
        azimuths = -np.pi + 2 * np.pi * np.arange(sensors.columns) / sensors.columns
        self._directions = _directions(azimuths, np.linspace(*sensors.elevation, sensors.rings))
        self._echoes: list[tuple[np.ndarray, np.ndarray]] = []

    def sweep(self, world: World, before: Motion, motion: Motion) -> bool:
        """Cast the rays of one step; return whether the sweep is complete.

        Args:
            world: with everybody in place.
            before: its last row is the pose at the beginning of the step.
            motion: of the robot in the step.
        """
        columns = np.array_split(self._directions, self._parts)[self._part]
        places, angles = _at_columns(before, motion, len(columns))
        T = poses(places, angles) @ self._T_base_lidar
        chunks = np.array_split(np.arange(len(columns)), len(motion.position))
        for chunk in (c for c in chunks if len(c)):
            R, origin = T[chunk, :3, :3], T[chunk, :3, 3].mean(0)
            rays = np.einsum("cij,crj->cri", R, columns[chunk]).reshape(-1, 3)
            self._echoes.append(
                cast_rays(world.model, world.data, origin, rays, RAY_GROUPS, self._sensors.reach)
            )
        self._part = (self._part + 1) % self._parts
        return self._part == 0

    def cloud(self, world: World, start_ns: int, seconds: float) -> CloudSample:
        """Return the sweep that began at a time and lasted some seconds, with noise."""
        distances, geoms = (np.concatenate(column) for column in zip(*self._echoes))
        self._echoes.clear()
        count = len(distances)
        draws = self._rng.standard_normal((2, count), np.float32)
        is_seen = (distances > NEAREST) & (self._rng.random(count, np.float32) >= LOST)
        index = np.flatnonzero(is_seen)
        ranges = distances[index] + self._sensors.range_noise * draws[0, index]
        points = self._directions.reshape(-1, 3)[index] * ranges[:, None]
        bright = world.reflectivity[geoms[index]] * np.exp(-FADING * ranges)
        intensity = np.clip(bright + 4.0 * draws[1, index], 0.0, 255.0)
        times = index // self._sensors.rings * (seconds / self._sensors.columns)
        return CloudSample(
            start_ns,
            FRAME,
            points.astype(np.float32),
            times.astype(np.float32),
            intensity.astype(np.float32),
            index,
        )


def _directions(azimuths: np.ndarray, elevations: np.ndarray) -> np.ndarray:
    """Return unit vectors (columns, rings, 3)."""
    a, e = azimuths[:, None], elevations[None]
    flat = np.cos(e) * np.ones_like(a)
    return np.stack([flat * np.cos(a), flat * np.sin(a), np.sin(e) * np.ones_like(a)], -1)


def _at_columns(before: Motion, motion: Motion, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (count, 2) and angles (count, 3) at the times of the columns of a step."""
    knots = np.linspace(0.0, 1.0, len(motion.position) + 1)
    times = np.arange(count) / count
    tracks = [
        np.vstack([getattr(before, name)[-1:], getattr(motion, name)])
        for name in ("position", "angles")
    ]
    return tuple(np.stack([np.interp(times, knots, c) for c in track.T], 1) for track in tracks)
