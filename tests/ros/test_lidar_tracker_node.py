"""Promise of the node that tracks people: it finds them, names every bad cloud, and lives on."""

from __future__ import annotations

import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from equi_msgs.msg import TrackArray
from lidar_scene import HEIGHT, Scene, room
from nav_msgs.msg import Odometry
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import Marker, MarkerArray

from equi_nodes.geometry.rotations import rigid
from equi_nodes.ros import qos
from equi_nodes.ros.clouds import cloud_message, cloud_sample
from equi_nodes.ros.convert import header
from equi_nodes.ros.messages import make
from equi_nodes.ros.odometry import pose, transforms

NODE = [sys.executable, "-m", "equi_nodes.nodes.lidar_tracker"]
SECOND, SWEEP = 1_000_000_000, 100_000_000
MOUNT = rigid(np.eye(3), np.array([0.0, 0.0, HEIGHT]))
SPEED = 1.0  # m/s of the one who walks
LIMIT = 400  # sweeps until something has to happen


class Driver:
    """Publishes what a robot that stands in a room senses: somebody walks to and fro."""

    def __init__(self, peer, target="lidar_tracker"):
        self.peer, self.scene, self.now = peer, Scene(boxes=room()), 0
        self.points = peer.create_publisher(PointCloud2, f"{target}/input/points", qos.RESULT)
        self.odometry = peer.create_publisher(Odometry, f"{target}/input/odometry", qos.RESULT)
        self.static = peer.create_publisher(TFMessage, "/tf_static", qos.STATIC_TRANSFORMS)
        self.tf = peer.create_publisher(TFMessage, "/tf", qos.RESULT)
        self.heard = SimpleNamespace(tracks=[], crops=[], markers=[])
        peer.create_subscription(
            TrackArray, f"{target}/output/tracks", self.heard.tracks.append, qos.RESULT
        )
        self.uses_tf = False

    def mount(self):
        self.static.publish(transforms(SECOND, [("base_link", "lidar", MOUNT)], make))

    def person(self):
        """Return where the person is now."""
        way = SPEED * ((self.now / SECOND) % 8.0)
        return 3.0, (way if way < 4.0 else 8.0 - way) - 2.0

    def cloud(self):
        """Return what the LiDAR sees now."""
        sample = self.scene.sweep(people=[self.person()]).cloud
        return cloud_message(self.now, "lidar", sample.points, make)

    def where(self):
        """Return the odometry of a robot that stands in the origin."""
        covered = make("geometry_msgs/msg/PoseWithCovariance", pose=pose(np.eye(4), make))
        head = header(self.now, "odom", make)
        return make("nav_msgs/msg/Odometry", header=head, child_frame_id="base_link", pose=covered)

    def step(self, edit=lambda cloud: cloud, *, blind=False):
        """Publish one sweep with its pose, a tenth of a second after the last."""
        self.now = max(self.now + SWEEP, self.peer.now_ns() - SWEEP)
        self.peer.spin(max((self.now - self.peer.now_ns()) / SECOND, 0.02))
        self.points.publish(edit(self.cloud()))
        if self.uses_tf:
            self.tf.publish(transforms(self.now, [("odom", "base_link", np.eye(4))], make))
        elif not blind:
            self.odometry.publish(self.where())
        self.peer.spin(0.03)

    def until(self, condition, what, **kwargs):
        """Step until a condition holds."""
        for _ in range(LIMIT):
            if condition():
                return
            self.step(**kwargs)
        pytest.fail(f"not in time: {what}; {self.peer.last()}")

    def until_tracks(self):
        """Step until the one person is told of, and return the message."""
        count = len(self.heard.tracks)
        self.until(lambda: any(m.tracks for m in self.heard.tracks[count:]), "a person")
        return [m for m in self.heard.tracks if m.tracks][-1]

    def until_says(self, subject, text, level=None, **kwargs):
        """Step until the diagnostics say something."""
        self.peer.heard = len(self.peer.diagnostics)
        self.step(**kwargs)
        self.peer.until_says(subject, text, level, again=lambda: self.step(**kwargs))


@pytest.fixture(scope="module")
def driver(shared_start, shared_peer_of):
    shared_start(NODE, log_period=0.0, max_age=5.0)
    peer = shared_peer_of("lidar_tracker")
    driver = Driver(peer)
    peer.until(lambda: peer.statuses and peer.value("state", "state") == "active", "active")
    peer.until(lambda: driver.points.get_subscription_count() > 0, "connected")
    driver.until_says("tracking", "no odometry has come", blind=True)
    driver.until_says("tracking", "tf_static does not join base_link of the odometry and lidar")
    driver.mount()
    return driver


@pytest.fixture(autouse=True)
def tracks_before_and_after(request):
    """See the shared node find the person before and after each fault, and never a NaN."""
    if "driver" not in request.fixturenames:
        yield
        return
    driver = request.getfixturevalue("driver")
    driver.until_tracks()
    yield
    driver.until_tracks()
    for message in driver.heard.tracks:
        for track in message.tracks:
            assert np.isfinite([*track.position_covariance, *track.velocity_covariance]).all()
            assert np.isfinite([track.position.x, track.velocity.y, track.size.z]).all()


