"""Promise of the node that finds parts: a body's parts with their names, bad clouds named."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from labelled_body import labelled_body
from sensor_msgs.msg import PointCloud2
from std_msgs.msg import String
from visualization_msgs.msg import MarkerArray

from equi_nodes.body.skeleton import JOINTS
from equi_nodes.ros import qos
from equi_nodes.ros.clouds import cloud_message
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.ros.messages import make

NODE = [sys.executable, "-m", "equi_nodes.nodes.apen"]
LOADING_S = 60.0  # a busy machine takes long to import torch
PERIOD = 0.2  # s
LIMIT = 150  # clouds until something has to happen
NONE = 65535
LABELS = len(JOINTS) + 1  # the last is of what is not of the body
RIGHT = 0.6  # least share of the labels
PERSON, PARTS = labelled_body(3000)


class Driver:
    """Publishes clouds and hears what comes of them."""

    def __init__(self, peer):
        self.peer, self.sent, self.clouds, self.boxes = peer, {}, [], []
        self.points = peer.create_publisher(PointCloud2, "apen/input/points", qos.RESULT)
        peer.create_subscription(PointCloud2, "apen/output/points", self.clouds.append, qos.RESULT)
        peer.create_subscription(MarkerArray, "apen/output/markers", self.boxes.append, qos.RESULT)

    def message(self, points=None):
        points = PERSON if points is None else np.asarray(points, np.float32)
        intensity = np.arange(len(points), dtype=np.float32)
        return cloud_message(self.peer.now_ns(), "lidar", points, make, intensity=intensity)

    def send(self, points=None):
        """Publish a cloud, and serve callbacks for a period."""
        message = self.message(points)
        self.sent[stamp_ns(message.header.stamp)] = message
        self.points.publish(message)
        self.peer.spin(PERIOD)

    def until_labelled(self, send=None):
        """Return a labelled cloud that came after this call, and the one it was made of."""
        self.sent, before = {}, len(self.clouds)
        for _ in range(LIMIT):
            (send or self.send)()
            for cloud in self.clouds[before:]:
                if sent := self.sent.get(stamp_ns(cloud.header.stamp)):
                    return cloud, sent
        pytest.fail(f"no labelled cloud; {self.peer.last()}")


@pytest.fixture(scope="module")
def node(shared_start):
    return shared_start(NODE, log_period=0.0, max_age=5.0, threads=1)


@pytest.fixture(scope="module")
def driver(node, shared_peer_of):
    peer = shared_peer_of("apen")
    driver = Driver(peer)
    peer.until(
        lambda: peer.statuses and peer.value("state", "state") == "active", "active", LOADING_S
    )
    peer.until(lambda: driver.points.get_subscription_count() > 0, "connected")
    return driver


def columns(msg):
    """Return the points of a message as records."""
    kinds = {4: "<u2", 7: "<f4"}
    return np.frombuffer(bytes(msg.data), np.dtype({
        "names": [field.name for field in msg.fields],
        "formats": [kinds[field.datatype] for field in msg.fields],
        "offsets": [field.offset for field in msg.fields], "itemsize": msg.point_step,
    }))  # fmt: skip


def test_the_same_cloud_comes_back_with_labels_instances_and_confidences(driver):
    labelled, sent = driver.until_labelled()
    before, after = columns(sent), columns(labelled)
    assert labelled.header == sent.header
    assert (labelled.width, labelled.height) == (sent.width, sent.height)
    for name in ("x", "y", "z", "intensity"):
        assert np.array_equal(before[name], after[name])
    assert (after["label"] == PARTS).mean() > RIGHT
    sizes = np.bincount(after["instance"])
    assert len(sizes) > 1 and (np.diff(sizes) <= 0).all()
    assert ((after["confidence"] > 0) & (after["confidence"] <= 1)).all()


def test_the_names_are_latched_and_boxes_are_drawn(driver):
    driver.until_labelled()
    heard = []
    driver.peer.create_subscription(String, "apen/output/labels", heard.append, qos.LATCHED)
    driver.peer.until(lambda: heard, "names")
    assert json.loads(heard[0].data) == {
        str(k): name for k, name in enumerate([*JOINTS, "outside"])
    }
    driver.peer.until(lambda: driver.boxes, "boxes")
    texts = [marker.text for marker in driver.boxes[-1].markers if marker.text]
    assert texts and {text.rsplit(" ", 1)[0] for text in texts} <= {*JOINTS, "outside"}
    parts = str(len(texts))
    driver.peer.until(lambda: driver.peer.value("parts", "parts") == parts, "figures")


def test_points_that_are_no_measurement_keep_their_place_and_get_no_label(driver):
    holed = PERSON.copy()
    holed[::7] = np.nan
    labelled, _ = driver.until_labelled(lambda: driver.send(holed))
    found = columns(labelled)
    is_hole = np.isnan(found["x"])
    assert is_hole.sum() == len(holed[::7])
    assert (found["label"][is_hole] == NONE).all() and (found["confidence"][is_hole] == 0).all()
    assert (found["label"][~is_hole] < LABELS).all()


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        (np.full((500, 3), 1.5), "1 points after thinning"),
        (np.full((500, 3), np.nan), "it has no points"),
        (1e3 * PERSON, "not in metres"),
        (PERSON[:20], "64 are needed"),
    ],
    ids=["all the same", "NaN", "millimetres", "few"],
)
def test_a_cloud_that_cannot_be_used_is_named_and_comes_back_without_labels(
    driver, points, sentence
):
    driver.peer.heard = len(driver.peer.diagnostics)
    labelled, _ = driver.until_labelled(lambda: driver.send(points))
    assert (columns(labelled)["label"] == NONE).all()
    driver.peer.until_says("pipeline", sentence, again=lambda: driver.send(points))
    assert (columns(driver.until_labelled()[0])["label"] < LABELS).all()


@pytest.mark.parametrize("far", [1e5, -1e5])
def test_a_cloud_far_from_the_origin_is_labelled_as_any(driver, far):
    moved = PERSON + np.float32(far) * np.array([1, 1, 0], np.float32)
    found = columns(driver.until_labelled(lambda: driver.send(moved))[0])
    assert (found["label"] == PARTS).mean() > RIGHT
