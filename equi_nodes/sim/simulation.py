"""A robot with sensors among people in a building, advanced by commands, the same every time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from equi_nodes.samples import (
    CloudSample,
    Frame,
    GridSample,
    ImuSample,
    TrackSample,
    VelocityCommand,
    WheelSample,
)
from equi_nodes.sim.boxes import Obstacles
from equi_nodes.sim.contacts import Collision, Contacts
from equi_nodes.sim.crowd import Crowd
from equi_nodes.sim.drive import Drive, Motion
from equi_nodes.sim.floor_map import world_grid
from equi_nodes.sim.inertial import Imu, Wheels
from equi_nodes.sim.lidar import Lidar
from equi_nodes.sim.mounts import Mounts, make_mounts
from equi_nodes.sim.pictures import StereoCamera
from equi_nodes.sim.scenario import FRAME, START_NS, KidnapEvent, LightEvent, Scenario
from equi_nodes.sim.world_model import World

PERIOD_NS = 50_000_000  # between two commands
IMU_SAMPLES = 10  # in a period: 200 Hz
SENSOR_PERIODS = 2  # from picture to picture and from sweep to sweep: 10 Hz
CARRY_SECONDS = 0.5  # that a kidnap takes
PUT_DOWN = 0.5  # m, free around where a kidnapped robot is put
DIRECTIONS = 16  # in which a place for that is looked for


@dataclass(frozen=True, eq=False)
class Readings:
    """What the sensors gave in one period.

    Attributes:
        stamp_ns: the end of the period.
        imu: 10 samples, the last at the end.
        wheels: one sample, at the end.
        frames: a stereo picture at the end of every second period.
        clouds: a sweep in every second period; it lasted both, and its stamp is its start.
    """

    stamp_ns: int
    imu: tuple[ImuSample, ...] = ()
    wheels: tuple[WheelSample, ...] = ()
    frames: tuple[Frame, ...] = ()
    clouds: tuple[CloudSample, ...] = ()


@dataclass(frozen=True, eq=False)
class Truth:
    """How things really are, in the world.

    Attributes:
        stamp_ns: time of all of it.
        T_w_b: (4, 4) pose of the robot's base.
        velocity: (3,) of the base, m/s.
        people: where everybody is and how they move.
        collisions: all so far, with who was to blame.
        nearest_person: metres between the outlines of the robot and the next person, infinite
            without people.
    """

    stamp_ns: int
    T_w_b: np.ndarray
    velocity: np.ndarray
    people: TrackSample
    collisions: tuple[Collision, ...]
    nearest_person: float


Fault = Callable[[Readings], Readings]


class Simulation:
    """The world of one scenario; everything that happens in it follows from the commands.

    Attributes:
        scenario: what is simulated.
        rig: the calibration of the sensors.
    """

    def __init__(self, scenario: Scenario, faults: Sequence[Fault] = ()) -> None:
        """Build the world, at rest.

        Args:
            scenario: see :func:`equi_nodes.sim.scenario.make_scenario`.
            faults: what happens to readings on their way, one after the other.
        """
        self.scenario, self._faults = scenario, tuple(faults)
        self.rig: Mounts = make_mounts(scenario.sensors)
        self._obstacles = _obstacles(scenario)
        self._crowd = Crowd(scenario.people, self._obstacles, scenario.robot.radius)
        drive, imu, wheels, lidar, pictures = np.random.default_rng(scenario.seed).spawn(5)
        self._drive = Drive(scenario.robot.limits, scenario.start, drive)
        place = self.rig.T_base_imu[:3, 3]
        self._imu = Imu(scenario.sensors, place, IMU_SAMPLES * 1e9 / PERIOD_NS, imu)
        self._wheels = Wheels(scenario.sensors, wheels)
        self._lidar = Lidar(scenario.sensors, self.rig.T_base_lidar, SENSOR_PERIODS, lidar)
        self._world = World(scenario, self._obstacles, self.rig)
        self._cameras = (
            StereoCamera(scenario.sensors, self._world, pictures) if self.rig.cameras else None
        )
        self._contacts = Contacts(scenario.robot.radius, self._obstacles, self._crowd)
        self._events = sorted(scenario.events, key=lambda event: event.seconds)
        self._light, self._steps = scenario.light, 0
        self._motion = self._drive.advance(VelocityCommand(), 1, 0.0)
        self._touch()

    @property
    def stamp_ns(self) -> int:
        """Return the time of the simulated clock, nanoseconds."""
        return START_NS + self._steps * PERIOD_NS

    @property
    def world(self) -> World:
        """Return the bodies as they are now, to be looked at."""
        return self._world

    @property
    def truth(self) -> Truth:
        """Return how things are now."""
        return Truth(
            self.stamp_ns,
            self._motion.T_w_b[-1],
            np.append(self._motion.velocity[-1], 0.0),
            self._crowd.sample(self.stamp_ns, FRAME),
            self._contacts.collisions,
            self._contacts.nearest_person,
        )

    def truth_map(self, resolution: float) -> GridSample:
        """Return the building as a perfect map, its axes those of the world."""
        return world_grid(self.scenario, resolution)

    def step(self, command: VelocityCommand) -> Readings:
        """Advance by one period of 0.05 s and return what the sensors gave in it."""
        self._happen()
        before, start_ns = self._motion, self.stamp_ns
        seconds = PERIOD_NS / 1e9
        self._motion = self._drive.advance(command, IMU_SAMPLES, seconds / IMU_SAMPLES)
        self._steps += 1
        self._move_people(before, seconds)
        stamps = start_ns + PERIOD_NS // IMU_SAMPLES * np.arange(1, IMU_SAMPLES + 1)
        rolling = self._motion.wheels.mean(0)
        readings = Readings(
            self.stamp_ns,
            self._imu.read(self._motion, stamps),
            (self._wheels.read(rolling, self.stamp_ns, seconds),),
            clouds=self._sweep(before),
            frames=self._look(),
        )
        self._touch()
        for fault in self._faults:
            readings = fault(readings)
        return readings

    def close(self) -> None:
        """Free what draws the pictures; there are no more steps after that."""
        if self._cameras is not None:
            self._cameras.close()

    def _happen(self) -> None:
        """Let come what is due by now."""
        now = (self.stamp_ns - START_NS) / 1e9
        while self._events and self._events[0].seconds <= now:
            event = self._events.pop(0)
            if isinstance(event, LightEvent):
                self._light = event.brightness
            else:
                self._kidnap(event)

    def _kidnap(self, event: KidnapEvent) -> None:
        angles = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
        ways = event.distance * np.stack([np.cos(angles), np.sin(angles)], 1)
        passed = self._drive.place[:2] + np.multiply.outer((0.4, 0.7, 1.0), ways)
        apart = np.linalg.norm(passed[:, :, None] - self._crowd.positions, axis=-1)
        gaps = self._obstacles.gaps(passed.reshape(-1, 2))[0].reshape(passed.shape[:2])
        room = np.minimum(gaps, apart.min(2, initial=np.inf)).min(0)
        best = int(np.argmax(np.minimum(room, PUT_DOWN)))  # the first of those with enough room
        self._drive.carry(np.append(ways[best], event.turn), CARRY_SECONDS)

    def _move_people(self, before: Motion, seconds: float) -> None:
        """Have people walk, and show the world as it is in the middle of the period."""
        start = self._crowd.positions
        self._crowd.step(seconds, before.position[-1], before.velocity[-1])
        self._world.place_robot(self._motion.position[-1], self._motion.angles[-1])
        self._world.place_people(self._crowd, 0.5 * (start + self._crowd.positions))
        self._world.update()

    def _sweep(self, before: Motion) -> tuple[CloudSample, ...]:
        if not self._lidar.sweep(self._world, before, self._motion):
            return ()
        span = SENSOR_PERIODS * PERIOD_NS
        return (self._lidar.cloud(self._world, self.stamp_ns - span, span / 1e9),)

    def _look(self) -> tuple[Frame, ...]:
        if self._cameras is None or self._steps % SENSOR_PERIODS:
            return ()
        self._world.place_people(self._crowd, self._crowd.positions)
        self._world.update()
        return (self._cameras.take(self.stamp_ns, self._light),)

    def _touch(self) -> None:
        """Find collisions; nobody and nothing is walked or driven through."""
        position, velocity = self._motion.position[-1], self._motion.velocity[-1]
        radius = self.scenario.robot.radius
        if self._drive.is_carried:
            return
        self._contacts.check(self.stamp_ns, position, velocity)
        free = self._obstacles.pushed_out(position[None], radius)[0]
        if np.any(free != position):
            self._drive.stop_at(free)
        self._crowd.give_way(free)


def _obstacles(scenario: Scenario) -> Obstacles:
    furniture = np.array([[piece.low, piece.high] for piece in scenario.furniture])
    return Obstacles.of_floor(scenario.floor).with_boxes(furniture)
