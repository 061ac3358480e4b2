"""Simulated drives of a robot on wheels through the filter, without pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.interpolate import PchipInterpolator, make_interp_spline
from vio_runs import Flight

from equi_nodes.cli.odometry_consistency import TOLD, rig_of
from equi_nodes.config.vio import FilterConfig, InitialiserConfig, WheelConfig
from equi_nodes.geometry.rotations import exp_so3, inverse, rigid
from equi_nodes.samples import Tracks, WheelSample
from equi_nodes.sim.vio_world import LEAD, TAIL, Path, Recording, WorldConfig, simulate
from equi_nodes.vio.estimator import Estimator
from equi_nodes.vio.initialisation.initialiser import Initialiser

WORLD = WorldConfig(duration=20.0, frame_rate=10.0, landmarks=1000)
FINE = 0.01  # s, in which a drive is integrated
STEP = 2.0  # s between two changes of speed and direction
PERIOD = 0.05  # s between two samples of the wheels
CARRIED = 8.0  # s, after which a robot is carried away
FRAME_NS = 100_000_000  # between two frames of ``WORLD``
OTHER_IDS = 1_000_000  # added to those of the features seen elsewhere
SPEED_NOISE, YAW_NOISE = 0.02, 0.02  # of one sample, m/s and rad/s
PITCH, ROLL = 0.1, -0.05  # rad, of the IMU on the base
T_BASE_B = rigid(
    exp_so3(np.array([0.0, PITCH, 0.0])) @ exp_so3(np.array([ROLL, 0.0, 0.0])),
    np.array([0.15, -0.05, 0.3]),
)


class Drive(Path):
    """A path of the body of a robot that stands at first, then drives and turns at random."""

    def __init__(self, duration: float, seed: int, speed: float = 0.6, turn: float = 0.5):
        rng = np.random.default_rng(seed)
        times = np.arange(-LEAD, duration + TAIL + FINE, FINE)
        knots = np.append(-LEAD, np.arange(1.0, duration + TAIL + STEP, STEP))
        speeds = rng.uniform(0.5 * speed, 1.5 * speed, len(knots))
        turns = rng.uniform(-turn, turn, len(knots))
        speeds[:2] = turns[:2] = 0.0
        self._speed = PchipInterpolator(knots, speeds)
        self._turn = PchipInterpolator(knots, turns)
        yaw = self._turn.antiderivative()(times)
        ahead = np.stack([np.cos(yaw), np.sin(yaw)], 1) * self._speed(times)[:, None]
        place = make_interp_spline(times, ahead, 5).antiderivative()(times)
        arms = np.stack([np.cos(yaw), -np.sin(yaw), np.sin(yaw), np.cos(yaw)], 1)
        places = place + arms.reshape(-1, 2, 2) @ T_BASE_B[:2, 3]
        fixed = np.broadcast_to([T_BASE_B[2, 3]], (len(times), 1))
        angles = np.stack([yaw, np.full_like(yaw, PITCH), np.full_like(yaw, ROLL)], 1)
        self._spline = make_interp_spline(times, np.concatenate([places, fixed, angles], 1), 5)

    def wheels(self, duration: float, seed: int, scale: float = 1.0) -> list[WheelSample]:
        """Return what wheels say whose speed times ``scale`` is the true one."""
        rng = np.random.default_rng([seed, 1])
        times = np.arange(-LEAD, duration, PERIOD)
        stamps = np.round((times + 100.0) * 1e9).astype(np.int64).tolist()
        moving = self._speed(times) > 0  # wheels that stand have no noise
        speeds = self._speed(times) / scale + SPEED_NOISE * moving * rng.normal(size=len(times))
        turns = self._turn(times) + YAW_NOISE * moving * rng.normal(size=len(times))
        return [WheelSample(*sample) for sample in zip(stamps, speeds.tolist(), turns.tolist())]


def drive(
    world: WorldConfig = WORLD,
    config: FilterConfig = TOLD,
    seed: int = 0,
    cameras: int = 2,
    spoil: Callable[[int, Tracks], Tracks] = lambda _, tracks: tracks,
    turn_wheels: Callable[[float, WheelSample], WheelSample | None] = lambda _, sample: sample,
    scale: float = 1.0,
    wheel: WheelConfig = WheelConfig(),
    carried_to: int | None = None,
) -> Flight:
    """Run the filter over one simulated drive; its world and that of the truth are the same.

    Args:
        world, seed: of the simulation.
        config, wheel: of the filter.
        cameras: 1, which has an initialiser, or 2.
        spoil: changes the tracks of a frame, by its index.
        turn_wheels: changes a sample by its time, seconds from the first frame, or drops it.
        scale: true speed over that of the wheels.
        carried_to: seed of the drive in whose start the robot finds itself after ``CARRIED`` s.
    """
    rig = replace(rig_of(world, cameras), T_b_base=inverse(T_BASE_B))
    path = Drive(world.duration, seed)
    truth = simulate(rig.cameras, world, seed, path)
    initialiser = Initialiser(rig, InitialiserConfig(), config) if cameras == 1 else None
    estimator = Estimator(rig, config, initialiser, wheel)
    waiting = path.wheels(world.duration, seed, scale)
    if carried_to is not None:
        other = Drive(world.duration, carried_to)
        there = simulate(rig.cameras, world, carried_to, other)
        wheels = waiting, other.wheels(world.duration, carried_to, scale)
        truth, waiting = _carried(truth, there, wheels)
    samples = []
    for index, (readings, tracks) in enumerate(truth.arrivals()):
        for reading in readings:
            estimator.add_imu(*reading)
        while waiting and waiting[0].stamp_ns <= tracks.stamp_ns:
            sample = waiting.pop(0)
            sample = turn_wheels(sample.stamp_ns * 1e-9 - 100.0, sample)
            if sample is not None:
                estimator.add_wheels(sample)
        samples.append(estimator.step(spoil(index, tracks)))
    return Flight(truth, samples, list(range(len(samples))), truth.T_w_b[0], estimator)


def _carried(
    first: Recording, second: Recording, wheels: tuple[list[WheelSample], list[WheelSample]]
) -> tuple[Recording, list[WheelSample]]:
    """Return one drive, and at ``CARRIED`` seconds the robot stands where another one begins."""
    end = round((100.0 + CARRIED) * 1e9)
    later = end - second.tracks[0].stamp_ns + FRAME_NS
    of_imu = first.imu_stamps_ns <= end
    of_imu_then = second.imu_stamps_ns + later > end
    tracks = [seen for seen in first.tracks if seen.stamp_ns <= end]
    then = [
        replace(seen, stamp_ns=seen.stamp_ns + later, ids=seen.ids + OTHER_IDS)
        for seen in second.tracks
    ]
    both = replace(
        first,
        imu_stamps_ns=np.append(
            first.imu_stamps_ns[of_imu], second.imu_stamps_ns[of_imu_then] + later
        ),
        gyro=np.concatenate([first.gyro[of_imu], second.gyro[of_imu_then]]),
        accel=np.concatenate([first.accel[of_imu], second.accel[of_imu_then]]),
        tracks=tracks + then,
        T_w_b=np.concatenate([first.T_w_b[: len(tracks)], second.T_w_b]),
        velocities=np.concatenate([first.velocities[: len(tracks)], second.velocities]),
    )
    kept = [sample for sample in wheels[0] if sample.stamp_ns <= end]
    moved = [replace(sample, stamp_ns=sample.stamp_ns + later) for sample in wheels[1]]
    return both, kept + [sample for sample in moved if sample.stamp_ns > end]


def without_features(tracks: Tracks) -> Tracks:
    """Return the tracks of a black frame."""
    none = {f: getattr(tracks, f)[:0] for f in ("ids", "left", "right")}
    none |= {f: getattr(tracks, f)[:0] for f in ("left_covariance", "right_covariance")}
    return replace(tracks, **none, problems=("the left image is black",))
