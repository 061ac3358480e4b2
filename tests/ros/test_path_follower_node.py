"""Promises of the example follower as a node: it drives, and stops when what it needs is old."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from geometry_msgs.msg import Twist
from lifecycle_msgs.msg import Transition
from nav_msgs.msg import Odometry, Path
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage

from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.ros import qos
from equi_nodes.ros.clouds import cloud_message
from equi_nodes.ros.convert import header, track_array
from equi_nodes.ros.messages import make
from equi_nodes.ros.odometry import pose, transforms
from equi_nodes.ros.planning import plan_path
from equi_nodes.samples import PlanCode, PlanSample, TrackSample

FOLLOWER = [sys.executable, "-m", "equi_nodes.nodes.path_follower"]
PERIOD = 0.05


class Robot:
    """A robot that does what the node commands, and says where it is."""

    def __init__(self, peer):
        self.peer, name = peer, peer.target
        self.wall_at = None  # m along x
        self.commands, self.pose, self.speed = [], np.zeros(3), (0.0, 0.0)
        self.people, self.has_odometry, self.path = None, True, [(0.0, 0.0), (2.0, 0.0)]
        self.odometry = peer.create_publisher(Odometry, f"{name}/input/odometry", qos.RESULT)
        self.paths = peer.create_publisher(Path, f"{name}/input/path", qos.RESULT)
        self.points = peer.create_publisher(PointCloud2, f"{name}/input/points", qos.RESULT)
        self.static = peer.create_publisher(TFMessage, "/tf_static", qos.STATIC_TRANSFORMS)
        peer.create_subscription(Twist, f"{name}/output/cmd_vel", self.commands.append, qos.RESULT)

    def go_on(self):
        """Live for one period."""
        if self.commands:
            self.speed = self.commands[-1].linear.x, self.commands[-1].angular.z
        yaw = self.pose[2] + 0.5 * PERIOD * self.speed[1]
        step = np.array([np.cos(yaw), np.sin(yaw), 0.0]) * self.speed[0] * PERIOD
        self.pose = self.pose + step + (0.0, 0.0, self.speed[1] * PERIOD)
        now = self.peer.now_ns()
        if self.has_odometry:
            self.odometry.publish(self.odometry_message(now))
        if self.path is not None:
            self.paths.publish(self.path_message(now))
        if self.wall_at is not None:
            self.points.publish(cloud_message(now, "lidar", self.wall(), make))
        if self.people is not None:
            ids = np.arange(len(self.people))
            sample = TrackSample.of_positions(now, "odom", ids, self.people)
            self.peer.tracks.publish(track_array(sample, make))
        self.peer.spin(PERIOD)

    def mount(self):
        """Tell where the LiDAR sits."""
        T_base_lidar = rigid(np.eye(3), np.array([0.0, 0.0, 0.6]))
        self.static.publish(
            transforms(self.peer.now_ns(), [("base_link", "lidar", T_base_lidar)], make)
        )

    def wall(self):
        """Return what the LiDAR sees of a wall across the way."""
        side = np.linspace(-1.0, 1.0, 200)
        ahead = self.wall_at - self.pose[0] + 0.01 * np.random.default_rng().normal(size=200)
        return np.column_stack([ahead, side, np.zeros(200)])

    def odometry_message(self, now):
        msg = Odometry(header=header(now, "odom", make), child_frame_id="base_link")
        x, y, yaw = self.pose
        msg.pose.pose = pose(rigid(exp_so3(np.array([0, 0, yaw])), np.array([x, y, 0.0])), make)
        msg.twist.twist.linear.x, msg.twist.twist.angular.z = self.speed
        return msg

    def path_message(self, now, frame="odom"):
        poses = np.array([(*corner, 0.0) for corner in self.path]).reshape(-1, 3)
        return plan_path(PlanSample(now, frame, PlanCode.NONE, poses=poses), make)

    def until(self, condition, what):
        self.peer.until(lambda: self.go_on() or condition(), what)

    def until_told(self, text):
        """Live until the newest report on following has a text."""
        self.until(lambda: text in self.peer.last().get("following", ""), text)

    def until_says(self, text, subject="following"):
        self.peer.heard = len(self.peer.diagnostics)
        self.peer.until_says(subject, text, again=self.go_on)


@pytest.fixture
def robot(start, peer_of):
    """Start the node and a robot that obeys it."""
    node = start(FOLLOWER, log_period=0.0, people_timeout=0.5, plan_timeout=1.0)
    robot = Robot(peer_of("path_follower"))
    robot.peer.until_state("active")
    robot.peer.until(lambda: robot.paths.get_subscription_count() > 0, "path connected")
    robot.node = node
    return robot


def test_it_drives_to_the_end_of_the_path_and_tells_its_state(robot):
    robot.until(lambda: robot.pose[0] > 0.5, "it drives")
    robot.until_says("driving")
    robot.until(lambda: abs(robot.pose[0] - 2.0) < 0.2 and robot.speed[0] == 0.0, "it arrives")
    robot.until_says("arrived")
    assert abs(robot.pose[1]) < 0.05
    assert max(command.linear.x for command in robot.commands) <= 0.7


@pytest.mark.parametrize(
    ("break_it", "text"),
    [
        (lambda robot: setattr(robot, "has_odometry", False), "the odometry is "),
        (lambda robot: setattr(robot, "path", []), "there is no path"),
        (lambda robot: setattr(robot, "path", None), "the path is "),
        (lambda robot: setattr(robot, "people", None), "nobody tells of the people any more"),
    ],
)
def test_it_stops_when_what_it_needs_is_missing_and_goes_on(robot, break_it, text):
    robot.path, robot.people = [(0.0, 0.0), (50.0, 0.0)], [(0.0, 30.0)]
    robot.until(lambda: robot.speed[0] > 0.3, "it drives")
    break_it(robot)
    robot.until(lambda: robot.commands[-1].linear.x == 0.0, "it stands")
    robot.peer.until(lambda: robot.go_on() or text in robot.peer.last()["following"], text)
    robot.has_odometry, robot.path, robot.people = True, [(0.0, 0.0), (60.0, 0.0)], [(0.0, 30.0)]
    robot.until(lambda: robot.speed[0] > 0.3, "it drives again")


def test_it_stops_before_people_and_when_it_is_deactivated(robot):
    robot.path, robot.people = [(0.0, 0.0), (50.0, 0.0)], [(2.5, 0.0)]
    robot.until(lambda: robot.speed[0] > 0.3, "it drives")
    robot.until(lambda: abs(robot.commands[-1].linear.x) < 0.01, "it stands")
    assert 0.5 < robot.pose[0] < 2.5 - 0.42
    robot.people = [(0.0, 30.0)]
    robot.until(lambda: robot.speed[0] > 0.3, "it drives on")
    assert robot.peer.change(Transition.TRANSITION_DEACTIVATE)
    robot.peer.until(lambda: robot.commands[-1].linear.x == 0.0, "its last word is to stand")
    assert robot.node.end()[0] == 0


def test_bad_messages_are_named(robot):
    now = robot.peer.now_ns
    robot.path = [(0.0, float("nan")), (1.0, 0.0)]
    robot.until_says("not a finite number", "input path")
    robot.path = None
    robot.peer.heard = len(robot.peer.diagnostics)
    other = [(0.0, 0.0), (1.0, 0.0)]

    def framed():
        robot.path = other
        robot.paths.publish(robot.path_message(now(), "map"))
        robot.path = None
        robot.peer.spin(PERIOD)

    robot.peer.until_says("input path", "frame_id is 'map', expected 'odom'", again=framed)
    assert all(np.isfinite([c.linear.x, c.angular.z]).all() for c in robot.commands)


def test_it_stops_before_a_wall_that_only_the_lidar_knows_of(robot):
    robot.path, robot.wall_at = [(0.0, 0.0), (50.0, 0.0)], 3.0
    robot.until_told("tf_static does not join base_link and lidar")
    robot.wall_at = robot.pose[0] + 3.0
    robot.mount()
    robot.until(lambda: robot.pose[0] > robot.wall_at - 2.0, "it drives")
    robot.until_told("blocked")
    assert robot.wall_at - 0.7 < robot.pose[0] < robot.wall_at - 0.22
    wall, robot.wall_at = robot.wall_at, None
    robot.until_told("the newest sweep is ")
    robot.wall_at = wall + 30.0
    robot.until(lambda: robot.speed[0] > 0.3, "it drives on")
