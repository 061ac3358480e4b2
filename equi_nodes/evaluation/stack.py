"""The closed loop in one process, in lock-step: the pipelines wired as the graph wires the nodes.

What a pipeline gives is there at once, so the same world and the same commands give the same run
on any machine. Where a node would be late, its pipeline is not: time is lost by machines only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from equi_nodes.config.node import NodeConfig
from equi_nodes.evaluation.collisions import gaps
from equi_nodes.evaluation.guide import true_odometry
from equi_nodes.evaluation.stack_run import Remark, gist
from equi_nodes.evaluation.stack_settings import StackSettings
from equi_nodes.geometry.pose_trail import PoseTrail, span
from equi_nodes.geometry.rotations import inverse, yaw_of
from equi_nodes.pipelines.map import Mapper
from equi_nodes.pipelines.odometry import Odometry, OdometryParts, make_rig
from equi_nodes.pipelines.plan import Planner
from equi_nodes.pipelines.predict import Predictor
from equi_nodes.pipelines.track import LidarTracker
from equi_nodes.samples import (
    CloudSample,
    GridSample,
    OdometrySample,
    PlanCode,
    PlanRequest,
    PlanSample,
    PosedCloud,
    PredictionSample,
    Status,
    SweepSample,
    TrackSample,
    VelocityCommand,
)
from equi_nodes.sim.follower import Follower
from equi_nodes.sim.following import FollowSteps, Heard
from equi_nodes.sim.mounts import Mounts
from equi_nodes.sim.scenario import FRAME
from equi_nodes.sim.simulation import Readings, Truth

USABLE = (Status.TRACKING, Status.DEGRADED)
FORGIVEN = 0.06  # m, of the robot's radius, before a path counts as blocked by a newer map


@dataclass
class Known:
    """What the newest step knew; None: not yet.

    Attributes:
        odometry: of the base in ``odom``, usable or not.
        sweep, tracks, predictions, grid, plan: the newest.
        state: of the follower, in a word.
    """

    odometry: OdometrySample | None = None
    sweep: CloudSample | None = None
    tracks: TrackSample | None = None
    predictions: PredictionSample | None = None
    grid: GridSample | None = None
    plan: PlanSample | None = None
    state: str = ""


@dataclass
class Record:
    """What is measured on the way: seconds of each step by node, and what the nodes said."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    said: dict[tuple[str, str], list[Remark]] = field(default_factory=dict)

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """Return what was said by time."""
        remarks = [remark for said in self.said.values() for remark in said]
        return tuple(sorted(remarks, key=lambda remark: remark.begin_ns))

    @contextmanager
    def timed(self, node: str) -> Iterator[None]:
        """Measure a step."""
        began = time.perf_counter()
        yield
        self.seconds.setdefault(node, []).append(time.perf_counter() - began)

    def say(self, node: str, stamp_ns: int, *sentences: str) -> None:
        """Keep what was said; the same within a second, but for its numbers, is one remark."""
        for words in filter(None, sentences):
            said = self.said.setdefault((node, gist(words)), [])
            if said and stamp_ns - said[-1].end_ns <= 1_000_000_000:
                said[-1] = replace(said[-1], end_ns=stamp_ns)
            else:
                said.append(Remark(node, words, stamp_ns, stamp_ns))


