"""What a simulated run is made of: a building, a robot, people, goals and what happens when.

The world's frame is ``odom``: the robot of a made scenario starts in its origin, looking along x.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from equi_nodes.errors import EquiError
from equi_nodes.geometry.raycast import cast
from equi_nodes.samples import GridSample
from equi_nodes.sim.crowd import Person
from equi_nodes.sim.drive import DriveLimits
from equi_nodes.sim.passers_by import Meeting, passers_by
from equi_nodes.sim.scenario_floors import FLOORS, KEEP, Floor, Furniture
from equi_nodes.sim.walkways import Walkways, length_of

FRAME = "odom"
START_NS = 1_000_000_000_000  # of the simulated clock; zero means "unset" in ROS
ROOM = 0.5  # m, free around starts and goals
PERSON_KEEP = 0.35  # m, the middle of a person keeps this from walls
SLOWEST = 0.3  # m/s, mean speed that a run is given time for
SPARE = 30.0  # s more than that
TRIES, PATIENCE = 150, 0.98  # to place the goals; every time they may be nearer by this factor


@dataclass(frozen=True)
class Robot:
    """A round robot on two driven wheels.

    Attributes:
        radius, height: m.
        limits: what its motors can do.
    """

    radius: float = 0.22
    height: float = 0.5
    limits: DriveLimits = DriveLimits()


@dataclass(frozen=True)
class Sensors:
    """What the robot carries, and how well it measures.

    Attributes:
        picture: width and height of both cameras, px; (0, 0) leaves the pictures out.
        field_of_view: of the cameras, horizontal, rad.
        baseline: m, between the cameras.
        picture_noise: grey levels.
        rings, columns: rays of the LiDAR, one above the other and around.
        elevation: rad, of the lowest and of the highest ring.
        reach: m, of the LiDAR.
        range_noise: m.
        imu_noise: densities gyro, accel, gyro_walk and accel_walk, SI units.
        gyro_bias, accel_bias: spread of the first biases, rad/s and m/s^2.
        wheel_scale: spread of the wheels' constant error, share.
        wheel_slip: spread of their slip, share.
    """

    picture: tuple[int, int] = (376, 240)
    field_of_view: float = np.pi / 2
    baseline: float = 0.12
    picture_noise: float = 2.0
    rings: int = 16
    columns: int = 900
    elevation: tuple[float, float] = (-np.pi / 12, np.pi / 12)
    reach: float = 30.0
    range_noise: float = 0.02
    imu_noise: dict[str, float] = field(
        default_factory=lambda: {
            "gyro": 1.7e-4,
            "accel": 2.0e-3,
            "gyro_walk": 2.0e-5,
            "accel_walk": 3.0e-3,
        }
    )
    gyro_bias: float = 0.005
    accel_bias: float = 0.05
    wheel_scale: float = 0.01
    wheel_slip: float = 0.02


@dataclass(frozen=True)
class LightEvent:
    """The light is set to a brightness, 0 to 1, after some seconds."""

    seconds: float
    brightness: float


@dataclass(frozen=True)
class KidnapEvent:
    """Somebody lifts the robot and puts it down elsewhere within half a second.

    Attributes:
        seconds: after the start.
        distance: metres, to a free place near by.
        turn: rad.
    """

    seconds: float
    distance: float = 1.5
    turn: float = np.radians(40.0)


@dataclass(frozen=True, eq=False)
class Scenario:
    """One run, complete: equal scenarios and equal commands give equal readings.

    Attributes:
        name: one of ``SCENARIOS``, or any.
        seed: what noise and motion are drawn from.
        floor: the walls, 0 free and 100 occupied; its origin is in the world.
        furniture: what stands on the floor, in the floor's axes.
        robot, sensors: see the classes.
        people: who is there, in the world.
        start: (3,) x, y and yaw of the robot in the world, m and rad.
        goals: (G, 3) to be reached in this order, in the world.
        light: brightness at the start, 0 to 1.
        events: what happens when.
        time_limit: s, after which a run has failed.
    """

    name: str
    seed: int
    floor: GridSample
    furniture: tuple[Furniture, ...] = ()
    robot: Robot = Robot()
    sensors: Sensors = Sensors()
    people: tuple[Person, ...] = ()
    start: np.ndarray = field(default_factory=lambda: np.zeros(3))
    goals: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    light: float = 1.0
    events: tuple[LightEvent | KidnapEvent, ...] = ()
    time_limit: float = 120.0


class Recipe(NamedTuple):
    """How scenarios of one name are made.

    Attributes:
        floor: one of ``FLOORS``.
        people: how many.
        meeting: share of them who walk to or from the robot's way.
        goals: how many.
        apart: m, between two goals one after the other, along the way: at least and at most.
        events: what happens when.
    """

    floor: str
    people: int
    meeting: float
    goals: int
    apart: tuple[float, float]
    events: tuple[LightEvent | KidnapEvent, ...] = ()


SCENARIOS: dict[str, Recipe] = {
    "office": Recipe("office", 4, 0.5, 3, (6.0, 18.0)),
    "corridor-crossing": Recipe("corridors", 8, 0.8, 2, (12.0, 26.0)),
    "crowd": Recipe("hall", 14, 0.4, 3, (8.0, 16.0)),
    "unknown-building": Recipe("building", 2, 0.5, 1, (28.0, 60.0)),
    "dark": Recipe("office", 3, 0.5, 2, (6.0, 18.0), (LightEvent(8.0, 0.01),)),
    "kidnap": Recipe("office", 3, 0.5, 2, (6.0, 18.0), (KidnapEvent(10.0),)),
}


def make_scenario(name: str, seed: int) -> Scenario:
    """Return the scenario of a name; the seed decides the building, the people and the goals.

    Raises:
        EquiError: there is no scenario of that name.
    """
    if name not in SCENARIOS:
        raise EquiError(f"There is no scenario {name!r}; take one of {', '.join(SCENARIOS)}.")
    recipe = SCENARIOS[name]
    rng = np.random.default_rng([seed, *name.encode()])
    floor = FLOORS[recipe.floor](rng)
    return populated(name, seed, floor, recipe, rng)


def populated(
    name: str, seed: int, floor: Floor, recipe: Recipe, rng: np.random.Generator
) -> Scenario:
    """Return a scenario on a floor: draw start, goals and people, and put the start in the origin.

    Args:
        name, seed: see :class:`Scenario`.
        floor: the building.
        recipe: how many people and goals; its own floor is not used.
        rng: what everything is drawn from.

    Raises:
        EquiError: the floor has no room for the goals.
    """
    walkways = Walkways(floor.blocked, floor.resolution, KEEP)
    start, goals, way = _trip(walkways, recipe, rng)
    yaw = _open_direction(floor, start, rng)
    ways = Walkways(floor.blocked, floor.resolution, PERSON_KEEP)
    people = passers_by(recipe.people, ways, Meeting(way, recipe.meeting), rng)
    cos, sin = np.cos(yaw), np.sin(yaw)
    to_world = np.array([[cos, -sin], [sin, cos]])  # the inverse turn, for points in rows
    cells = np.where(floor.solid, 100, 0).astype(np.int8)
    return Scenario(
        name,
        seed,
        GridSample(START_NS, FRAME, floor.resolution, np.r_[-start @ to_world, -yaw], cells),
        floor.furniture,
        people=tuple(
            replace(p, route=(p.route - start) @ to_world, start=(p.start - start) @ to_world)
            for p in people
        ),
        goals=np.c_[(goals[:, :2] - start) @ to_world, _wrapped(goals[:, 2] - yaw)],
        events=recipe.events,
        time_limit=round(length_of(way) / SLOWEST + SPARE),
    )


def _trip(
    walkways: Walkways, recipe: Recipe, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the start (2,), the goals (G, 3), and the corners (P, 2) of the way through all."""
    roomy = walkways.clearance >= ROOM
    least, most = recipe.apart
    for attempt in range(TRIES):
        at = start = walkways.points[rng.choice(np.flatnonzero(roomy))]
        goals, way = [], [start[None]]
        for _ in range(recipe.goals):
            costs = walkways.costs(at)
            fitting = roomy & (costs >= least * PATIENCE**attempt) & (costs <= most)
            if not fitting.any():
                break
            goal = walkways.points[rng.choice(np.flatnonzero(fitting))]
            way.append(walkways.path(at, goal)[1:])
            last = np.concatenate(way)[-2:]
            goals.append([*goal, np.arctan2(*(last[1] - last[0])[::-1])])
            at = goal
        else:
            return start, np.array(goals), np.concatenate(way)
    raise EquiError("The floor has no room for the goals; take a larger floor or fewer goals.")


def _open_direction(floor: Floor, start: np.ndarray, rng: np.random.Generator) -> float:
    """Return a heading in rad in which the robot looks far at the start."""
    angles = rng.uniform(-np.pi, np.pi) + np.linspace(0.0, 2 * np.pi, 16, endpoint=False)
    cells = 1.0 / floor.resolution
    far, _ = cast(floor.blocked, start[None] * cells, angles[None], 10.0 * cells)
    return float(angles[int(far[0].argmax())])


def _wrapped(angles: np.ndarray) -> np.ndarray:
    return np.remainder(angles + np.pi, 2 * np.pi) - np.pi
