"""The world as MuJoCo sees it: walls, furniture, people with legs, and the robot."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.rotations import quaternion
from equi_nodes.sim.appearance import COVER, DRAWN, add_building
from equi_nodes.sim.boxes import Obstacles
from equi_nodes.sim.crowd import Crowd
from equi_nodes.sim.mounts import Mounts
from equi_nodes.sim.physics import mujoco
from equi_nodes.sim.scenario import Scenario

WALL_HEIGHT = 2.6  # m
PEOPLE, ROBOT = 2, 4  # groups of geoms, beside those of the building
SEEN = (DRAWN, COVER, PEOPLE)  # by the cameras and by rays
RAY_GROUPS = np.isin(np.arange(6), SEEN).astype(np.uint8)
ROBOT_JOINTS = ("x", "y", "yaw", "pitch", "roll")
PERSON_JOINTS = ("x", "y", "yaw", "left", "right")
SWING = 0.45  # rad at 1.3 m/s, of a leg
SHADES = ((0.55, 0.3, 0.25), (0.25, 0.35, 0.55), (0.3, 0.5, 0.3), (0.5, 0.5, 0.25))
CAMERAS = ("left", "right")
NEAR, FAR = 0.03, 60.0  # m, between which cameras see
OPENGL = np.diag([1.0, -1.0, -1.0])  # its cameras look along -z, with y up
REFLECTIVITY = {
    "floor": 40.0,
    "ceiling": 150.0,
    "wall": 120.0,
    "furniture": 90.0,
    "person": 60.0,
}


class World:
    """A compiled world and the state of everything that moves in it.

    Attributes:
        model, data: of MuJoCo.
        reflectivity: (geoms,) brightness of each geom to the LiDAR, 0..255.
    """

    def __init__(self, scenario: Scenario, obstacles: Obstacles, mounts: Mounts) -> None:
        """Build the world of a scenario, whose obstacles are walls first, then furniture."""
        spec = mujoco.MjSpec()
        _set_view(spec, scenario)
        _add_walls(spec, scenario, obstacles)
        _add_robot(spec, scenario, mounts)
        for number, person in enumerate(scenario.people):
            _add_person(spec, number, person.height)
        self.model = spec.compile()
        self.data = mujoco.MjData(self.model)
        names = [self.model.geom(k).name.partition(" ")[0] for k in range(self.model.ngeom)]
        self.reflectivity = np.array([REFLECTIVITY.get(name, 0.0) for name in names])

    def place_robot(self, position: np.ndarray, angles: np.ndarray) -> None:
        """Put the robot at (2,) metres with yaw, pitch and roll (3,) rad."""
        self.data.qpos[: len(ROBOT_JOINTS)] = (*position, *angles)

    def place_people(self, crowd: Crowd, positions: np.ndarray) -> None:
        """Put people at (A, 2) metres, with headings and legs as the crowd has them."""
        speed = np.linalg.norm(crowd.velocities, axis=1)
        swing = SWING * np.minimum(speed / 1.3, 1.0) * np.sin(crowd.phases)
        people = self.data.qpos[len(ROBOT_JOINTS) :].reshape(-1, len(PERSON_JOINTS))
        people[:] = np.column_stack([positions, crowd.headings, swing, -swing])

    def update(self) -> None:
        """Compute where everything is."""
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_camlight(self.model, self.data)


def _set_view(spec: mujoco.MjSpec, scenario: Scenario) -> None:
    spec.stat.extent = 1.0  # the unit of the next two
    spec.visual.map.znear, spec.visual.map.zfar = NEAR, FAR
    width, height = scenario.sensors.picture
    spec.visual.global_.offwidth, spec.visual.global_.offheight = max(width, 1), max(height, 1)
    spec.visual.quality.offsamples = 0
    spec.visual.headlight.diffuse = spec.visual.headlight.specular = (0, 0, 0)
    lamp = spec.worldbody.add_light(pos=(0, 0, 10), dir=(0.3, 0.5, -0.8), castshadow=False)
    lamp.type = mujoco.mjtLightType.mjLIGHT_DIRECTIONAL
    lamp.specular = (0, 0, 0)


def _add_walls(spec: mujoco.MjSpec, scenario: Scenario, obstacles: Obstacles) -> None:
    walls = len(obstacles.boxes) - len(scenario.furniture)
    heights = np.array([WALL_HEIGHT] * walls + [piece.height for piece in scenario.furniture])
    looks = scenario.seed if scenario.sensors.picture[0] else None
    add_building(spec, obstacles, heights, walls, looks)


def _add_robot(spec: mujoco.MjSpec, scenario: Scenario, mounts: Mounts) -> None:
    body = spec.worldbody.add_body(name="robot")
    slide, hinge = mujoco.mjtJoint.mjJNT_SLIDE, mujoco.mjtJoint.mjJNT_HINGE
    axes = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0))
    for name, axis in zip(ROBOT_JOINTS, axes):
        kind = slide if len(name) == 1 else hinge
        body.add_joint(name=f"robot {name}", type=kind, axis=axis)
    for name, camera, T in zip(CAMERAS, mounts.cameras, mounts.T_base_cameras):
        x, y, z, w = quaternion(T[:3, :3] @ OPENGL)
        field = 2 * np.degrees(np.arctan(camera.height / 2 / camera.intrinsics[1]))
        body.add_camera(name=name, pos=T[:3, 3], quat=(w, x, y, z), fovy=field)
    half = scenario.robot.height / 2
    body.add_geom(
        name="robot",
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=(scenario.robot.radius, half, 0),
        pos=(0, 0, half),
        rgba=(0.9, 0.5, 0.1, 1),
        group=ROBOT,
        contype=0,
        conaffinity=0,
    )


def _add_person(spec: mujoco.MjSpec, number: int, height: float) -> None:
    body = spec.worldbody.add_body(name=f"person {number}")
    axes = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    for name, axis in zip(PERSON_JOINTS, axes):
        kind = mujoco.mjtJoint.mjJNT_HINGE if name == "yaw" else mujoco.mjtJoint.mjJNT_SLIDE
        body.add_joint(name=f"person {number} {name}", type=kind, axis=axis)
    scale, shade = height / 1.75, SHADES[number % len(SHADES)]
    hip = 0.85 * scale

    def limb(parent: mujoco.MjsBody, name: str, radius: float, ends: tuple, rgb: tuple) -> None:
        parent.add_geom(
            name=f"person {number} {name}",
            type=mujoco.mjtGeom.mjGEOM_CAPSULE,
            size=(radius, 0, 0),
            fromto=ends,
            rgba=(*rgb, 1),
            group=PEOPLE,
            contype=0,
            conaffinity=0,
        )

    limb(body, "torso", 0.17, (0, 0, hip + 0.1, 0, 0, hip + 0.42 * scale), shade)
    limb(body, "head", 0.1, (0, 0, 1.6 * scale, 0, 0, 1.65 * scale), (0.75, 0.6, 0.5))
    for side, y in (("left", 0.1), ("right", -0.1)):
        limb(body, f"{side} arm", 0.05, (0, 2.2 * y, hip, 0, 2.2 * y, hip + 0.5 * scale), shade)
        leg = body.add_body(name=f"person {number} {side} leg", pos=(0, y, hip))
        hinge = mujoco.mjtJoint.mjJNT_HINGE
        leg.add_joint(name=f"person {number} {side}", type=hinge, axis=(0, 1, 0))
        limb(leg, f"{side} leg", 0.07, (0, 0, 0, 0, 0, 0.08 - hip), (0.2, 0.2, 0.25))
