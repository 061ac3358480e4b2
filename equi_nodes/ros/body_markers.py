"""Fitted bodies as RViz markers: their skeletons, and their skin for who wants to see it."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from equi_nodes.ros.convert import Make, header
from equi_nodes.ros.markers import LIFETIME
from equi_nodes.samples import BodySample

BONE = 0.025  # m, width of a bone
ACCEPTED, DOUBTED = (0.1, 0.8, 0.3, 1.0), (0.9, 0.5, 0.1, 0.5)
SKIN = (0.75, 0.6, 0.5, 0.8)
BONES = np.array([
    (0, 1), (0, 2), (0, 3), (1, 4), (2, 5), (3, 6), (4, 7), (5, 8), (6, 9), (7, 10), (8, 11),
    (9, 12), (9, 13), (9, 14), (12, 15), (13, 16), (14, 17), (16, 18), (17, 19), (18, 20), (19, 21),
])  # fmt: skip


def skeleton_markers(sample: BodySample, make: Make) -> MarkerArray:
    """Draw the bones of everybody, one marker of accepted bodies and one of the others."""
    head = header(sample.stamp_ns, sample.frame_id, make)
    layers = (("bodies", sample.accepted, ACCEPTED), ("doubted", ~sample.accepted, DOUBTED))
    return MarkerArray(
        markers=[
            _marker(head, name, Marker.LINE_LIST, sample.joints[chosen][:, BONES], color)
            for name, chosen, color in layers
        ]
    )


def mesh_markers(sample: BodySample, make: Make) -> MarkerArray:
    """Draw the skin of all accepted bodies as one marker."""
    head = header(sample.stamp_ns, sample.frame_id, make)
    triangles = sample.vertices[sample.accepted][:, sample.faces]
    return MarkerArray(markers=[_marker(head, "skin", Marker.TRIANGLE_LIST, triangles, SKIN)])


def _marker(head: Header, layer: str, kind: int, corners: np.ndarray, color: tuple) -> Marker:
    """Build one marker of points (..., 3); nothing to draw makes it vanish."""
    marker = Marker(header=head, ns=layer, id=0, type=kind, lifetime=LIFETIME)
    marker.action = Marker.ADD if corners.size else Marker.DELETE
    marker.pose.orientation.w = 1.0
    size = BONE if kind == Marker.LINE_LIST else 1.0
    marker.scale.x = marker.scale.y = marker.scale.z = size
    marker.color = ColorRGBA(**dict(zip("rgba", color, strict=True)))
    marker.points = [Point(x=x, y=y, z=z) for x, y, z in corners.reshape(-1, 3).tolist()]
    return marker
