"""What the robot's two cameras see."""

from __future__ import annotations

import cv2
import numpy as np

from equi_nodes.samples import Frame
from equi_nodes.sim.physics import mujoco
from equi_nodes.sim.scenario import Sensors
from equi_nodes.sim.world_model import CAMERAS, SEEN, World

AMBIENT, LAMP = 0.75, 0.35  # light from everywhere and from above
PLAIN = (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION)  # left out: slow


class StereoCamera:
    """Draws what both cameras see, grey, with noise."""

    def __init__(self, sensors: Sensors, world: World, rng: np.random.Generator) -> None:
        """Make ready to draw pictures of the size that the sensors ask for."""
        self._sensors, self._world, self._rng = sensors, world, rng
        width, height = sensors.picture
        self._renderer = mujoco.Renderer(world.model, height, width)
        self._options = mujoco.MjvOption()
        self._options.geomgroup[:] = 0
        self._options.geomgroup[list(SEEN)] = 1
        for flag in PLAIN:
            self._renderer.scene.flags[flag] = False

    def take(self, stamp_ns: int, brightness: float) -> Frame:
        """Return both pictures, in a light of a brightness of 0 to 1."""
        model = self._world.model
        model.vis.headlight.ambient[:] = AMBIENT * brightness
        model.light_diffuse[:] = LAMP * brightness
        return Frame(stamp_ns, *(self._picture(name) for name in CAMERAS))

    def close(self) -> None:
        """Free what draws."""
        self._renderer.close()

    def _picture(self, camera: str) -> np.ndarray:
        self._renderer.update_scene(self._world.data, camera, self._options)
        grey = cv2.cvtColor(self._renderer.render(), cv2.COLOR_RGB2GRAY)
        noise = self._rng.standard_normal(grey.shape, np.float32) * self._sensors.picture_noise
        return np.clip(grey + noise + 0.5, 0, 255).astype(np.uint8)
