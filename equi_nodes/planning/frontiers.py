"""The question put to the network: does the way beyond a frontier lead to the goal?

At best the goal is as far as the optimistic way, through everything unknown. The network says with
which chance it can be reached there, how much farther it is then, and how far one drives in vain
otherwise; from what lies around the nodes of the graph and in which direction the goal is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from equi_nodes.planning.grid import UNKNOWN
from equi_nodes.planning.roadmap import Roadmap, build_roadmap, frontier_cells, reachable
from equi_nodes.planning.search import Field, field_from
from equi_nodes.planning.surroundings import look_around
from equi_nodes.planning.world import World

SCALARS, VECTORS, EDGE_SCALARS, READOUTS = 8, 2, 3, 3
AHEAD_M = 1.5  # of the optimistic way from a frontier on, whose direction is an input
MOST_TIMES = 2  # so many times the nodes that are asked for, a graph may have with its frontiers
FAR_M = 10.0  # metres that count as far in inputs of order one
LEAST_M, SHARE = 2.0, 0.2  # how much farther than at best is much: so many metres, and this share
IN_VAIN_M = 3.0  # how far in vain is much


@dataclass(frozen=True)
class Frontiers:
    """The graph of the seen space, and what is known of the way beyond it.

    Attributes:
        roadmap: the graph; its node 0 is the start.
        known: (N,) from the start to each node through seen space, metres raised by costs.
        before: (N,) int32, the node before on that way; negative at the start.
        optimistic: (N,) from each frontier to the goal, everything unknown being free, metres
            raised by costs; for other nodes straight metres.
        to_goal: the field of the optimistic costs from the goal.
        inputs: arrays of the network, one graph: ``models.e2_planner.E2Planner.forward``.
    """

    roadmap: Roadmap
    known: np.ndarray
    before: np.ndarray
    optimistic: np.ndarray
    to_goal: Field
    inputs: tuple[np.ndarray, ...]

    @property
    def numbers(self) -> np.ndarray:
        """Return the numbers of the frontier nodes."""
        return np.flatnonzero(self.roadmap.is_frontier)

    def is_crossed(self, world: World, nodes: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Return in the openings of which nodes (F,) a way (P, 2) leaves seen space; -1 is no node.

        An open space may be one opening all around; to count only what is near drove farther.
        """
        unseen = world.states[tuple(cells.T)] == UNKNOWN
        if not unseen.any() or unseen[0]:
            return np.zeros(len(nodes), bool)
        row, column = cells[int(unseen.argmax()) - 1]
        here = self.roadmap.opening_at[row, column]
        if not here:  # it leaves between two cells of the frontier
            beside = slice(max(0, row - 1), row + 2), slice(max(0, column - 1), column + 2)
            here = self.roadmap.opening_at[beside].max()
        return (nodes >= 0) & (self.roadmap.openings[nodes] == here)

    def nodes_to(self, node: int) -> np.ndarray:
        """Return the nodes on the way from the start to a node."""
        nodes = [node]
        while self.before[nodes[-1]] >= 0:
            nodes.append(self.before[nodes[-1]])
        return np.array(nodes[::-1])


class Outlook(NamedTuple):
    """What the network expects at each node; it counts at frontiers alone.

    Attributes:
        chance: (N,) in 0..1 that the goal is reached through what lies beyond.
        beyond: (N,) metres to the goal if so.
        in_vain: (N,) metres driven beyond it if not so.
    """

    chance: np.ndarray
    beyond: np.ndarray
    in_vain: np.ndarray


def outlook(optimistic: np.ndarray, readouts: np.ndarray) -> Outlook:
    """Return what the network says in metres.

    Args:
        optimistic: (N,) metres from each node to the goal at best.
        readouts: (N, 3) of the network: the logit of the chance, how much farther than at best
            the goal is, and how far one drives in vain, the latter two before ``softplus`` and in
            units of ``much_farther`` and ``IN_VAIN_M``.
    """
    logit, farther, in_vain = np.asarray(readouts, np.float64).T
    chance = 1 / (1 + np.exp(-np.clip(logit, -30, 30)))
    beyond = optimistic + much_farther(optimistic) * softplus(farther)
    return Outlook(chance, beyond, IN_VAIN_M * softplus(in_vain))


def much_farther(optimistic: np.ndarray) -> np.ndarray:
    """Return the unit of the network's second readout: many metres more than at best."""
    return LEAST_M + SHARE * optimistic


def softplus(x: np.ndarray) -> np.ndarray:
    """Return log(1 + exp(x)), without overflow."""
    return np.logaddexp(0.0, x)


