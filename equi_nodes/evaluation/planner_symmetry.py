"""How equivariant the planner is: its network under the group, and all of it on turned maps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.evaluation.planning_scenes import draw_scene
from equi_nodes.geometry.groups import group
from equi_nodes.pipelines.plan import Planner
from equi_nodes.planning import grid
from equi_nodes.planning.frontiers import find_frontiers
from equi_nodes.planning.world import lay_out
from equi_nodes.samples import PlanRequest

MOVES = 20  # group elements and shifts for each graph
SHIFT_M = 20.0
QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])

Network = Callable[..., tuple[np.ndarray, ...]]


def unseen_requests(planner: Planner, count: int) -> Iterator[PlanRequest]:
    """Yield requests in half-seen buildings that the planner asks its network about."""
    seed = 0
    while count:
        request = draw_scene((), planner.config, seed).request
        planner.reset()
        seed += 1
        if planner.step(request).planner == "network":
            count -= 1
            yield request


def graph_of(config: E2PlannerConfig, request: PlanRequest) -> tuple[np.ndarray, ...]:
    """Return the inputs of the network for a request."""
    states = grid.states(request.grid.cells, config.free_threshold, config.occupied_threshold)
    world = lay_out(request, states, grid.Inflation.of(config))
    never = np.zeros(1, bool)
    return find_frontiers(world, config.node_spacing, config.max_nodes, never).inputs


def network_error(network: Network, inputs: tuple[np.ndarray, ...], name: str) -> dict[str, float]:
    """Return the largest change of edge scores and readouts when a graph is moved.

    Args:
        network: ``E2Planner`` on some backend.
        inputs: one graph.
        name: the group, whose elements are drawn.
    """
    rng, elements = np.random.default_rng(0), group(name)
    here, mask = network(*inputs), inputs[-1]
    worst = {"edges": 0.0, "readouts": 0.0}
    for _ in range(MOVES):
        element = int(rng.integers(elements.size))
        there = network(*_moved(inputs, name, element, rng.uniform(-SHIFT_M, SHIFT_M, 2)))
        edges = np.abs(np.where(mask, here[0] - there[0], 0.0)).max()
        found = {"edges": float(edges), "readouts": float(np.abs(here[1] - there[1]).max())}
        worst = {key: max(value, found[key]) for key, value in worst.items()}
    return worst


def _moved(
    inputs: tuple[np.ndarray, ...], name: str, element: int, shift: np.ndarray
) -> tuple[np.ndarray, ...]:
    scalars, vectors, views, positions, *edges = inputs
    elements = group(name)
    matrix = elements.matrices[element].T
    order = np.argsort(elements.view_permutations(views.shape[2])[element])
    moved = (vectors @ matrix, views[:, :, order], positions @ matrix + shift)
    return (scalars, *(part.astype(positions.dtype) for part in moved), *edges)


def turned(request: PlanRequest) -> PlanRequest:
    """Return the request on a map turned by 90 degrees about its frame's origin."""
    sample = request.grid
    yaw, height = sample.origin[2], sample.cells.shape[0] * sample.resolution
    corner = sample.origin[:2] + height * np.array([-np.sin(yaw), np.cos(yaw)])
    cells = np.ascontiguousarray(np.rot90(sample.cells, -1))
    origin = np.r_[QUARTER @ corner, yaw]
    ends = (
        np.r_[QUARTER @ pose[:2], pose[2] + np.pi / 2] for pose in (request.start, request.goal)
    )
    return PlanRequest(replace(sample, origin=origin, cells=cells), *ends, request.tolerance)


def turn_error(planner: Planner, request: PlanRequest) -> float:
    """Return how far the plan on a turned map is from the plan, turned: metres, inf if another."""
    plans = []
    for one in (request, turned(request)):
        planner.reset()
        plans.append(planner.step(one))
    here, there = plans
    if (here.code, here.planner, len(here.poses)) != (there.code, there.planner, len(there.poses)):
        return np.inf
    return float(np.abs(here.poses[:, :2] @ QUARTER.T - there.poses[:, :2]).max(initial=0.0))
