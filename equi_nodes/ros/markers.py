"""Predictions as RViz markers: few large ones, because each marker costs more than its points."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from equi_nodes.ros.convert import header
from equi_nodes.ros.messages import make
from equi_nodes.samples import PredictionSample

SHADES = 4  # markers that the paths are spread over, by probability
FAINTEST = 0.02  # less probable paths are not drawn
LINE_WIDTH = 0.04  # m
HEIGHT = 0.05  # m above the agents' ground, so that a map does not hide the lines
CORNERS = 24  # of an ellipse
QUANTILE_90 = np.sqrt(-2 * np.log(0.1))  # radius of the 90 % region of a planar normal
LIFETIME = Duration(sec=1)
PATH_COLOR, END_COLOR = (0.1, 0.5, 1.0), (1.0, 0.6, 0.1)


def prediction_markers(sample: PredictionSample) -> MarkerArray:
    """Draw the paths, the more probable the more opaque, and the 90 % ellipses of the likely ends.

    Ids are stable: one marker a shade of paths, one for all ellipses.
    """
    head = header(sample.stamp_ns, sample.frame_id, make)
    shades = np.clip(np.ceil(sample.probabilities * SHADES), 1, SHADES)
    shades[sample.probabilities < FAINTEST] = 0
    starts = np.broadcast_to(sample.positions[:, None, None, :2], (*shades.shape, 1, 2))
    paths = np.concatenate([starts, sample.paths], axis=2)
    markers = [
        lines(head, "paths", shade, paths[shades == shade], (*PATH_COLOR, shade / SHADES))
        for shade in range(1, SHADES + 1)
    ]
    ellipses = lines(head, "likely_ends", 0, _end_ellipses(sample), (*END_COLOR, 1.0))
    return MarkerArray(markers=[*markers, ellipses])


def delete_all() -> MarkerArray:
    """Erase what was drawn before."""
    return MarkerArray(markers=[Marker(action=Marker.DELETEALL)])


def _end_ellipses(sample: PredictionSample) -> np.ndarray:
    """Return closed polygons (A, CORNERS + 1, 2) around each agent's most probable end."""
    if not sample.probabilities.size:
        return np.zeros((0, CORNERS + 1, 2))
    values, vectors = np.linalg.eigh(sample.covariances[:, 0, -1])
    axes = vectors * (QUANTILE_90 * np.sqrt(np.maximum(values, 0.0)))[:, None, :]
    angle = np.linspace(0.0, 2 * np.pi, CORNERS + 1)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return sample.paths[:, 0, -1][:, None] + np.einsum("aij,nj->ani", axes, circle)


def lines(
    head: Header, layer: str, number: int, polylines: np.ndarray, color: Iterable[float]
) -> Marker:
    """Build one marker of polylines (L, P, 2); nothing to draw makes it vanish."""
    marker = Marker(header=head, ns=layer, id=number, type=Marker.LINE_LIST, lifetime=LIFETIME)
    marker.action = Marker.ADD if polylines.size else Marker.DELETE
    marker.pose.orientation.w = 1.0
    marker.scale.x = LINE_WIDTH
    marker.color = ColorRGBA(**dict(zip("rgba", color, strict=True)))
    vertices = [Point(x=x, y=y, z=HEIGHT) for x, y in polylines.reshape(-1, 2).tolist()]
    index = np.arange(len(vertices)).reshape(polylines.shape[:2])
    pieces = np.stack([index[:, :-1], index[:, 1:]], axis=-1).ravel()
    marker.points = [vertices[vertex] for vertex in pieces.tolist()]
    return marker
