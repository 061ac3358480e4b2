"""An example of what drives a robot along a path among people, for the simulation.

It is regulated pure pursuit (Macenski et al. 2023, arXiv:2305.20026): the robot heads for a point
ahead on its path, slower in curves, beside obstacles and at the end. Before people it stops. On
robots the controllers of Nav2 do this, with more care for shapes, sensors and failures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.samples import GridSample, PredictionSample, TrackSample, VelocityCommand
from equi_nodes.sim.bumper import safe_speed
from equi_nodes.sim.path_ahead import SPACING, PathAhead, arc
from equi_nodes.sim.surroundings import Surroundings
from equi_nodes.sim.walkers import HORIZON_S, Keep, Walkers

BODY_RADIUS = 0.2  # m, of what really must not be touched of a person
LAG = 0.3  # s that the motion may be behind the commands
TURNED = 0.2  # rad, a turn on the spot ends so near to where it should look
TURN_GAIN = 2.5  # 1/s
SLOWEST = 0.3  # m/s: who stands asks what would be if it drove off
BACK_OFF_M = 0.4  # of free floor behind the robot, before it backs off
AHEAD = 0.5  # cosine between the heading and who comes from ahead
CLOSE = 0.35  # m between robot and person from which it does


class Wish(NamedTuple):
    """What a robot should do if it could change its motion at once.

    Attributes:
        speed: m/s forwards.
        curvature: 1/m, of the way it takes at any speed.
        turn: rad/s, on the spot.
    """

    speed: float = 0.0
    curvature: float = 0.0
    turn: float = 0.0


class Follower:
    """Turns a pose and a path into commands, one each period.

    Attributes:
        state: in a word, what the last command was for: driving, turning, yielding, backing off,
            braking, blocked, arrived, or stopped without a path.
    """

    def __init__(self, config: PathFollowerConfig = PathFollowerConfig()) -> None:
        """Begin at rest."""
        self.config = config
        self._keep = Keep(
            distance=config.robot_radius + config.person_radius + config.people_margin,
            contact=config.robot_radius + BODY_RADIUS,
            reaction=config.reaction_time,
            braking=config.acceleration,
            risk=config.risk,
        )
        self.reset()

    def reset(self) -> None:
        """Forget the last command: the robot stands."""
        self._last, self._is_turning, self.state = VelocityCommand(), False, "stopped"

    def step(
        self,
        pose: np.ndarray,
        speed: float,
        path: np.ndarray,
        people: Sequence[PredictionSample | TrackSample] = (),
        grid: GridSample | None = None,
        stamp_ns: int = 0,
        near: np.ndarray | None = None,
    ) -> VelocityCommand:
        """Return what to do now. All is in one fixed frame.

        Args:
            pose: (3,) x, y in metres and yaw in rad of the robot.
            speed: of the robot along its heading, m/s.
            path: (P, 3) poses; without one the robot stops.
            people: who is around; who is in several counts as the first of them says.
            grid: the map as far as it is known; None looks at no obstacle.
            stamp_ns: time of the pose; 0: people are of the same.
            near: (N, 2) what stands around now, in the axes of the robot; None: nobody looks.
        """
        wanted = Wish()
        if len(path):
            walkers = Walkers(people, stamp_ns)
            space = self._space(pose, grid)
            wanted = self._wanted(pose, speed, PathAhead(path), walkers, space)
            wanted = wanted if near is None else self._braked(wanted, near)
        else:
            self.state, self._is_turning = "stopped", False
        self._last = self._reachable(wanted, speed)
        return self._last

    def _wanted(
        self, pose: np.ndarray, speed: float, path: PathAhead, walkers: Walkers,
        space: Surroundings | None,
    ) -> Wish:  # fmt: skip
        """Return what the robot should do."""
        config, gone = self.config, path.along(pose[:2])
        left = path.length - gone
        is_at_end = np.hypot(*(path.end[:2] - pose[:2])) <= config.goal_tolerance
        if is_at_end or (left < SPACING and self._is_beside(pose, path)):
            return self._at_end(pose, path)
        farthest = min(config.lookahead_max, config.lookahead_time * config.speed)
        reach = path.aim(gone, (config.lookahead_min, farthest), config.corner_tolerance)
        offset = path.at(np.array(gone + reach)) - pose[:2]
        angle = _wrapped(np.arctan2(offset[1], offset[0]) - pose[2])
        self._is_turning = abs(angle) > (TURNED if self._is_turning else config.turn_in_place)
        if self._is_turning:
            self.state = "turning"
            return Wish(turn=self._turn(angle))
        curvature = 2 * np.sin(angle) / max(float(np.hypot(*offset)), SPACING)
        own = min(self._own_speed(pose, curvature, left, space), reach / config.lookahead_time)
        way = path.at(gone + np.arange(0.0, config.speed * HORIZON_S, SPACING))
        way[0] = pose[:2]
        going = max(abs(speed), SLOWEST)
        others = min(
            walkers.stopping_speed(pose, self._keep),
            walkers.yielding_speed(way, SPACING, going, pose[2], self._keep),
        )
        self.state = "driving" if own > 0.0 else "blocked"
        if others < own:
            self.state = "yielding"
            if others < 0.05 and self._has_to_back_off(pose, walkers, space):
                self.state = "backing off"
                return Wish(-config.back_off_speed)
        return Wish(min(own, others), curvature)

    def _braked(self, wish: Wish, near: np.ndarray) -> Wish:
        """Return a wish that touches nothing of what stands around."""
        is_back = wish.speed < 0.0
        limit = safe_speed(near, wish.curvature, self.config, backwards=is_back)
        if abs(wish.speed) <= limit:
            return wish
        self.state = "braking" if limit > 0.0 else "blocked"
        return wish._replace(speed=-limit if is_back else limit)

    def _own_speed(
        self, pose: np.ndarray, curvature: float, left: float, space: Surroundings | None
    ) -> float:
        """Return the speed that curve, end and obstacles allow, m/s."""
        config, bend = self.config, max(abs(curvature), 1e-6)
        rest = max(left - 0.5 * config.goal_tolerance, 0.02)
        speed = min(
            config.speed,
            np.sqrt(config.side_acceleration / bend),
            config.yaw_rate / bend,
            np.sqrt(config.acceleration * rest),
        )
        if space is None:
            return speed
        gone = np.arange(0.0, self._stopping_distance() + SPACING, SPACING)
        around = space.space(arc(pose, curvature, gone))
        is_hit = (around < config.robot_radius) & (around < around[0])
        if is_hit.any():
            room = max(gone[is_hit.argmax()] - 2 * SPACING, 0.0)
            speed = min(speed, np.sqrt(config.acceleration * room))
        span = max(config.near_obstacle - config.robot_radius, 1e-3)
        share = np.clip((around.min() - config.robot_radius) / span, 0.0, 1.0)
        slow = min(config.slow_speed, config.speed)
        return min(speed, slow + share * (config.speed - slow))

    def _at_end(self, pose: np.ndarray, path: PathAhead) -> Wish:
        """Turn to where the path's last pose looks, then stand."""
        angle = _wrapped(path.end[2] - pose[2])
        limit = TURNED / 2 if self._is_turning else self.config.yaw_tolerance
        self._is_turning = abs(angle) > min(limit, self.config.yaw_tolerance)
        self.state = "turning" if self._is_turning else "arrived"
        return Wish(turn=self._turn(angle) if self._is_turning else 0.0)

    def _is_beside(self, pose: np.ndarray, path: PathAhead) -> bool:
        """Return whether the robot has come to the end a little beside it."""
        return bool(np.hypot(*(path.end[:2] - pose[:2])) <= 2 * self.config.goal_tolerance)

    def _turn(self, angle: float) -> float:
        """Return the yaw rate of a turn on the spot by an angle, rad/s."""
        return float(np.clip(TURN_GAIN * angle, -self.config.yaw_rate, self.config.yaw_rate))

    def _has_to_back_off(
        self, pose: np.ndarray, walkers: Walkers, space: Surroundings | None
    ) -> bool:
        """Return whether somebody comes up to the robot from ahead, and the floor behind is free.

        Who passes beside it will be behind it next.
        """
        if not self.config.back_off_speed or space is None:
            return False
        offsets = walkers.positions - pose[:2]
        away = np.maximum(np.linalg.norm(offsets, axis=1), 1e-6)
        closing = -(offsets * walkers.velocities).sum(1) / away
        is_ahead = offsets @ np.array([np.cos(pose[2]), np.sin(pose[2])]) > AHEAD * away
        is_coming = is_ahead & (away - self._keep.contact < CLOSE) & (closing > 0.2)
        if not is_coming.any() or walkers.stopping_speed(pose, self._keep, backwards=True) < 0.5:
            return False
        behind = arc(pose, 0.0, -np.arange(0.0, BACK_OFF_M + SPACING, SPACING))
        is_roomy = space.space(behind).min() > self.config.robot_radius + SPACING
        return bool(is_roomy and space.is_free(behind).all())

    def _space(self, pose: np.ndarray, grid: GridSample | None) -> Surroundings | None:
        if grid is None:
            return None
        reach = max(self._stopping_distance(), BACK_OFF_M) + self.config.near_obstacle
        return Surroundings(grid, pose[:2], reach, self.config.occupied_threshold)

    def _stopping_distance(self) -> float:
        """Return how far ahead obstacles are looked for, metres."""
        config = self.config
        return config.speed * config.reaction_time + config.speed**2 / config.acceleration

    def _reachable(self, wish: Wish, speed: float) -> VelocityCommand:
        """Return the command nearest to a wish that the motors can follow."""
        config, period = self.config, 1 / self.config.rate
        band = config.acceleration * LAG
        speed = float(np.clip(speed, -config.speed, config.speed))  # whatever odometry believes
        before = float(np.clip(self._last.speed, speed - band, speed + band))
        change = config.acceleration * period
        turn = config.yaw_acceleration * period
        forwards = float(np.clip(wish.speed, before - change, before + change))
        yaw_rate = wish.turn + wish.curvature * forwards
        yaw_rate = np.clip(yaw_rate, self._last.yaw_rate - turn, self._last.yaw_rate + turn)
        return VelocityCommand(forwards, float(yaw_rate))


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)
