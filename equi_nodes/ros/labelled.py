"""Labelled clouds as messages: the cloud as it came with three fields more, names, and boxes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from std_msgs.msg import ColorRGBA, String
from visualization_msgs.msg import Marker, MarkerArray

from equi_nodes.ros.clouds import cloud_sample, with_fields
from equi_nodes.ros.convert import Make, header
from equi_nodes.ros.markers import LIFETIME
from equi_nodes.samples import CloudSample

NONE = 65535  # label and instance of a point that has none
TEXT = 0.15  # m
THINNEST = 0.01  # m, of a box that is drawn
GOLDEN = 0.618  # of the circle of colours, from one label to the next


@dataclass(frozen=True)
class Received(CloudSample):
    """A cloud with the message that it was read from, to which something will be added."""

    message: Any = None


class Boxes(Protocol):
    """What is drawn of parts: label, and corners (P, 3) of their boxes in metres."""

    labels: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Labelled(Protocol):
    """What is needed of a result; its cloud is a ``Received`` one."""

    stamp_ns: int
    frame_id: str
    cloud: Any
    labels: np.ndarray
    instances: np.ndarray
    confidences: np.ndarray
    parts: Boxes


def received(msg: Any) -> Received:
    """Read a ``sensor_msgs/PointCloud2`` and keep it; raises EquiError as ``cloud_sample``."""
    return Received(**vars(cloud_sample(msg)), message=msg)


def labelled_cloud(result: Labelled, make: Make) -> Any:
    """Build the message that came with ``label``, ``instance`` and ``confidence`` of each point.

    Points that were no measurement stay where they are and have no label.
    """
    msg, rows = result.cloud.message, result.cloud.index
    count = msg.width * msg.height
    columns = {"label": result.labels, "instance": result.instances}
    every = {name: np.full(count, NONE, np.uint16) for name in columns}
    every["confidence"] = np.zeros(count, np.float32)
    for name, values in (columns | {"confidence": result.confidences}).items():
        every[name][rows] = values
    return with_fields(msg, make, **every)


def label_names(names: tuple[str, ...]) -> String:
    """Build the names of the labels as JSON: name by number."""
    return String(data=json.dumps(dict(enumerate(names))))


def box_markers(result: Labelled, names: tuple[str, ...], make: Make) -> MarkerArray:
    """Draw the box of each part in the colour of its label, with the label's name above."""
    head, parts = header(result.stamp_ns, result.frame_id, make), result.parts
    markers = [Marker(header=head, action=Marker.DELETEALL)]
    rows = zip(parts.labels.tolist(), parts.low, parts.high, strict=True)
    for number, (label, low, high) in enumerate(rows):
        box = _marker(head, "boxes", number, Marker.CUBE, (low + high) / 2)
        box.scale = Vector3(**dict(zip("xyz", np.maximum(high - low, THINNEST).tolist())))
        box.color = _color(label)
        above = np.append((low + high)[:2] / 2, high[2] + TEXT)
        text = _marker(head, "names", number, Marker.TEXT_VIEW_FACING, above)
        text.scale.z, text.text = TEXT, f"{names[label]} {number}"
        text.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
        markers += [box, text]
    return MarkerArray(markers=markers)


def _marker(head: Any, layer: str, number: int, kind: int, place: np.ndarray) -> Marker:
    x, y, z = place.tolist()
    pose = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=1.0))
    return Marker(header=head, ns=layer, id=number, type=kind, pose=pose, lifetime=LIFETIME)


def _color(label: int) -> ColorRGBA:
    """Return a colour that differs well from those of the labels beside."""
    hue = 2 * np.pi * (GOLDEN * label + np.arange(3) / 3)
    red, green, blue = (0.5 + 0.5 * np.cos(hue)).tolist()
    return ColorRGBA(r=red, g=green, b=blue, a=0.35)
