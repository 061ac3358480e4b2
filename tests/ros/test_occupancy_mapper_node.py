"""Promises of the mapping node: what it maps, what it leaves out, and what it says is wrong."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from lidar_scene import HEIGHT, Scene
from nav_msgs.msg import OccupancyGrid, Odometry
from sensor_msgs.msg import LaserScan, PointCloud2
from tf2_msgs.msg import TFMessage

from equi_nodes.geometry.rotations import rigid
from equi_nodes.ros import qos
from equi_nodes.ros.clouds import cloud_message
from equi_nodes.ros.convert import header, track_array
from equi_nodes.ros.messages import make
from equi_nodes.ros.odometry import pose, transforms
from equi_nodes.ros.planning import grid_sample
from equi_nodes.samples import TrackSample

MAPPER = [sys.executable, "-m", "equi_nodes.nodes.occupancy_mapper"]
WALLS = [(-4, -3, 4, -2.9, 2.5), (-4, 3, 4, 3.1, 2.5), (-4, -3, -3.9, 3, 2.5), (4, -3, 4.1, 3, 2.5)]
PERSON = (2.0, 1.0)
T_BASE_LIDAR = rigid(np.eye(3), np.array([0.0, 0.0, HEIGHT]))
CLOUD = Scene(boxes=WALLS, people=[PERSON]).sweep().cloud.points


class Robot:
    """Publishes what a robot in a room publishes, to one node, and hears its maps."""

    def __init__(self, peer):
        self.peer, name = peer, peer.target
        self.maps = []
        self.place, self.cloud, self.people = np.zeros(2), CLOUD, [PERSON]
        self.has_odometry = True
        self.points = peer.create_publisher(PointCloud2, f"{name}/input/points", qos.RESULT)
        self.scans = peer.create_publisher(LaserScan, f"{name}/input/scan", qos.RESULT)
        self.odometry = peer.create_publisher(Odometry, f"{name}/input/odometry", qos.RESULT)
        self.static = peer.create_publisher(TFMessage, "/tf_static", qos.STATIC_TRANSFORMS)
        peer.create_subscription(
            OccupancyGrid, f"{name}/output/map", lambda msg: self.maps.append(grid_sample(msg)),
            qos.LATCHED,
        )  # fmt: skip

    def mount(self):
        """Say where the sensor sits."""
        items = [("base_link", "lidar", T_BASE_LIDAR)]
        self.static.publish(transforms(self.peer.now_ns(), items, make))

    def send_odometry(self):
        """Publish where the robot is."""
        self.odometry.publish(self.odometry_message())

    def odometry_message(self):
        msg = Odometry(header=header(self.peer.now_ns(), "odom", make), child_frame_id="base_link")
        msg.pose.pose = pose(rigid(np.eye(3), np.array([*self.place, 0.0])), make)
        return msg

    def sweep(self):
        """Publish one sweep, with odometry before and after it, and the people."""
        if self.has_odometry:
            self.send_odometry()
        now = self.peer.now_ns()
        ids = np.arange(len(self.people))
        tracks = TrackSample.of_positions(now, "odom", ids, self.people)
        self.peer.tracks.publish(track_array(tracks, make))
        self.points.publish(cloud_message(now, "lidar", self.cloud, make))
        self.peer.spin(0.05)
        if self.has_odometry:
            self.send_odometry()
        self.peer.spin(0.05)

    def until_maps(self, limit=60):
        """Sweep until a new map comes; return it."""
        before = len(self.maps)
        for _ in range(limit):
            self.sweep()
            if len(self.maps) > before:
                return self.maps[-1]
        raise AssertionError(f"no map; {self.peer.last()}")

    def until_says(self, subject, text, again):
        """Repeat what is wrong until the node says so."""
        self.peer.heard = len(self.peer.diagnostics)
        self.peer.until_says(subject, text, again=again)


def at(grid, x, y):
    """Return the cell at a place, unknown outside of the map."""
    column, row = np.floor((np.array([x, y]) - grid.origin[:2]) / grid.resolution).astype(int)
    rows, columns = grid.cells.shape
    return grid.cells[row, column] if 0 <= row < rows and 0 <= column < columns else -1


@pytest.fixture(scope="module")
def robot(shared_start, shared_peer_of):
    """Start one node for all faults: each has to leave it healthy for the next."""
    shared_start(MAPPER, log_period=0.0, publish_rate=10.0)
    robot = Robot(shared_peer_of("occupancy_mapper"))
    robot.peer.until_state("active")
    robot.mount()
    robot.peer.until(lambda: robot.points.get_subscription_count() > 0, "points connected")
    return robot


@pytest.fixture(autouse=True)
def healthy_after(request):
    """See the shared node map after each fault."""
    yield
    if "robot" in request.fixturenames:
        robot = request.getfixturevalue("robot")
        robot.cloud, robot.people, robot.has_odometry = CLOUD, [PERSON], True
        for _ in range(8):  # what a jump or a silence leaves behind has passed
            robot.sweep()
        robot.peer.until(
            lambda: robot.sweep() or robot.peer.value("mapping", "is_mapped") == "True", "it maps"
        )


def test_walls_are_mapped_people_are_not_and_late_readers_learn_it(robot):
    robot.peer.until(
        lambda: robot.sweep() or (robot.maps and at(robot.maps[-1], 1.0, 0.0) <= 25), "it is free"
    )
    grid = robot.maps[-1]
    assert (grid.frame_id, grid.resolution) == ("odom", pytest.approx(0.05))
    for x, y in ((4.0, 0.02), (-3.92, 0.02), (0.02, 3.02), (0.02, -2.92)):
        assert at(grid, x, y) >= 65
    assert at(grid, 0.02, 0.02) <= 25
    assert at(grid, PERSON[0] - 0.2, PERSON[1]) < 65
    np.testing.assert_allclose(grid.origin[:2] / 0.05, np.round(grid.origin[:2] / 0.05), atol=1e-6)
    late = Robot(robot.peer)
    robot.peer.until(lambda: late.maps, "a late reader gets the map")


def test_a_map_that_did_not_change_is_not_told_again(robot):
    robot.peer.until(lambda: robot.sweep() or at(robot.maps[-1], 4.0, 0.02) == 97, "all is sure")
    for _ in range(60):
        robot.sweep()
    before = len(robot.maps)
    for _ in range(20):
        robot.sweep()
    assert len(robot.maps) - before <= 2  # noise of the sensor is in no sweep of this test


def test_silent_odometry_is_named_and_nothing_is_mapped(robot):
    robot.has_odometry = False
    robot.until_says("mapping", "no odometry of the time of the sweep has come", robot.sweep)
    robot.until_says("input odometry", "no usable message for", robot.sweep)


def test_a_jump_begins_a_new_map_and_is_named(robot):
    def jump():
        for _ in range(3):
            robot.sweep()
        robot.place = robot.place + (1.5, 0.0)
        robot.sweep()

    robot.until_says("pipeline", "the odometry jumped 1.50 m", jump)
    place = robot.place
    robot.peer.until(lambda: robot.sweep() or at(robot.maps[-1], place[0] + 4, 0.02) >= 65, "walls")
    assert at(robot.maps[-1], *place) <= 25


def test_bad_messages_are_named(robot):
    def bad(change):
        def send():
            msg = robot.odometry_message()
            change(msg)
            robot.odometry.publish(msg)
            robot.peer.spin(0.05)

        return send

    def nan(msg):
        msg.pose.pose.position.x = float("nan")

    def turned(msg):
        msg.pose.pose.orientation.w = 3.0

    def framed(msg):
        msg.header.frame_id = "map"

    said = {nan: "not a finite number", turned: "orientation has the length", framed: "expected"}
    for change, text in said.items():
        robot.until_says("input odometry", text, bad(change))


def test_bad_clouds_are_named(robot):
    def cloud(points, stamp=None):
        stamp = robot.peer.now_ns() if stamp is None else stamp
        robot.points.publish(cloud_message(stamp, "lidar", points, make))
        robot.peer.spin(0.05)

    empty = np.zeros((0, 3), np.float32)
    robot.until_says("input points", "has no points", lambda: cloud(empty))
    robot.until_says("input points", "stamp is zero", lambda: cloud(CLOUD, 0))
    robot.cloud = np.where(np.arange(len(CLOUD))[:, None] % 2, CLOUD, np.nan)
    robot.peer.until(
        lambda: robot.sweep() or 0 < int(robot.peer.value("mapping", "returns") or 0) < 8000,
        "the points that are numbers are mapped",
    )
    robot.cloud = np.full_like(CLOUD, np.nan)
    robot.sweep()


def test_a_sensor_without_a_place_is_named(start, peer_of):
    start(MAPPER, "-r", "__node:=other", base_frame="chassis", log_period=0.0)
    robot = Robot(peer_of("other"))
    robot.peer.until_state("active")
    robot.mount()
    robot.until_says("mapping", "tf_static does not join chassis", robot.sweep)


def test_a_scan_is_mapped_and_its_open_rays_are_free_for_a_while(start, peer_of):
    start(MAPPER, "-r", "__node:=scanner", source="scan", publish_rate=10.0)
    robot = Robot(peer_of("scanner"))
    robot.peer.until_state("active")
    robot.mount()
    ranges = np.full(360, 2.0, np.float32)
    ranges[:90] = np.inf
    ranges[180:190] = np.nan

    def scan():
        robot.send_odometry()
        msg = LaserScan(header=header(robot.peer.now_ns(), "lidar", make), range_max=12.0)
        msg.angle_increment, msg.range_min = float(np.radians(1.0)), 0.05
        msg.ranges = ranges.tolist()
        robot.scans.publish(msg)
        robot.peer.spin(0.05)
        robot.send_odometry()
        return robot.maps and at(robot.maps[-1], -1.42, 1.42) >= 65

    robot.peer.until(scan, "the round wall is mapped")
    grid = robot.maps[-1]
    assert at(grid, 2.0, 2.0) <= 40  # 2.8 m away: free as far as open_range says
    assert max(grid.cells.shape) * grid.resolution < 6.0
