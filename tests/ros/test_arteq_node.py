"""Promise of the node that fits bodies: four people found, bad clouds named, no wall a man."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from equi_msgs.msg import BodyArray
from sensor_msgs.msg import JointState, PointCloud2
from visualization_msgs.msg import Marker, MarkerArray

from equi_nodes.body.model import load_body
from equi_nodes.body.surface import sample_surface
from equi_nodes.ros import qos
from equi_nodes.ros.clouds import cloud_message, cloud_sample
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.ros.messages import make

NODE = [sys.executable, "-m", "equi_nodes.nodes.arteq"]
IDS, POINTS = np.array([7, 8, 12, 30]), 800
PERIOD = 0.2  # s
LOADING_S = 45.0  # a busy machine takes long to import torch
LIMIT = 150  # clouds until something has to happen
BODY = load_body()
PLACES = np.array([[2.0, 0, 1], [3.0, 1, 1], [4.0, -1, 1], [5.0, 2, 1]])


def standing(places, rng):
    """Return points (A, POINTS, 3) of bodies at rest, pelvis at the places."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    skin = BODY.template[None].expand(len(places), -1, -1)
    points = sample_surface(skin, BODY.faces, POINTS, generator).points.numpy()
    points = points - BODY.joint_template[0].numpy() + places[:, None]
    return points + rng.normal(0, 0.005, points.shape)


class Driver:
    """Publishes crops of four people, and hears all that the node says."""

    def __init__(self, peer):
        self.peer, self.rng = peer, np.random.default_rng(0)
        self.points = peer.create_publisher(PointCloud2, "arteq/input/points", qos.RESULT)
        self.heard = SimpleNamespace(bodies=[], ages=[], joints=[], parts=[], markers=[], mesh=[])
        for name, kind in (
            ("joint_states", JointState), ("parts", PointCloud2), ("markers", MarkerArray),
            ("mesh", MarkerArray),
        ):  # fmt: skip
            into = getattr(self.heard, {"joint_states": "joints"}.get(name, name))
            peer.create_subscription(kind, f"arteq/output/{name}", into.append, qos.RESULT)
        peer.create_subscription(BodyArray, "arteq/output/bodies", self._hear, qos.RESULT)

    def _hear(self, msg):
        self.heard.bodies.append(msg)
        self.heard.ages.append((self.peer.now_ns() - stamp_ns(msg.header.stamp)) * 1e-9)

    def send(self, points, ids, frame="lidar"):
        """Publish points (A, N, 3) as one cloud, and serve callbacks for a period."""
        instance = np.repeat(ids, points.shape[1]).astype(np.uint16)
        flat = points.reshape(-1, 3)
        message = cloud_message(self.peer.now_ns(), frame, flat, make, instance=instance)
        self.publish(message)

    def publish(self, message):
        """Publish a cloud, and serve callbacks for a period."""
        self.points.publish(message)
        self.peer.spin(PERIOD)

    def until(self, condition, what, send=None):
        """Send until a condition holds: the four people, or what is given."""
        send = send or (lambda: self.send(standing(PLACES, self.rng), IDS))
        for _ in range(LIMIT):
            send()
            if condition():
                return
        pytest.fail(f"not in time: {what}; {self.peer.last()}")

    def until_bodies(self):
        """Return the message of a cloud of the four that came after this call."""
        before = len(self.heard.bodies)
        self.until(lambda: any(len(m.bodies) == 4 for m in self.heard.bodies[before:]), "bodies")
        return next(m for m in self.heard.bodies[before:] if len(m.bodies) == 4)


@pytest.fixture(scope="module")
def node(shared_start):
    return shared_start(NODE, log_period=0.0, max_age=5.0, threads=1)


@pytest.fixture(scope="module")
def driver(node, shared_peer_of):
    peer = shared_peer_of("arteq")
    driver = Driver(peer)
    peer.until(
        lambda: peer.statuses and peer.value("state", "state") == "active", "active", LOADING_S
    )
    peer.until(lambda: driver.points.get_subscription_count() > 0, "connected")
    return driver


