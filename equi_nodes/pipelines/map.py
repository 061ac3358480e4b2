"""From sweeps of a range sensor, odometry and tracks of people to an occupancy grid without them.

Each sweep is laid out by the poses of its own time, its rays are sorted into obstacles and space
that was seen free, and the grid collects both. Where the odometry cannot be trusted nothing is
mapped; where it was wrong a new map begins, since the old one lies somewhere else.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from equi_nodes.config.occupancy_mapper import OccupancyMapperConfig
from equi_nodes.geometry.pose_trail import SECOND_NS, laid_out, span
from equi_nodes.geometry.rotations import inverse, transform
from equi_nodes.mapping.evidence import Agreement, EvidenceGrid, Weights
from equi_nodes.mapping.motion import MotionCheck, Verdict
from equi_nodes.mapping.view import Rays, is_obstacle, look
from equi_nodes.samples import (
    CloudSample,
    GridSample,
    MapSample,
    OdometrySample,
    PosedCloud,
    SweepSample,
    TrackSample,
)

SETTLE_S = 0.5  # without a sweep after a jump: who was carried is still being put down
MOST_SPREAD = 0.5  # m that a disc around a person grows by at most as its track gets unsure
JUDGED = 2  # sweeps that have to contradict a map together: later they are a part of it
CONTRADICTED = 0.6  # of their obstacles stand where it is free
ENOUGH = 300  # cells with obstacles, for a judgement


class Mapper:
    """Collects sweeps; odometry and tracks may come from another thread than they do."""

    backend_name = "numba"

    def __init__(self, config: OccupancyMapperConfig = OccupancyMapperConfig()) -> None:
        """Begin with an empty map."""
        self.config = config
        weights = Weights.of_probabilities(config.hit, config.miss, config.lowest, config.highest)
        self._map = EvidenceGrid(config.resolution, weights, config.window, config.largest)
        self._check = MotionCheck(config.max_speed, config.max_yaw_rate, config.max_drift)
        self.reset()

    @classmethod
    def from_config(cls, config: OccupancyMapperConfig) -> Mapper:
        """Return a mapper with the user's settings."""
        return cls(config)

    def warm_up(self) -> None:
        """Compile what is compiled."""
        ends = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, -0.5]], np.float32)
        cloud = CloudSample(1, "", ends)
        self._verdict = Verdict()
        self.step(SweepSample(PosedCloud(cloud, "", np.zeros(1), np.eye(4)[None]), np.eye(4)))
        self.reset()

    def reset(self) -> None:
        """Forget the map, the way and the people."""
        self._check.clear()
        self._verdict = Verdict("no odometry has come yet")
        self._people: TrackSample | None = None
        self._jump: tuple[int, str] | None = None
        self._begin_anew()

    def add_odometry(self, sample: OdometrySample) -> None:
        """Take a pose of the robot in the fixed frame, to hear whether it can be mapped with."""
        self._verdict = verdict = self._check.judge(sample)
        if verdict.jump:
            self._jump = sample.stamp_ns, verdict.jump

    def add_tracks(self, sample: TrackSample) -> None:
        """Take the people around, in the fixed frame."""
        self._people = sample

    def grid(self, stamp_ns: int) -> GridSample:
        """Return the map as it is now, as that of a time."""
        origin = np.array([*self._map.corner * self.config.resolution, 0.0])
        frame = self.config.fixed_frame
        return GridSample(stamp_ns, frame, self.config.resolution, origin, self._map.cells)

    def step(self, sweep: SweepSample) -> MapSample:
        """Add a sweep to the map; ``notes`` say why if it cannot be added."""
        stamp = span(sweep.posed.cloud)[1]
        notes, problem = self._after_jump(), self._verdict.problem
        if not problem and stamp < self._settled_ns:
            problem = f"{SETTLE_S:g} s must pass after a jump"
        if problem:
            notes.append(f"mapping pauses: {problem}")
            return MapSample(stamp, self.config.fixed_frame, is_mapped=False, notes=tuple(notes))
        people = self._discs(stamp)
        T_w_base = sweep.posed.poses[len(sweep.posed.poses) // 2] @ inverse(sweep.T_base_sensor)
        rays = self._rays(sweep, T_w_base, people)
        view = look(rays, self.config.max_range, self.config.resolution)
        agreement = self._map.add(rays, view, self.config.max_height)
        self._map.free_disc(T_w_base[:2, 3], self.config.robot_radius)
        notes += self._after_contradiction(agreement)
        if self._map.is_full:
            notes.append(f"the map does not outgrow {self.config.largest:g} m (parameter largest)")
        return MapSample(
            stamp, self.config.fixed_frame, self._due(stamp), notes=tuple(notes),
            figures={
                "returns": len(rays.ends), "obstacles": int(rays.is_hit.sum()),
                "people": len(people), "confirmed": agreement.confirmed,
                "contradicted": agreement.contradicted,
            },
        )  # fmt: skip

    def _begin_anew(self) -> None:
        self._map.clear()
        self._agreements: deque[Agreement] = deque(maxlen=JUDGED)
        self._told: GridSample | None = None
        self._settled_ns = 0

    def _after_jump(self) -> list[str]:
        """Begin a new map if the odometry jumped since the last sweep, and say so."""
        jump, self._jump = self._jump, None
        if not jump:
            return []
        self._begin_anew()
        self._settled_ns = jump[0] + round(SETTLE_S * SECOND_NS)
        return [f"{jump[1]}: a new map begins"]

    def _after_contradiction(self, agreement: Agreement) -> list[str]:
        """Begin a new map if sweep after sweep sees walls where it is free, and say so."""
        self._agreements.append(agreement)
        against = sum(one.contradicted for one in self._agreements)
        both = against + sum(one.confirmed for one in self._agreements)
        if len(self._agreements) < JUDGED or both < ENOUGH or against < CONTRADICTED * both:
            return []
        self._begin_anew()
        share = f"{against / both:.0%} of the obstacles seen stand where the map is free"
        return [f"{share}, the odometry must have been wrong: a new map begins"]

    def _discs(self, stamp: int) -> np.ndarray:
        """Return (P, 3) x, y and radius in metres of where people are at a time."""
        people = self._people
        if people is None or not self.config.people_radius:
            return np.zeros((0, 3))
        late = (stamp - people.stamp_ns) / SECOND_NS
        if abs(late) > self.config.people_timeout:
            return np.zeros((0, 3))
        places = people.positions[:, :2] + late * np.nan_to_num(people.velocities[:, :2])
        spread = np.sqrt(np.maximum(people.covariances[:, [0, 1], [0, 1]].max(-1), 0.0))
        radii = self.config.people_radius + np.minimum(spread, MOST_SPREAD)
        discs = np.column_stack([places, radii])
        return discs[np.isfinite(discs).all(1)]

    def _rays(self, sweep: SweepSample, T_w_base: np.ndarray, people: np.ndarray) -> Rays:
        """Return the rays of a sweep in the fixed frame, heights above the ground at the robot."""
        posed, config = sweep.posed, self.config
        in_base = transform(sweep.T_base_sensor, posed.cloud.points)
        is_other = np.hypot(in_base[:, 0], in_base[:, 1]) > config.robot_radius
        ground = np.array([0.0, 0.0, T_w_base[2, 3]])
        ends = laid_out(posed)[is_other] - ground
        origin = (T_w_base @ sweep.T_base_sensor)[:3, 3] - ground
        distances = np.hypot(ends[:, 0] - origin[0], ends[:, 1] - origin[1])
        band = config.min_height, config.max_height
        is_hit = is_obstacle(ends[:, 2], distances, band, config.floor_slope)
        is_hit &= distances <= config.max_range
        if posed.cloud.is_return is not None:
            is_hit &= posed.cloud.is_return[is_other]
        is_lasting = np.ones(len(ends), bool)
        for x, y, radius in people:
            is_lasting &= (ends[:, 0] - x) ** 2 + (ends[:, 1] - y) ** 2 > radius**2
        return Rays(origin, ends, is_hit, is_lasting)

    def _due(self, stamp: int) -> GridSample | None:
        """Return the map if it changed and the last one was told long enough ago."""
        told = self._told
        if told and stamp - told.stamp_ns < SECOND_NS / self.config.publish_rate:
            return None
        grid = self.grid(stamp)
        if not grid.cells.size or told and np.array_equal(told.cells, grid.cells):
            return None
        self._told = grid
        return grid
