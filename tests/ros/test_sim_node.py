"""Promises of the simulation node: all topics at their rates, time, lock-step, the same again."""

from __future__ import annotations

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, Twist
from lifecycle_msgs.msg import Transition
from nav_msgs.msg import OccupancyGrid, Odometry
from rclpy.qos import QoSProfile
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, Imu, PointCloud2
from tf2_msgs.msg import TFMessage

from equi_nodes.config.graph import read_graph
from equi_nodes.ros import qos
from equi_nodes.ros.clouds import cloud_sample
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.ros.lock_step import stamp_of
from equi_nodes.ros.messages import make
from equi_nodes.ros.process import node_command
from equi_nodes.ros.sensors import StaticTransforms
from equi_nodes.ros.simulation import odometry_message

SIM = node_command(read_graph("sim").node("sim"))
DEEP = QoSProfile(depth=2000)
START_S = 60.0  # importing, building and drawing the first pictures on a busy machine
RATES = {
    "imu": (Imu, 200.0), "wheel_odometry": (Odometry, 20.0), "points": (PointCloud2, 10.0),
    "left/image_raw": (Image, 10.0), "right/image_raw": (Image, 10.0),
    "left/camera_info": (CameraInfo, 10.0), "ground_truth/odometry": (Odometry, 20.0),
}  # fmt: skip


START = np.zeros(2)  # where the robot of the shared world was when it got its first goal


class World:
    """A simulation under way and all that it says."""

    def __init__(self, start, peer, **parameters):
        self.process = start(SIM, use_sim_time=True, **parameters)
        self.peer = peer
        self.heard = {topic: [] for topic in RATES}
        self.clock, self.goals, self.maps, self.tree = [], [], [], StaticTransforms()
        for topic, (kind, _) in RATES.items():
            peer.create_subscription(
                kind, topic, self.heard[topic].append, qos.IMU, raw=kind is not CameraInfo
            )
        peer.create_subscription(
            Clock, "/clock", lambda msg: self.clock.append(stamp_ns(msg.clock)), DEEP
        )
        peer.create_subscription(TFMessage, "/tf_static", self.tree.add, qos.STATIC_TRANSFORMS)
        peer.create_subscription(PoseStamped, "goal_pose", self.goals.append, 10)
        peer.create_subscription(OccupancyGrid, "ground_truth/map", self.maps.append, qos.LATCHED)
        self.commands = peer.create_publisher(Twist, "cmd_vel", 10)
        self.odometry = peer.create_publisher(Odometry, "odom", 10)

    def until_seconds(self, seconds):
        """Wait until so much simulated time is over."""
        self.peer.until(
            lambda: self.clock and self.clock[-1] - self.clock[0] >= 1e9 * seconds,
            f"{seconds} s of simulated time", START_S,
        )  # fmt: skip

    def stamps(self, topic):
        messages = self.heard[topic]
        return [m if isinstance(m, int) else stamp_of(m) for m in messages]

    def place(self):
        """Return x and y of the newest true pose."""
        from rclpy.serialization import deserialize_message

        pose = deserialize_message(self.heard["ground_truth/odometry"][-1], Odometry).pose.pose
        return np.array([pose.position.x, pose.position.y])

    def say_odometry(self):
        """Answer the newest frame as an odometry would that sees the origin; return its stamp."""
        stamp = self.stamps("left/image_raw")[-1]
        message = odometry_message(stamp, "odom", np.eye(4), np.zeros(6), np.eye(6), make)
        self.odometry.publish(message)
        return stamp


def test_the_world_waits_for_answers_but_not_for_ever(start, peer_of):
    world = World(
        start, peer_of("sim"), real_time_factor=0.0, lock_step=True, lock_step_topics="odom:0.08",
        lock_step_limit=1.0,
    )  # fmt: skip
    peer = world.peer
    world.until_seconds(0.3)  # nobody has answered yet: each step gives them some time
    peer.until(lambda: world.odometry.get_subscription_count() > 0, "the answers are heard")
    for _ in range(5):
        answered = world.say_odometry()
        peer.until(lambda stamp=answered: world.clock[-1] > stamp, "it goes on")
        peer.spin(0.3)
        assert world.clock[-1] - answered <= 200_000_000
    peer.until(lambda: world.clock[-1] > answered + 1_000_000_000, "it goes on without answers")
    peer.until(lambda: peer.value("time", "late./odom") == "1", "one answer was too late")


def test_the_same_seed_gives_the_same_readings(start, peer_of):
    runs = []
    for _ in range(2):
        world = World(start, peer_of("sim"), real_time_factor=0.0, seed=3, mission=False)
        world.until_seconds(3.0)  # what is said before the topics are matched is not heard
        world.process.end()
        runs.append(
            {
                (topic, stamp_of(data)): bytes(data)
                for topic in ("imu", "points", "left/image_raw")
                for data in world.heard[topic]
            }
        )
    common = set(runs[0]) & set(runs[1])
    assert len(common) > 100
    assert {topic for topic, _ in common} == {"imu", "points", "left/image_raw"}
    assert all(runs[0][key] == runs[1][key] for key in common)


