"""The example follower keeps to its path, stops where it must, and gives way to people."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.samples import GridSample, PredictionSample, TrackSample, VelocityCommand
from equi_nodes.sim.follower import BODY_RADIUS, Follower

PERIOD, LAG = 0.05, 0.2
CONFIG = PathFollowerConfig()
STRAIGHT = [(0, 0), (6, 0)]
PATHS = {
    "straight": STRAIGHT,
    "corner": [(0, 0), (3, 0), (3, 3)],
    "zigzag": [(0, 0), (2, 0), (2, 1), (4, 1), (4, 0), (6, 0)],
    "hairpin": [(0, 0), (3, 0), (3, 0.6), (0, 0.6)],
    "bow": [(2 * np.sin(a), 2 - 2 * np.cos(a)) for a in np.linspace(0, 4, 60)],
}


class Unicycle:
    """A robot whose speeds follow the commands with a lag and limits."""

    def __init__(self, yaw=0.0):
        self.pose, self.command, self.speeds = np.array([0.0, 0.0, yaw]), np.zeros(2), np.zeros(2)
        self.trace = [self.pose]

    def drive(self, command: VelocityCommand):
        wanted = np.array([command.speed, command.yaw_rate])
        change = (wanted - self.speeds) * PERIOD / LAG
        most = np.array([1.0, 3.0]) * PERIOD
        self.speeds = self.speeds + np.clip(change, -most, most)
        speed, rate = self.speeds
        middle = self.pose[2] + rate * PERIOD / 2
        self.pose = self.pose + PERIOD * np.array(
            [speed * np.cos(middle), speed * np.sin(middle), rate]
        )
        self.trace.append(self.pose)


def poses(corners, spacing=0.1):
    """Return a path through corners with a pose each tenth of a metre."""
    corners = np.array(corners, float)
    gone = np.append(0.0, np.cumsum(np.linalg.norm(np.diff(corners, axis=0), axis=1)))
    at = np.unique(np.append(np.arange(0, gone[-1], spacing), gone))
    points = np.stack([np.interp(at, gone, column) for column in corners.T], 1)
    steps = np.diff(points, axis=0, append=2 * points[-1:] - points[-2:-1])
    return np.column_stack([points, np.arctan2(steps[:, 1], steps[:, 0])])


def away(points, path):
    """Return how far points are from a path."""
    dense = poses(path[:, :2], 0.01)[:, :2]
    return np.array([np.linalg.norm(dense - point, axis=1).min() for point in points])


def run(follower, robot, path, seconds=60.0, people=lambda t: (), grid=None):
    """Drive until the follower says that it arrived; people are one sample or several."""
    for number in range(round(seconds / PERIOD)):
        told = people(number * PERIOD)
        told = told if isinstance(told, tuple) else (told,)
        command = follower.step(robot.pose, robot.speeds[0], path, told, grid)
        robot.drive(command)
        if follower.state == "arrived" and abs(robot.speeds).max() < 0.02:
            return number * PERIOD
    return None


@pytest.mark.parametrize("name", PATHS)
def test_it_keeps_to_the_path_and_arrives(name):
    follower, robot, path = Follower(), Unicycle(), poses(PATHS[name])
    assert run(follower, robot, path) is not None
    trace = np.array(robot.trace)
    assert away(trace[:, :2], path).max() < 0.1
    assert np.hypot(*(trace[-1, :2] - path[-1, :2])) < 0.2
    assert abs(np.angle(np.exp(1j * (trace[-1, 2] - path[-1, 2])))) < 0.25


def test_a_straight_way_takes_hardly_longer_than_at_full_speed():
    seconds = run(Follower(), Unicycle(), poses(STRAIGHT))
    assert seconds < 6 / CONFIG.speed + 4.0


def test_it_turns_on_the_spot_when_the_path_starts_behind():
    follower, robot = Follower(), Unicycle(yaw=2.5)
    assert run(follower, robot, poses(STRAIGHT)) is not None
    trace = np.array(robot.trace)
    turned = np.flatnonzero(abs(trace[:, 2]) < 0.5)[0]
    assert np.abs(trace[:turned, :2]).max() < 0.05


def test_commands_stay_within_the_limits():
    follower, robot, path = Follower(), Unicycle(), poses(PATHS["zigzag"])
    given = [follower.step(robot.pose, 0.0, path)]
    for _ in range(300):
        given.append(follower.step(robot.pose, robot.speeds[0], path))
        robot.drive(given[-1])
    numbers = np.array([(c.speed, c.yaw_rate) for c in given])
    assert numbers[:, 0].max() <= CONFIG.speed and numbers[:, 0].min() >= 0.0
    assert np.abs(numbers[:, 1]).max() <= CONFIG.yaw_rate + 1e-9
    changes = np.abs(np.diff(numbers, axis=0)) / PERIOD
    assert changes[:, 1].max() <= CONFIG.yaw_acceleration + 1e-6


def test_without_a_path_it_brakes():
    follower, robot, path = Follower(), Unicycle(), poses(STRAIGHT)
    for _ in range(40):
        robot.drive(follower.step(robot.pose, robot.speeds[0], path))
    for _ in range(40):
        robot.drive(follower.step(robot.pose, robot.speeds[0], np.zeros((0, 3))))
    assert follower.state == "stopped"
    assert abs(robot.speeds[0]) < 0.01


# Obstacles


def room(walls=(), unknown=()):
    """Return a map of 8 m x 4 m around the straight path; boxes are x0, y0, x1, y1."""
    cells = np.zeros((80, 160), np.int8)
    for boxes, value in ((walls, 100), (unknown, -1)):
        for x0, y0, x1, y1 in boxes:
            column, row = (np.array([(x0, x1), (y0, y1)]) + [[1.0], [2.0]]) / 0.05
            cells[slice(*row.round().astype(int)), slice(*column.round().astype(int))] = value
    return GridSample(0, "odom", 0.05, np.array([-1.0, -2.0, 0.0]), cells)


def test_it_stops_before_an_obstacle_on_its_path():
    follower, robot = Follower(), Unicycle()
    grid = room(walls=[(3.0, -0.5, 3.2, 0.5)])
    assert run(follower, robot, poses(STRAIGHT), 15.0, grid=grid) is None
    assert follower.state == "blocked"
    assert 2.2 < robot.pose[0] <= 3.0 - CONFIG.robot_radius + 0.02


def test_it_is_slower_between_walls():
    free, narrow = Unicycle(), Unicycle()
    walls = [(-1, 0.35, 7, 0.45), (-1, -0.45, 7, -0.35)]
    for robot, grid in ((free, room()), (narrow, room(walls))):
        run(Follower(), robot, poses(STRAIGHT), 5.0, grid=grid)
    assert narrow.pose[0] < 0.8 * free.pose[0]
    assert narrow.pose[0] > 1.0


# People


def walker(start, velocity, since=0.0):
    """Return a function of the people at a time: one who walks straight on."""

    def people(seconds):
        place = np.add(start, np.multiply(velocity, max(seconds - since, 0.0)))
        moving = velocity if seconds >= since else (0.0, 0.0)
        return TrackSample(
            round(seconds * 1e9), "odom", np.array([1]), np.array([[*place, 0.0]]),
            np.array([[*moving, 0.0]]), np.zeros((1, 3, 3)),
        )  # fmt: skip

    return people


def nearest(robot, people):
    """Return the least distance between the middles of the robot and a person."""
    trace = np.array(robot.trace)[:, :2]
    them = np.array([people(n * PERIOD).positions[0, :2] for n in range(len(trace))])
    return np.linalg.norm(trace - them, axis=1).min()


CONTACT = CONFIG.robot_radius + BODY_RADIUS


def test_it_stops_before_a_person_on_its_path_and_resumes():
    follower, robot = Follower(), Unicycle()
    people = walker((3.0, 0.0), (0.0, 0.8), since=10.0)
    assert run(follower, robot, poses(STRAIGHT), people=people) is not None
    assert nearest(robot, people) > CONTACT + 0.05
    assert max(np.array(robot.trace)[:190, 0]) < 3.0


def test_it_stops_before_a_person_that_steps_in():
    follower, robot = Follower(), Unicycle()
    people = walker((2.8, 0.7), (0.0, -0.7), since=3.0)  # when it is about 1 m away
    run(follower, robot, poses(STRAIGHT), 8.0, people=lambda t: people(min(t, 4.0)))
    assert nearest(robot, lambda t: people(min(t, 4.0))) > CONTACT
    assert follower.state in ("yielding", "backing off")


def test_it_gives_way_to_who_crosses_and_goes_on():
    follower, robot = Follower(), Unicycle()
    people = walker((3.0, -4.0), (0.0, 1.0))
    seconds = run(follower, robot, poses(STRAIGHT), people=people)
    assert seconds is not None and seconds < 20.0
    assert nearest(robot, people) > CONTACT + 0.1


def test_predictions_are_understood_as_tracks_are():
    steps = np.arange(1, 13)[:, None] * 0.4 * np.array([0.0, 1.0])

    def predicted(seconds):
        place = np.array([3.0, -4.0 + seconds])
        modes = np.stack([place + steps, place + steps[:, ::-1]])[None]
        return PredictionSample(
            round(seconds * 1e9), "odom", 400_000_000, np.array([1]),
            np.array([[*place, 0.0]]), np.array([8]), modes, np.array([[0.6, 0.4]]),
            np.zeros((1, 2, 12, 2, 2)), np.zeros((1, 1)),
        )  # fmt: skip

    follower, robot = Follower(), Unicycle()
    assert run(follower, robot, poses(STRAIGHT), people=predicted) is not None
    assert nearest(robot, predicted) > CONTACT + 0.1


def test_who_was_hardly_seen_yet_may_come_faster_than_it_seems():
    known = walker((1.3, 0.0), (0.0, 0.0))(0.0)
    unsure = replace(known, velocity_covariances=np.tile(np.eye(3), (1, 1, 1)))
    speeds = []
    for people in (known, unsure):
        robot = Unicycle()
        run(Follower(), robot, poses(STRAIGHT), 1.2, people=lambda t, told=people: told)
        speeds.append(robot.speeds[0])
    assert speeds[1] < 0.7 * speeds[0]


@pytest.mark.parametrize("others", ["predicted", "tracked"])
def test_who_is_new_and_not_predicted_yet_is_seen_beside_others(others):
    new = walker((3.0, -4.0), (0.0, 1.0))

    def people(seconds):
        far, start = np.array([[30.0, 30.0, 0.0]]), np.full((1, 1, 12, 2), 30.0)
        if others == "tracked":
            other = replace(new(seconds), ids=np.array([7]), positions=far)
        else:
            other = PredictionSample(
                round(seconds * 1e9), "odom", 400_000_000, np.array([7]), far, np.array([8]),
                np.repeat(start, 2, 1), np.array([[0.5, 0.5]]), np.zeros((1, 2, 12, 2, 2)),
                np.zeros((1, 1)),
            )  # fmt: skip
        return other, new(seconds)

    robot = Unicycle()
    assert run(Follower(), robot, poses(STRAIGHT), people=people) is not None
    assert nearest(robot, new) > CONTACT + 0.1


def test_who_walks_ahead_or_beside_does_not_stop_it():
    for people in (walker((1.5, 0.0), (1.0, 0.0)), walker((0.0, 0.9), (0.6, 0.0))):
        assert run(Follower(), Unicycle(), poses(STRAIGHT), 14.0, people=people) is not None


@pytest.mark.parametrize(("unknown", "backs_off"), [((), True), ([(-1, -2, 0.9, 2)], False)])
def test_it_backs_off_only_over_floor_that_it_saw(unknown, backs_off):
    follower, robot = Follower(), Unicycle()
    people = walker((3.0, 0.0), (-0.6, 0.0))
    run(follower, robot, poses(STRAIGHT), 4.6, people=people, grid=room(unknown=unknown))
    lowest = np.diff(np.array(robot.trace)[:, 0]).min() / PERIOD
    assert (lowest < -0.1) == backs_off


def test_it_does_not_back_off_from_who_passes_beside_it():
    robot, people = Unicycle(), walker((2.6, 0.75), (-1.2, -0.12))
    run(Follower(), robot, poses(STRAIGHT), 4.0, people=people, grid=room())
    trace = np.array(robot.trace)[1:]
    there = np.array([people(i * PERIOD).positions[0, :2] for i in range(1, len(trace) + 1)])
    is_behind = (there - trace[:, :2])[:, 0] < 0.0
    assert is_behind.any()
    speeds = np.diff(trace[:, 0]) / PERIOD
    assert speeds[is_behind[1:]].min() > -0.03


def test_it_does_not_back_off_into_somebody_behind():
    def both(seconds):
        coming, behind = walker((3.0, 0.0), (-0.6, 0.0))(seconds), (-0.8, 0.0, 0.0)
        return TrackSample(
            coming.stamp_ns, "odom", np.array([1, 2]), np.vstack([coming.positions, behind]),
            np.vstack([coming.velocities, np.zeros(3)]), np.zeros((2, 3, 3)),
        )  # fmt: skip

    robot = Unicycle()
    run(Follower(), robot, poses([(-0.3, 0.0), (6, 0)]), 4.6, people=both, grid=room())
    trace = np.array(robot.trace)
    assert np.linalg.norm(trace[:, :2] - (-0.8, 0.0), axis=1).min() > CONTACT