class Stack:
    """The pipelines of a robot.

    Attributes:
        known: what the newest step knew.
        record: times and sayings.
        goal: (3,) x, y in metres and yaw in rad in ``odom``, where to drive; None: nowhere.
    """

    def __init__(
        self, settings: StackSettings, rig: Mounts, truth: Callable[[], Truth] | None = None
    ) -> None:
        """Build the pipelines for a robot at rest.

        Args:
            settings: of all nodes.
            rig: where the sensors sit.
            truth: how things really are, for the parts that ``settings.true_parts`` names.
        """
        self._settings, self._truth = settings, truth
        self._T_b_base = inverse(rig.T_base_imu)
        self._T_base_lidar = rig.T_base_lidar
        self._odometry = None if "odometry" in settings.true_parts else self._make_odometry(rig)
        is_blind = "tracks" in settings.true_parts
        self._tracker = None if is_blind else LidarTracker.from_config(settings.tracker)
        self._predictor = Predictor.from_config(settings.predictor)
        self._mapper = Mapper.from_config(settings.mapper)
        self._planner = Planner.from_config(settings.planner)
        self._follower = FollowSteps(Follower(settings.follower), settings.follower)
        self._trail = PoseTrail(ahead=0.06)
        self.known, self.record, self.goal = Known(), Record(), None

    def _make_odometry(self, rig: Mounts) -> Odometry:
        parts = OdometryParts(**self._settings.odometry)
        return Odometry(make_rig(rig.cameras, rig.imu_noise, self._T_b_base), parts)

    def warm_up(self) -> None:
        """Compile what is compiled, so that times are those of a robot under way."""
        pipelines = self._odometry, self._tracker, self._predictor, self._mapper, self._planner
        for pipeline in filter(None, pipelines):
            pipeline.warm_up()

    def step(self, readings: Readings) -> VelocityCommand:
        """Return what to do after what was sensed in one period."""
        self._now = readings.stamp_ns
        self._locate(readings)
        for cloud in readings.clouds:
            self.known.sweep = cloud
            self._look(cloud)
        self._plan()
        return self._move()

    def _locate(self, readings: Readings) -> None:
        """Have the odometry take what it needs; each frame gives a pose."""
        if self._odometry is None:
            self._take_odometry(true_odometry(self._truth()))
            return
        for sample in readings.imu:
            self._odometry.add_imu(sample.stamp_ns, sample.gyro, sample.accel)
        for sample in readings.wheels if self._settings.wheels else ():
            self._odometry.add_wheels(sample)
        for frame in readings.frames:
            if self._is_late("vio", frame.stamp_ns):
                continue
            with self.record.timed("vio"):
                sample = self._odometry.step(frame)
            self.record.say("vio", self._now, *self._odometry.remarks)
            if sample is not None:
                self._take_odometry(of_base(sample, self._T_b_base))

    def _take_odometry(self, sample: OdometrySample) -> None:
        self.known.odometry = sample
        self.record.say("vio", self._now, sample.reason)
        if sample.status in USABLE:
            self._trail.add(sample.stamp_ns, sample.T_w_b)
            self._mapper.add_odometry(sample)

    def _look(self, cloud: CloudSample) -> None:
        """Sweep to tracks, to predictions, and to the map without the people."""
        if self._is_late("lidar_tracker", span(cloud)[1]):
            return
        if not self._trail.covers(*span(cloud)):
            self.record.say("lidar_tracker", self._now, "there is no pose of the time of the sweep")
            return
        sweep = self._trail.posed(cloud, self._T_base_lidar, FRAME)
        self._track(sweep)
        with self.record.timed("eqmotion"):
            self.known.predictions = self._predictor.step(self.known.tracks)
        self.record.say("eqmotion", self._now, *self.known.predictions.notes)
        self._mapper.add_tracks(self.known.tracks)
        with self.record.timed("occupancy_mapper"):
            mapped = self._mapper.step(SweepSample(sweep, self._T_base_lidar))
        self.record.say("occupancy_mapper", self._now, *mapped.notes)
        self.known.grid = mapped.grid or self.known.grid

    def _is_late(self, node: str, stamp_ns: int) -> bool:
        """Return whether what a node makes of a time would not be published any more."""
        age = (self._now - stamp_ns) * 1e-9
        if age > NodeConfig().max_age:
            self.record.say(node, self._now, f"a result {age:.1f} s old is not published")
            return True
        return False

    def _track(self, sweep: PosedCloud) -> None:
        if self._tracker is None:
            self.known.tracks = self._true_tracks()
            return
        with self.record.timed("lidar_tracker"):
            result = self._tracker.step(sweep)
        self.record.say("lidar_tracker", self._now, *result.notes)
        self.known.tracks = result.tracks

    def _true_tracks(self) -> TrackSample:
        """Return the people where they truly are beside the robot, wherever it believes to be."""
        truth = self._truth()
        T = self.known.odometry.T_w_b @ inverse(truth.T_w_b)
        people = truth.people
        return replace(
            people,
            positions=people.positions @ T[:3, :3].T + T[:3, 3],
            velocities=people.velocities @ T[:3, :3].T,
        )

    def _plan(self) -> None:
        """Plan at times, when a newer map closes the path, and when there is none."""
        known = self.known
        if self.goal is None or known.grid is None or not self._is_plan_due():
            return
        T = known.odometry.T_w_b
        start = np.array([*T[:2, 3], yaw_of(T)])
        request = PlanRequest(
            known.grid, start, self.goal, self._settings.planner.tolerance, known.predictions,
            stamp_ns=self._now,
        )  # fmt: skip
        with self.record.timed("e2_planner"):
            known.plan = self._planner.step(request)
        self._planned_for = (self.goal, known.grid)
        self.record.say("e2_planner", self._now, known.plan.reason, *known.plan.notes)

    def _is_plan_due(self) -> bool:
        known, planner = self.known, self._settings.planner
        if known.odometry is None or known.odometry.status not in USABLE:
            return False
        plan = known.plan
        if plan is None or self._planned_for[0] is not self.goal:
            return True
        if self._now - plan.stamp_ns >= 1e9 / planner.replan_rate:
            return True
        if self._planned_for[1] is known.grid:
            return False
        return plan.code is not PlanCode.NONE or self._is_blocked(plan.poses)

    def _is_blocked(self, poses: np.ndarray) -> bool:
        planner = self._settings.planner
        nearest = gaps(self.known.grid, poses[:, :2], planner.occupied_threshold).min()
        return bool(nearest < planner.robot_radius - FORGIVEN)

    def _move(self) -> VelocityCommand:
        """Follow the path, or stand still where that cannot be done safely."""
        known = self.known
        is_silent = known.odometry is not None and known.odometry.status not in USABLE
        plan = known.plan or PlanSample(0, FRAME, PlanCode.NONE)
        heard = Heard(
            self._now, None if is_silent else known.odometry, plan.poses, plan.stamp_ns,
            known.predictions, known.tracks, known.grid, known.sweep, self._T_base_lidar,
        )  # fmt: skip
        with self.record.timed("path_follower"):
            result = self._follower.step(heard)
        known.state = result.state
        self.record.say("path_follower", self._now, result.reason)
        return result.command


def of_base(sample: OdometrySample, T_b_base: np.ndarray) -> OdometrySample:
    """Return where the base is by the state of the IMU, and how fast it moves."""
    arm = sample.T_w_b[:3, :3] @ np.cross(sample.angular_velocity, T_b_base[:3, 3])
    return replace(sample, T_w_b=sample.T_w_b @ T_b_base, velocity=sample.velocity + arm)