def find_frontiers(world: World, spacing_m: float, max_nodes: int, stop: np.ndarray) -> Frontiers:
    """Return the frontiers of a world with all that the network reads of them.

    Args:
        world: the grid, the start and the goal.
        spacing_m: metres between two nodes, about; wider where there would be too many.
        max_nodes: nodes of the graph at most, about.
        stop: (1,) bool, ends searches early when another thread sets it.

    Raises:
        ValueError: there are too many frontiers.
    """
    costs = world.seen_costs
    reached = reachable(costs, world.start)
    is_open_unknown = (world.states == UNKNOWN) & np.isfinite(world.costs)
    frontier = frontier_cells(reached, is_open_unknown)
    least = np.sqrt(reached.sum() / max_nodes)
    spacing = int(np.ceil(max(spacing_m / world.resolution, least, 2)))
    roadmap = build_roadmap(costs, world.distance, reached, frontier, world.start, spacing, stop)
    if len(roadmap.cells) > MOST_TIMES * max_nodes:
        raise ValueError("the border of the unknown has too many pieces")
    known, before = distances(roadmap, 0)
    field = field_from(world.costs, [world.goal], roadmap.cells[roadmap.is_frontier], stop)
    optimistic = field.cost[tuple(roadmap.cells.T)] * world.resolution
    known = known * world.resolution
    straight = np.hypot(*(roadmap.cells - world.goal).T) * world.resolution
    optimistic = np.where(roadmap.is_frontier, optimistic, straight)
    inputs = _inputs(world, roadmap, known, optimistic, straight, field, spacing)
    return Frontiers(roadmap, known, before, optimistic, field, inputs)


def distances(roadmap: Roadmap, nodes: np.ndarray | int) -> tuple[np.ndarray, np.ndarray]:
    """Return the cost in cells from each of F nodes to every node, (F, N), and the node before."""
    low, high = roadmap.edges.T
    count = len(roadmap.cells)
    graph = csr_matrix((roadmap.lengths, (low, high)), (count, count))
    return dijkstra(graph, directed=False, indices=nodes, return_predecessors=True)


def _inputs(
    world: World,
    roadmap: Roadmap,
    known: np.ndarray,
    optimistic: np.ndarray,
    straight: np.ndarray,
    field: Field,
    spacing: int,
) -> tuple[np.ndarray, ...]:
    """Return scalars, vectors, views, positions, neighbours, edge scalars and mask, one graph."""
    positions = (roadmap.cells - roadmap.cells[0])[:, ::-1] * world.resolution
    neighbours, edge_scalars, mask = _padded_edges(world, roadmap, spacing)
    parts = (
        _scalars(world, roadmap, known, optimistic, straight),
        _vectors(world, roadmap, field),
        look_around(world.states, roadmap.cells, world.resolution),
        positions,
    )
    floats = [part[None].astype(np.float32) for part in (*parts, edge_scalars)]
    return (*floats[:4], neighbours[None], floats[4], mask[None])


def _scalars(
    world: World,
    roadmap: Roadmap,
    known: np.ndarray,
    optimistic: np.ndarray,
    straight: np.ndarray,
) -> np.ndarray:
    """Return (N, 8) numbers of order one that no turn changes."""
    is_frontier = roadmap.is_frontier
    total = known + optimistic
    at = is_frontier & np.isfinite(total)
    least = total.min(initial=np.inf, where=at)
    more = np.subtract(total, least, out=np.zeros_like(total), where=at)
    clearance = world.distance[tuple(roadmap.cells.T)]
    columns = (
        is_frontier,
        np.arange(len(known)) == 0,
        np.log1p(known) / 4,
        np.log1p(optimistic) / 4,
        np.log1p(straight) / 4,
        np.log1p(roadmap.sizes) / 4,
        np.minimum(clearance, 2.0) / 2,
        np.minimum(more / FAR_M, 2.0),
    )
    return np.nan_to_num(np.stack(columns, -1), posinf=4.0)


def _vectors(world: World, roadmap: Roadmap, field: Field) -> np.ndarray:
    """Return (N, 2, 2): unit vectors to the goal, and along the optimistic way (x, y)."""
    steps = int(AHEAD_M / world.resolution)
    ahead = np.array([_follow(field.parent, cell, steps) for cell in roadmap.cells])
    both = np.stack([world.goal - roadmap.cells, ahead - roadmap.cells], 1)[..., ::-1]
    return both / np.maximum(np.linalg.norm(both, axis=-1, keepdims=True), 1.0)


def _follow(parent: np.ndarray, cell: np.ndarray, steps: int) -> tuple[int, int]:
    """Return the cell some steps nearer to the source."""
    row, column = cell
    for _ in range(steps):
        before = parent[row, column]
        if before < 0:
            break
        row, column = divmod(int(before), parent.shape[1])
    return row, column


def _padded_edges(
    world: World, roadmap: Roadmap, spacing: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return neighbours (N, M), numbers of each edge (N, M, 3) and which are there (N, M)."""
    count = len(roadmap.cells)
    ends = np.concatenate([roadmap.edges, roadmap.edges[:, ::-1]])
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    node, other = ends[order].T
    first = np.searchsorted(node, node)
    place = np.arange(len(node)) - first
    width = int(place.max(initial=0)) + 1
    border = tuple(roadmap.crossings[:, 0].T)
    numbers = np.stack(
        [
            roadmap.lengths / spacing,
            np.minimum(world.distance[border], 2.0) / 2,
            np.ones(len(roadmap.lengths)),  # probability of being free: the space was seen
        ],
        -1,
    )
    neighbours = np.zeros((count, width), np.int64)
    edge_scalars = np.zeros((count, width, EDGE_SCALARS))
    mask = np.zeros((count, width), bool)
    neighbours[node, place], mask[node, place] = other, True
    edge_scalars[node, place] = np.concatenate([numbers, numbers])[order]
    return neighbours, edge_scalars, mask
