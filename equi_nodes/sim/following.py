"""All that following a path reads, and when the robot has to stand still instead."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.geometry.pose_trail import SECOND_NS, span
from equi_nodes.geometry.repeats import repeats
from equi_nodes.geometry.rotations import yaw_of
from equi_nodes.samples import (
    CloudSample,
    GridSample,
    OdometrySample,
    PredictionSample,
    TrackSample,
    VelocityCommand,
)
from equi_nodes.sim.bumper import GRAZE, Near
from equi_nodes.sim.follower import Follower
from equi_nodes.sim.vanished import Vanished


@dataclass(frozen=True)
class Heard:
    """The newest of all inputs at one time; None is not yet.

    Attributes:
        now_ns: the node's time.
        odometry: where the base is and how it moves.
        path: (P, 3) x, y in metres and yaw in rad, empty where there is none.
        path_ns: its stamp.
        predictions, tracks: the people.
        grid: the map.
        sweep: of the LiDAR, for what stands close by; without any, nobody looks.
        T_base_sensor: (4, 4) of the robot's base and the LiDAR.
    """

    now_ns: int = 0
    odometry: OdometrySample | None = None
    path: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    path_ns: int = 0
    predictions: PredictionSample | None = None
    tracks: TrackSample | None = None
    grid: GridSample | None = None
    sweep: CloudSample | None = None
    T_base_sensor: np.ndarray = field(default_factory=lambda: np.eye(4))

    def age_s(self, stamp: int) -> float:
        """Return how long ago a stamp was, seconds."""
        return (self.now_ns - stamp) / SECOND_NS


@dataclass(frozen=True)
class FollowResult:
    """What to do at one time.

    Attributes:
        stamp_ns: the time.
        frame_id: of the path.
        command: what to do.
        state: of the follower; ``standing`` where it was not asked.
        reason: why the robot stands still, empty if it need not.
    """

    stamp_ns: int
    frame_id: str
    command: VelocityCommand
    state: str
    reason: str = ""
    is_fallback: bool = False
    rejected: dict[int, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class FollowSteps:
    """Asks a follower, unless something that it needs is missing or old."""

    backend_name = "numpy"

    def __init__(self, follower: Follower, config: PathFollowerConfig) -> None:
        """Drive with a follower."""
        self._follower, self._config = follower, config
        self._forget()

    def warm_up(self) -> None:
        """Do nothing: nothing is compiled."""

    def reset(self) -> None:
        """Forget the last command and sweep."""
        self._follower.reset()
        self._forget()

    def _forget(self) -> None:
        self._command = VelocityCommand()
        self._newest: CloudSample | None = None
        self._sweep: CloudSample | None = None
        self._near: Near | None = None
        self._is_stuck = False
        self._vanished = Vanished()

    def step(self, heard: Heard) -> FollowResult:
        """Return what to do now."""
        self._look(heard)
        frame, reason = self._config.fixed_frame, self._why_standing(heard)
        if reason:
            self._follower.reset()
            self._command = VelocityCommand()
            return FollowResult(heard.now_ns, frame, VelocityCommand(), "standing", reason)
        pose, speed = _now(heard)
        near = self._near and self._near.at(heard.now_ns, self._command)
        lost = self._vanished.update(heard.tracks, pose[:2], heard.now_ns)
        people = (*self._people(heard), *lost)
        self._command = self._follower.step(
            pose, speed, heard.path, people, heard.grid, heard.now_ns, near
        )
        return FollowResult(heard.now_ns, frame, self._command, self._follower.state)

    def _look(self, heard: Heard) -> None:
        """Take a new sweep; one that repeats the last is none."""
        if heard.sweep is None or heard.sweep is self._newest:
            return
        self._newest = heard.sweep
        self._is_stuck = repeats(self._sweep, heard.sweep)
        if not self._is_stuck:
            own = self._config.robot_radius - GRAZE
            self._sweep, self._near = heard.sweep, Near(heard.sweep, heard.T_base_sensor, own)

    def _people(self, heard: Heard) -> tuple[PredictionSample | TrackSample, ...]:
        """Return what is fresh: predictions first, then tracks, as the newest are not predicted."""
        told, timeout = (heard.predictions, heard.tracks), self._config.people_timeout
        return tuple(one for one in told if one and heard.age_s(one.stamp_ns) <= timeout)

    def _why_standing(self, heard: Heard) -> str:
        config, odometry = self._config, heard.odometry
        if odometry is None:
            return "no odometry has come"
        if (age := heard.age_s(odometry.stamp_ns)) > config.odometry_timeout:
            return f"the odometry is {age:.1f} s old"
        if not len(heard.path):
            return "there is no path"
        if (age := heard.age_s(heard.path_ns)) > config.plan_timeout:
            return f"the path is {age:.1f} s old"
        if (heard.predictions or heard.tracks) and not self._people(heard):
            return "nobody tells of the people any more"
        return self._why_blind(heard)

    def _why_blind(self, heard: Heard) -> str:
        """Return why nothing is seen of what stands close by, empty if it is."""
        if self._sweep is None:
            return ""
        age = heard.age_s(span(self._sweep)[1])
        if abs(age) <= self._config.points_timeout:
            return ""
        return f"the newest sweep is {age:.1f} s old" + self._is_stuck * ", the LiDAR repeats it"


def _now(heard: Heard) -> tuple[np.ndarray, float]:
    """Return pose (3,) and speed of the base now, if it goes on as the odometry last said."""
    sample = heard.odometry
    seconds = max(heard.age_s(sample.stamp_ns), 0.0)
    speed = float(sample.velocity @ sample.T_w_b[:3, 0])
    turn = float(sample.angular_velocity[2]) * seconds
    yaw = yaw_of(sample.T_w_b) + turn / 2
    step = speed * seconds * np.array([np.cos(yaw), np.sin(yaw)])
    return np.array([*(sample.T_w_b[:2, 3] + step), yaw + turn / 2]), speed
