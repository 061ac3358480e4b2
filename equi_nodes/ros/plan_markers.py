"""Plans as RViz markers: the graph, what the network expects of it, the path and who planned it."""

from __future__ import annotations

import numpy as np
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Vector3
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from equi_nodes.ros.convert import header
from equi_nodes.ros.markers import HEIGHT, lines
from equi_nodes.ros.messages import make
from equi_nodes.samples import PlanCode, PlanGraph, PlanSample

KEPT = Duration()  # until the next plan
MOST_SCORES = 10  # frontiers whose expected metres are written beside them, the best first
NODE_SIZE, FRONTIER_SIZE, TEXT_SIZE = 0.1, 0.25, 0.3  # m
NEAR, FAR, NOT_KNOWN = (0.1, 0.8, 0.2), (0.9, 0.2, 0.1), (0.5, 0.5, 0.5)
EDGES = (0.6, 0.6, 0.6, 0.4)
PLANNERS = {
    "known_map": (0.1, 0.5, 1.0),
    "network": (0.6, 0.2, 0.9),
    "a_star": (1.0, 0.6, 0.1),
    "none": (0.9, 0.1, 0.1),
}  # the colour of the path and of the text says who planned it


def plan_markers(plan: PlanSample, goal: np.ndarray) -> MarkerArray:
    """Draw a plan; a layer without content vanishes. Ids are stable.

    Args:
        plan: the plan, or that there is none.
        goal: (2,) metres, where the text stands.
    """
    head = header(plan.stamp_ns, plan.frame_id, make)
    graph = plan.graph or _nothing()
    path = lines(head, "path", 0, plan.poses[None, :, :2], (*PLANNERS[plan.planner], 1.0))
    edges = lines(head, "graph", 0, graph.nodes[graph.edges], EDGES)
    layers = [
        edges,
        _points(head, "values", ~graph.is_frontier, graph, NODE_SIZE),
        _points(head, "frontiers", graph.is_frontier, graph, FRONTIER_SIZE),
        path,
        _text(head, "planner", 0, goal, _title(plan), PLANNERS[plan.planner]),
        *_scores(head, graph),
    ]
    for layer in layers:
        layer.lifetime = KEPT
    return MarkerArray(markers=layers)


def _title(plan: PlanSample) -> str:
    """Say who planned, or why there is no plan."""
    if plan.code != PlanCode.NONE:
        return f"{plan.code.name}: {plan.reason}"
    return f"{plan.planner}, {plan.length:.1f} m"


def _scores(head: Header, graph: PlanGraph) -> list[Marker]:
    """Write what is expected from the best frontiers to the goal."""
    frontiers = np.flatnonzero(graph.is_frontier & np.isfinite(graph.values))
    best = frontiers[np.argsort(graph.values[frontiers], kind="stable")][:MOST_SCORES]
    texts = [(graph.nodes[node], f"{graph.values[node]:.1f} m") for node in best]
    texts += [(np.zeros(2), "")] * (MOST_SCORES - len(texts))
    return [
        _text(head, "frontier_scores", number, place, text, NOT_KNOWN)
        for number, (place, text) in enumerate(texts)
    ]


def _points(
    head: Header, layer: str, chosen: np.ndarray, graph: PlanGraph, size: float
) -> Marker:  # fmt: skip
    """Draw some of the nodes, coloured from near to far of the goal."""
    marker = _marker(head, layer, 0, Marker.SPHERE_LIST, chosen.any())
    marker.scale = Vector3(x=size, y=size, z=size)
    marker.points = [Point(x=x, y=y, z=HEIGHT) for x, y in graph.nodes[chosen].tolist()]
    marker.colors = [_color(row) for row in _colors(graph.values)[chosen].tolist()]
    return marker


def _colors(values: np.ndarray) -> np.ndarray:
    """Return (N, 3) colours from NEAR, the least value, to FAR, the largest."""
    known = np.isfinite(values)
    colors = np.broadcast_to(NOT_KNOWN, (len(values), 3)).copy()
    if known.any():
        low, high = values[known].min(), values[known].max()
        share = ((values[known] - low) / max(high - low, 1e-9))[:, None]
        colors[known] = (1 - share) * NEAR + share * FAR
    return colors


def _text(
    head: Header, layer: str, number: int, place: np.ndarray, text: str, color: tuple
) -> Marker:
    """Write something that faces the viewer."""
    marker = _marker(head, layer, number, Marker.TEXT_VIEW_FACING, bool(text))
    marker.pose.position = Point(x=float(place[0]), y=float(place[1]), z=1.0)
    marker.scale.z = TEXT_SIZE
    marker.color = _color(color)
    marker.text = text
    return marker


def _marker(head: Header, layer: str, number: int, kind: int, is_shown: bool) -> Marker:
    marker = Marker(header=head, ns=layer, id=number, type=kind)
    marker.action = Marker.ADD if is_shown else Marker.DELETE
    marker.pose.orientation.w = 1.0
    return marker


def _color(rgb: tuple[float, ...]) -> ColorRGBA:
    red, green, blue = rgb
    return ColorRGBA(r=red, g=green, b=blue, a=1.0)


def _nothing() -> PlanGraph:
    return PlanGraph(
        np.zeros((0, 2)), np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0, bool), np.zeros(0)
    )  # fmt: skip
