"""The parts of a cloud as RViz markers, and the names of their labels."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from std_msgs.msg import ColorRGBA, String
from visualization_msgs.msg import Marker, MarkerArray

from equi_nodes.ros.convert import Make, header
from equi_nodes.ros.labelled import Labelled
from equi_nodes.ros.markers import LIFETIME

TEXT = 0.15  # m
THINNEST = 0.01  # m, of a box that is drawn
GOLDEN = 0.618  # of the circle of colours, from one label to the next


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