def test_a_person_is_told_of_completely(driver):
    driver.until(
        lambda: any(abs(t.velocity.y) > 0.7 for m in driver.heard.tracks[-3:] for t in m.tracks),
        "the velocity of the walk",
    )
    message = next(
        m for m in reversed(driver.heard.tracks) if any(abs(t.velocity.y) > 0.7 for t in m.tracks)
    )
    assert message.header.frame_id == "odom"
    (track,) = message.tracks
    assert (track.classification, track.has_velocity) == (track.PERSON, True)
    assert track.existence_probability >= 0.5
    assert track.position.x == pytest.approx(3.0, abs=0.15)
    assert track.position_covariance[0] > 0.0
    assert 1.0 < track.size.z < 1.8


def test_crops_are_cut_for_those_who_look(driver):
    crops = driver.heard.crops
    viewer = driver.peer.create_subscription(
        PointCloud2, "lidar_tracker/output/crops", crops.append, qos.RESULT
    )
    driver.until(lambda: any(crop.width for crop in crops), "points of the person")
    crop = next(crop for crop in reversed(crops) if crop.width)
    assert [field.name for field in crop.fields] == ["x", "y", "z", "instance"]
    points = cloud_sample(crop).points
    assert np.abs(points[:, 0] - 3.0).max() < 0.4
    numbers = np.frombuffer(crop.data, "u1").reshape(-1, 14)[:, 12:].copy().view("<u2")
    told = {t.id for m in driver.heard.tracks for t in m.tracks}
    assert set(np.unique(numbers).tolist()) <= told
    driver.peer.destroy_subscription(viewer)


def test_markers_are_drawn_for_those_who_look(driver):
    drawn = driver.heard.markers
    viewer = driver.peer.create_subscription(
        MarkerArray, "lidar_tracker/output/markers", drawn.append, qos.RESULT
    )
    driver.until(lambda: any(len(d.markers) > 1 for d in drawn), "markers")
    layers = {m.ns for d in drawn for m in d.markers}
    assert {"people", "ids", "velocities"} <= layers
    driver.now -= 5 * SECOND
    restarts = int(driver.peer.value("state", "restarts"))
    stale = driver.cloud()
    driver.points.publish(stale)
    driver.peer.until(
        lambda: any(m.action == Marker.DELETEALL for d in drawn for m in d.markers), "erased"
    )
    driver.now = driver.peer.now_ns()
    driver.until(lambda: int(driver.peer.value("state", "restarts")) > restarts, "a restart")
    driver.peer.destroy_subscription(viewer)


def changed(**fields):
    def edit(cloud):
        for name, value in fields.items():
            setattr(cloud, name, value)
        return cloud

    return edit


def without_z(cloud):
    cloud.fields = cloud.fields[:2]
    return cloud


def without_stamp(cloud):
    cloud.header.stamp.sec = cloud.header.stamp.nanosec = 0
    return cloud


def other_frame(cloud):
    cloud.header.frame_id = "somewhere"
    return cloud


def cut_off(cloud):
    cloud.data = cloud.data[:100]
    return cloud


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (changed(width=0), "it has no points: 0 x 1"),
        (changed(point_step=0), "of points of 0 bytes"),
        (changed(width=4_000_000_000), "more than the limit"),
        (without_z, "it has no field z, only x, y"),
        (cut_off, "100 bytes are less than"),
        (without_stamp, "stamp is zero"),
        (other_frame, "frame_id is 'somewhere', expected 'lidar'"),
    ],
)
def test_a_bad_cloud_is_named(driver, edit, sentence):
    driver.until_says("input points", sentence, edit=edit)


def replaced(points):
    return lambda cloud: cloud_message(
        cloud.header.stamp.sec * SECOND + cloud.header.stamp.nanosec, "lidar", points, make
    )


@pytest.mark.parametrize(
    "points",
    [
        np.full((1000, 3), np.nan),
        np.full((1000, 3), 1e30),
        np.zeros((1000, 3)),
        np.full((1000, 3), 2.0),
        np.array([[1.0, 2.0, 3.0]]),
        np.random.default_rng(0).normal(0.0, 5.0, (1_000_000, 3)),
    ],
    ids=["NaN", "huge", "zero", "one place", "one point", "a million points"],
)
def test_odd_points_harm_nothing(driver, points):
    before = len(driver.heard.tracks)
    driver.until(lambda: len(driver.heard.tracks) > before, "an answer", edit=replaced(points))
    assert driver.peer.last()["pipeline"].count("failed") == 0


def test_the_pose_may_come_from_tf(start, peer_of):
    node = start(NODE, "-r", "__node:=other", pose_source="tf", max_age=5.0)
    peer = peer_of("other")
    driver = Driver(peer, "other")
    driver.uses_tf = True
    peer.until(lambda: peer.statuses and peer.value("state", "state") == "active", "active")
    driver.mount()
    (track, *_) = driver.until_tracks().tracks
    assert track.position.x == pytest.approx(3.0, abs=0.15)
    code, seconds = node.end(signal.SIGTERM)
    assert (code, seconds < 3.0) == (0, True)
    assert "Traceback" not in node.text
