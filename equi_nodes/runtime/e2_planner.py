"""The planning network as it is deployed: scores of edges and numbers of nodes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import KDTree
from torch import nn

from equi_nodes.geometry.groups import Group, group
from equi_nodes.models.e2_planner import Architecture
from equi_nodes.runtime.deployment import Arrays, Deployment, Outputs, is_given

NEIGHBOURS = 10  # usual; a grid of nodes has 8
FARTHEST = 20.0  # m, a graph is shifted in the check; far origins are taken out by the caller


def _scene(architecture: Architecture, nodes: int, rng: np.random.Generator) -> Arrays:
    """Return one graph of scattered nodes, each tied to its nearest."""
    positions, neighbours = _scattered(nodes, NEIGHBOURS, rng)
    mask = np.ones((1, *neighbours.shape), bool)
    return _graphs(architecture, positions[None], neighbours[None], mask, rng)


def _draw(architecture: Architecture, rng: np.random.Generator) -> Arrays:
    """Return graphs of random number, size and degree, up to a third of the edges masked."""
    nodes, degree = int(rng.integers(2, 200)), int(rng.integers(4, 13))
    graphs = [_scattered(nodes, degree, rng) for _ in range(rng.integers(1, 4))]
    positions, neighbours = (np.stack(part) for part in zip(*graphs))
    mask = rng.random(neighbours.shape) > rng.uniform(0.0, 0.33)
    return _graphs(architecture, positions, neighbours, mask, rng)


def _scattered(nodes: int, degree: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (N, 2), one node a square metre, and the nearest others (N, M) of each."""
    positions = rng.uniform(0, np.sqrt(nodes), (nodes, 2))
    _, nearest = KDTree(positions).query(positions, min(degree, nodes - 1) + 1)
    return positions, nearest[:, 1:].astype(np.int64)


def _graphs(
    a: Architecture,
    positions: np.ndarray,
    neighbours: np.ndarray,
    mask: np.ndarray,
    rng: np.random.Generator,
) -> Arrays:
    """Return the network's inputs with random numbers at nodes and edges."""
    nodes = positions.shape[:2]
    scalars = rng.random((*nodes, a.scalars), np.float32)
    vectors = rng.normal(size=(*nodes, a.vectors, 2)).astype(np.float32)
    views = rng.random((*nodes, a.views, a.view_width), np.float32)
    edge_scalars = rng.random((*mask.shape, a.edge_scalars), np.float32)
    return (
        scalars,
        vectors if is_given(vectors) else None,
        views if is_given(views) else None,
        positions.astype(np.float32),
        neighbours,
        edge_scalars,
        mask,
    )


def _move(
    a: Architecture, inputs: Arrays, rng: np.random.Generator
) -> tuple[Arrays, Callable[[Outputs], Outputs]]:
    """Shift, and turn or mirror by an element of the group that is exact for what the nodes see."""
    elements = group(a.group)
    element = int(rng.choice(_exact(elements, a)))
    matrix = elements.matrices[element]
    scalars, vectors, views, positions, *edges = inputs
    positions = positions @ matrix.T + rng.uniform(-FARTHEST, FARTHEST, 2)
    if vectors is not None:
        vectors = (vectors @ matrix.T).astype(np.float32)
    if views is not None:
        views = views[:, :, np.argsort(elements.view_permutations(a.views)[element])]
    return (scalars, vectors, views, positions.astype(np.float32), *edges), lambda same: same


def _exact(elements: Group, a: Architecture) -> np.ndarray:
    if not a.views:
        return np.arange(elements.size)
    permutes = elements.view_permutations(a.views)[:, 0] >= 0
    return np.flatnonzero(permutes & (a.mirrored | ~elements.mirrors))


def _comparable(inputs: Arrays, outputs: Outputs) -> Outputs:
    """Return the scores of the edges that are there, and the readouts."""
    return np.where(inputs[-1], outputs[0], 0.0), outputs[1]


def _itself(model: nn.Module) -> nn.Module:
    return model


_NODE, _EDGE = ("graphs", "nodes"), ("graphs", "nodes", "neighbours")
DEPLOYMENT = Deployment(
    form=_itself,
    inputs=(
        "scalars", "vectors", "views", "positions", "neighbours", "edge_scalars", "mask",
    ),
    outputs=("edges", "readouts"),
    axes={
        "scalars": _NODE, "vectors": _NODE, "views": _NODE, "positions": _NODE,
        "neighbours": _EDGE, "edge_scalars": _EDGE, "mask": _EDGE,
    },
    sizes={"graphs": (1, 1, 1), "nodes": (1, 512, 4096), "neighbours": (1, NEIGHBOURS, 32)},
    scene=_scene,
    draw=_draw,
    comparable=_comparable,
    move=_move,
)  # fmt: skip
