"""Tracked people as RViz markers, and the points that were seen of them as one cloud."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from equi_nodes.ros.clouds import cloud_message
from equi_nodes.ros.convert import Make, header
from equi_nodes.ros.markers import LIFETIME, lines
from equi_nodes.ros.messages import make
from equi_nodes.samples import TrackSample

RADIUS, HEIGHT = 0.25, 1.7  # m, of a person's cylinder
AHEAD = 1.0  # s, of the line that shows the velocity
TEXT = 0.3  # m
SEEN, COASTED = (0.1, 0.8, 0.3, 0.7), (0.6, 0.6, 0.6, 0.4)
VELOCITY = (0.1, 0.8, 0.3, 1.0)
INSTANCES = 65535  # ids of tracks modulo this fit the field ``instance``; 65535 itself is nobody


class Cropped(Protocol):
    """What is needed of a result: points of people and whose they are."""

    stamp_ns: int
    frame_id: str
    crops: np.ndarray
    crop_ids: np.ndarray


def instances(ids: np.ndarray) -> np.ndarray:
    """Return what stands in the field ``instance`` for ids of tracks (N,), uint16."""
    return (ids % INSTANCES).astype(np.uint16)


def crop_cloud(result: Cropped, make: Make) -> Any:
    """Build a ``sensor_msgs/PointCloud2`` of all people's points, with a field ``instance``.

    ``instance`` is the id of the track modulo 65535.
    """
    numbers = instances(result.crop_ids)
    return cloud_message(result.stamp_ns, result.frame_id, result.crops, make, instance=numbers)


def track_markers(sample: TrackSample) -> MarkerArray:
    """Draw a cylinder a person with its id and probability, and lines of where they walk."""
    head = header(sample.stamp_ns, sample.frame_id, make)
    markers = []
    for row, number in enumerate(instances(sample.ids).tolist()):
        place = sample.positions[row]
        color = COASTED if sample.coasted[row] else SEEN
        body = _marker(head, "people", number, Marker.CYLINDER, place + (0, 0, HEIGHT / 2), color)
        body.scale = Vector3(x=2 * RADIUS, y=2 * RADIUS, z=HEIGHT)
        above = place + (0, 0, HEIGHT + TEXT)
        name = _marker(head, "ids", number, Marker.TEXT_VIEW_FACING, above, (1.0, 1.0, 1.0, 1.0))
        name.scale.z, name.text = TEXT, f"{sample.ids[row]} {sample.existence[row]:.2f}"
        markers += [body, name]
    starts = sample.positions[:, None, :2]
    paths = np.concatenate([starts, starts + AHEAD * sample.velocities[:, None, :2]], axis=1)
    return MarkerArray(markers=[*markers, lines(head, "velocities", 0, paths, VELOCITY)])


def _marker(
    head: Header, layer: str, number: int, kind: int, place: np.ndarray, color: tuple
) -> Marker:
    x, y, z = place.tolist()
    pose = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=1.0))
    paint = ColorRGBA(**dict(zip("rgba", color, strict=True)))
    return Marker(
        header=head, ns=layer, id=number, type=kind, pose=pose, color=paint, lifetime=LIFETIME
    )