def test_four_people_are_found_where_they_are(driver):
    bodies = driver.until_bodies().bodies
    assert [body.id for body in bodies] == IDS.tolist()
    assert all(body.accepted and not body.reason for body in bodies)
    for body, place in zip(bodies, PLACES, strict=True):
        pelvis = body.joints[0]
        assert np.linalg.norm([pelvis.x, pelvis.y, pelvis.z] - place) < 0.08
        spread = np.reshape(body.joint_covariances, (22, 3, 3))
        assert np.linalg.eigvalsh(spread).min() > 0
        assert np.sqrt(np.trace(spread[0])) < 0.1


def test_joints_parts_and_markers_tell_of_the_same(driver):
    driver.until(lambda: driver.heard.mesh and driver.heard.joints, "all that is drawn")
    names = driver.heard.joints[-1].name
    assert {f"l_elbow_{number}" for number in IDS} | {"waist_7"} <= set(names)
    assert len(names) == 20 * len(IDS)
    cloud = driver.heard.parts[-1]
    assert cloud.width == len(IDS) * POINTS
    assert {"part", "instance", "confidence"} <= {field.name for field in cloud.fields}
    assert set(cloud_sample(cloud).instance) == set(IDS.tolist())
    assert len(driver.heard.mesh[-1].markers[0].points) == 4 * 3 * len(BODY.faces)
    assert driver.heard.markers[-1].markers[0].action == Marker.ADD


def bad(points):
    return lambda driver: driver.send(np.asarray(points, float)[None], np.array([1]))


def a_wall(count=600):
    rng = np.random.default_rng(1)
    return np.column_stack([np.full(count, 3.0), rng.uniform(0, (1.2, 2.0), (count, 2))])


@pytest.mark.parametrize(
    ("send", "sentence"),
    [
        (bad([[1.0, 2.0, 3.0]]), "it has 1 points, 24 are needed"),
        (bad(standing(PLACES[:1], np.random.default_rng(1))[0][:10]), "it has 10 points"),
        (bad(np.full((500, 3), np.nan)), "it has 0 points"),
        (bad(1e3 * standing(PLACES[:1], np.random.default_rng(1))[0]), "unit is millimetres"),
        (bad(a_wall() * (1, 5, 1)), "it reaches"),
        (bad(a_wall() * 0.01), "a person at least"),
    ],
    ids=["one point", "ten points", "NaN", "millimetres", "large", "small"],
)
def test_what_cannot_be_a_person_is_named_and_harms_nothing(driver, send, sentence):
    driver.peer.heard = len(driver.peer.diagnostics)
    send(driver)
    driver.peer.until_says("pipeline", sentence, again=lambda: send(driver))
    assert all(body.accepted for body in driver.until_bodies().bodies)


@pytest.mark.parametrize("width", [0, 4_000_000_000])
def test_a_cloud_that_lies_about_its_size_is_named(driver, width):
    message = cloud_message(driver.peer.now_ns(), "lidar", np.zeros((5, 3)), make)
    message.width = width
    driver.peer.heard = len(driver.peer.diagnostics)
    driver.publish(message)
    said = "it has no points" if width == 0 else "more than the limit"
    driver.peer.until_says("input points", said, again=lambda: driver.publish(message))
    driver.until_bodies()


def boxes(rng):
    points = rng.uniform(0, 1, (600, 3))
    points[np.arange(600), rng.integers(3, size=600)] = 0.0
    return points * (0.5, 0.4, 1.7)


@pytest.mark.parametrize(
    "points",
    [a_wall(), boxes(np.random.default_rng(1)),
     standing(np.array([[3.0, 0, 1], [3.0, 0.9, 1]]), np.random.default_rng(1)).reshape(-1, 3)],
    ids=["a wall", "a box", "two people in one crop"],
)  # fmt: skip
def test_what_is_no_person_is_not_accepted_and_why_is_said(driver, points):
    before = len(driver.heard.bodies)

    def answered():
        return [m for m in driver.heard.bodies[before:] if len(m.bodies) == 1]

    driver.until(answered, "an answer", send=lambda: bad(points)(driver))
    body = answered()[-1].bodies[0]
    assert not body.accepted
    assert body.reason
    assert np.isfinite(body.joint_covariances).all()