def test_a_scenario_that_does_not_exist_is_named_with_those_that_do(start, peer_of):
    start(SIM, scenario="moon")
    peer_of("sim").until_says("pipeline", "take one of office", level=2)


@pytest.fixture(scope="module")
def world(shared_start, shared_peer_of):
    """A simulation that waits to be started, then runs as fast as it can."""
    return World(shared_start, shared_peer_of("sim"), autostart=False, real_time_factor=0.0)


def test_before_time_runs_the_calibration_and_the_building_are_known(world):
    peer = world.peer
    assert peer.change(Transition.TRANSITION_CONFIGURE)
    peer.until(lambda: peer.value("state", "state") == "inactive", "the world is built", START_S)
    peer.until(lambda: world.heard["left/camera_info"] and world.maps, "calibration and map")
    info = world.heard["left/camera_info"][0]
    assert (info.width, info.height) == (376, 240)
    T = world.tree.find("base_link", info.header.frame_id)
    assert np.allclose(T[:3, 2], [1.0, 0.0, 0.0])  # the camera looks ahead
    assert world.tree.find("base_link", "lidar") is not None
    assert world.tree.find("base_link", "imu_link") is not None
    assert {-1, 0, 100} >= set(world.maps[0].data) >= {0, 100}
    assert not world.clock


def test_topics_come_at_their_rates(world):
    assert world.peer.change(Transition.TRANSITION_ACTIVATE)
    world.heard["left/camera_info"].clear()
    world.until_seconds(3.0)
    for topic, (kind, rate) in RATES.items():
        messages = world.heard[topic]
        stamps = [stamp_ns(m.header.stamp) for m in messages] if kind is CameraInfo else None
        steps = np.diff(stamps or world.stamps(topic)) / 1e9
        assert len(steps) > 0.9 * 2.5 * rate, topic
        assert np.median(steps) == pytest.approx(1.0 / rate), topic
    assert set(np.diff(world.clock)) == {50_000_000}


def test_a_sweep_has_rings_times_and_intensities(world):
    from rclpy.serialization import deserialize_message

    message = deserialize_message(world.heard["points"][-1], PointCloud2)
    assert message.header.frame_id == "lidar"
    names = [field.name for field in message.fields]
    assert names == ["x", "y", "z", "intensity", "ring", "time"]
    sweep = cloud_sample(message)
    assert len(sweep.points) > 5000
    assert 0.0 <= sweep.times.min() < 0.01 and 0.09 < sweep.times.max() < 0.1
    ring = np.frombuffer(message.data, np.uint8).reshape(-1, message.point_step)[:, 16:18]
    assert set(ring.copy().view(np.uint16).ravel()) == set(range(16))


def test_odometry_brings_the_first_goal(world):
    assert not world.goals
    START[:] = world.place()
    world.say_odometry()
    world.peer.until(lambda: world.goals, "a goal")
    assert world.goals[0].header.frame_id == "odom"
    assert np.hypot(world.goals[0].pose.position.x, world.goals[0].pose.position.y) > 1.0


def test_a_command_drives_the_robot_and_is_soon_forgotten(world):
    before = world.place()

    def moved():
        world.commands.publish(Twist(linear=make("geometry_msgs/msg/Vector3", x=0.4, y=0.0, z=0.0)))
        return np.hypot(*(world.place() - before)) > 0.05

    world.peer.until(moved, "the robot moves")
    clock = world.clock[-1]
    world.peer.until(lambda: world.clock[-1] > clock + 2e9, "the command is old", START_S)
    here = world.place()
    world.peer.until(lambda: world.clock[-1] > clock + 3e9, "another second", START_S)
    assert np.hypot(*(world.place() - here)) < 1e-3


def test_an_odometry_that_begins_anew_is_told_the_goal_in_its_frame(world):
    first = world.goals[0].pose.position
    seen = len(world.goals)
    world.say_odometry()  # it sees the origin where the robot has come to
    world.peer.until(lambda: len(world.goals) > seen, "the goal once more")
    newest = world.goals[-1].pose.position
    driven = np.hypot(*(world.place() - START))
    assert (newest.x, newest.y) == pytest.approx((first.x - driven, first.y), abs=0.02)


def test_time_stops_and_goes_on(world):
    peer = world.peer
    assert peer.change(Transition.TRANSITION_DEACTIVATE)
    peer.spin(0.5)
    stopped = world.clock[-1]
    peer.spin(0.5)
    assert world.clock[-1] == stopped
    assert peer.change(Transition.TRANSITION_ACTIVATE)
    peer.until(lambda: world.clock[-1] > stopped, "time goes on")
