"""A mapper maps rooms without the people in them, and begins anew when it was misled."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lidar_scene import HEIGHT, SWEEP, Scene

from equi_nodes.config.occupancy_mapper import OccupancyMapperConfig
from equi_nodes.geometry.pose_trail import PoseTrail
from equi_nodes.geometry.rotations import exp_so3, inverse, rigid, transform
from equi_nodes.pipelines.map import Mapper
from equi_nodes.samples import OdometrySample, Status, SweepSample, TrackSample

T_BASE_LIDAR = rigid(np.eye(3), np.array([0.1, 0.0, HEIGHT]))
WALLS = [(-4, -3, 4, -2.9, 2.5), (-4, 3, 4, 3.1, 2.5), (-4, -3, -3.9, 3, 2.5), (4, -3, 4.1, 3, 2.5)]
BOX = (1.5, -1.5, 2.0, -1.0, 0.3)
NOTHING = np.zeros(3)


def at(x=0.0, y=0.0, yaw=0.0):
    return rigid(exp_so3(np.array([0.0, 0.0, yaw])), np.array([x, y, 0.0]))


def odometry(stamp, T, status=Status.TRACKING):
    covariance = np.full((15, 15), np.nan)
    return OdometrySample(stamp, status, "", T, NOTHING, NOTHING, NOTHING, NOTHING, covariance)


class Drive:
    """A mapper on a robot in a room."""

    def __init__(self, **config):
        self.mapper = Mapper(OccupancyMapperConfig(**config))
        self.scene, self.number = Scene(boxes=[*WALLS, BOX]), 0
        self.results = []

    def sweep(self, T=None, people=(), tracks=(), status=Status.TRACKING, believed=None):
        """Map one sweep from a place; the odometry may believe in another one."""
        T = at() if T is None else T
        sweep = self.scene.sweep(self.number, T @ T_BASE_LIDAR, people)
        believed = T if believed is None else believed
        sweep = replace(sweep, poses=(believed @ T_BASE_LIDAR)[None])
        stamp = sweep.cloud.stamp_ns
        self.mapper.add_odometry(odometry(stamp, believed, status))
        ids = np.arange(len(tracks))
        self.mapper.add_tracks(TrackSample.of_positions(stamp, "odom", ids, tracks))
        self.number += 1
        self.results.append(self.mapper.step(SweepSample(sweep, T_BASE_LIDAR)))
        return self.results[-1]

    def cell(self, x, y):
        grid = self.mapper.grid(0)
        column, row = np.floor((np.array([x, y]) - grid.origin[:2]) / grid.resolution).astype(int)
        return grid.cells[row, column]


def test_a_room_is_mapped_while_driving():
    drive = Drive()
    for n in range(12):
        drive.sweep(at(0.05 * n, 0.0, 0.03 * n))
    assert min(drive.cell(x, y) for x, y in ((4.02, 0), (-3.92, 1), (0, 3.02), (1, -2.92))) >= 65
    assert max(drive.cell(x, y) for x, y in ((0, 0), (3, 1), (-2, -2), (0.5, 2.5))) <= 25
    assert drive.cell(1.52, -1.2) >= 65  # a box of 0.3 m, which most rays pass above
    assert all(result.is_mapped and not result.notes for result in drive.results)


def test_points_of_a_turning_robot_are_laid_out_by_their_times():
    drive, trail = Drive(), PoseTrail(ahead=0.2)
    rate = 1.5
    for n in range(6):
        start = drive.scene.sweep(n).cloud.stamp_ns
        times = np.linspace(0.0, 0.1, 900, dtype=np.float32)
        for step in range(3):
            late = 0.05 * step
            trail.add(start + round(late * 1e9), at(yaw=rate * (0.1 * n + late)))
        sweep = drive.scene.sweep(n, at() @ T_BASE_LIDAR)
        # What a still sensor at the robot's place sees, as the turning robot has it.
        world = transform(T_BASE_LIDAR, sweep.cloud.points)
        times = np.random.default_rng(n).uniform(0, 0.1, len(world)).astype(np.float32)
        own = np.stack([
            transform(inverse(at(yaw=rate * (0.1 * n + t)) @ T_BASE_LIDAR), p[None])[0]
            for t, p in zip(times, world)
        ])  # fmt: skip
        cloud = replace(sweep.cloud, points=own.astype(np.float32), times=times)
        drive.mapper.add_odometry(odometry(start, at(yaw=rate * 0.1 * n)))
        drive.mapper.step(SweepSample(trail.posed(cloud, T_BASE_LIDAR, "odom"), T_BASE_LIDAR))
    occupied = np.argwhere(drive.mapper.grid(0).cells >= 65) * 0.05
    grid = drive.mapper.grid(0)
    points = occupied[:, ::-1] + grid.origin[:2] + 0.025
    inside = (np.abs(points[:, 0]) < 3.8) & (np.abs(points[:, 1]) < 2.8)
    is_box = (np.abs(points[:, 0] - 1.75) < 0.35) & (np.abs(points[:, 1] + 1.25) < 0.35)
    assert (inside & ~is_box).sum() == 0


def test_people_who_are_tracked_are_not_mapped_and_others_are():
    told, hidden = (2.0, 1.5), (-2.0, 1.5)
    drive = Drive()
    for _ in range(10):
        drive.sweep(people=[told, hidden], tracks=[told])
    assert drive.cell(told[0] - 0.17, told[1] - 0.1) < 65
    assert drive.cell(hidden[0] + 0.17, hidden[1] - 0.1) >= 65
    for _ in range(20):
        drive.sweep()
    assert drive.cell(hidden[0] + 0.17, hidden[1] - 0.1) <= 25  # seen free later


def test_tracks_that_are_old_are_not_used():
    drive = Drive(people_timeout=0.2)
    person = (2.0, 1.5)
    drive.sweep(people=[person], tracks=[person])
    tracks = drive.mapper._people
    for _ in range(8):
        drive.sweep(people=[person])
        drive.mapper._people = tracks
    assert drive.cell(person[0] - 0.17, person[1] - 0.1) >= 65


def test_a_map_is_told_at_its_rate_and_only_when_it_changed():
    drive = Drive(publish_rate=2.0, hit=0.9, miss=0.1)
    drive.scene = Scene(boxes=WALLS, seed=3)
    for _ in range(60):
        drive.sweep()
    told = [result.stamp_ns for result in drive.results if result.grid]
    assert len(told) >= 2
    assert min(np.diff(told)) >= 5 * SWEEP
    assert drive.results[0].grid is not None


def test_a_lost_odometry_pauses_mapping_and_says_so():
    drive = Drive()
    assert (
        "no odometry has come yet"
        in drive.mapper.step(SweepSample(drive.scene.sweep(0), T_BASE_LIDAR)).notes[0]
    )
    drive.sweep()
    before = drive.mapper.grid(0).cells
    result = drive.sweep(status=Status.LOST)
    assert not result.is_mapped
    assert result.notes == ("mapping pauses: the odometry is lost: no reason",)
    np.testing.assert_array_equal(drive.mapper.grid(0).cells, before)
    assert drive.sweep().is_mapped


def test_a_jump_begins_a_new_map_after_a_pause():
    drive = Drive()
    for _ in range(5):
        drive.sweep()
    result = drive.sweep(believed=at(1.5, 0.0))
    assert "jumped 1.50 m" in result.notes[0] and not result.is_mapped
    for _ in range(12):
        drive.sweep(believed=at(1.5, 0.0))
    assert drive.results[-1].is_mapped
    assert drive.cell(5.52, 0.0) >= 65
    assert drive.cell(4.02, 0.0) <= 25


def test_sweeps_that_contradict_the_map_begin_a_new_one():
    """The odometry does not notice that the robot was carried."""
    drive = Drive()
    for _ in range(15):
        drive.sweep()
    for _ in range(15):
        drive.sweep(at(1.5, 1.0, 0.7), believed=at())
    notes = [note for result in drive.results for note in result.notes]
    assert len(notes) == 1 and "the odometry must have been wrong" in notes[0]
    assert all(result.grid is None or result.grid.cells.size for result in drive.results)


def test_a_crowd_does_not_pass_for_a_wrong_odometry():
    drive, rng = Drive(), np.random.default_rng(0)
    for _ in range(40):
        people = rng.uniform((-3, -2), (3, 2), (10, 2))
        drive.sweep(people=[p for p in people if np.hypot(*p) > 0.8])
    assert not [note for result in drive.results for note in result.notes]


@pytest.mark.parametrize("points", [np.zeros((0, 3)), np.zeros((1, 3)), np.full((5, 3), 7.0)])
def test_odd_clouds_are_survived(points):
    drive = Drive()
    drive.sweep()
    sweep = drive.scene.sweep(1)
    cloud = replace(sweep.cloud, points=points.astype(np.float32))
    result = drive.mapper.step(SweepSample(replace(sweep, cloud=cloud), T_BASE_LIDAR))
    assert result.is_mapped
    assert np.isfinite(drive.mapper.grid(0).cells).all()


def test_the_first_cloud_may_be_empty():
    mapper = Mapper()
    mapper.add_odometry(odometry(1, at()))
    sweep = Scene().sweep()
    cloud = replace(sweep.cloud, points=np.zeros((0, 3), np.float32))
    result = mapper.step(SweepSample(replace(sweep, cloud=cloud), T_BASE_LIDAR))
    assert result.grid is None or result.grid.cells.size
