"""The published form of the planning network, and plain Dijkstra: what speed is compared with."""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from equi_nodes.models.e2_planner import Architecture
from equi_nodes.models.published_planner import PublishedPlanner


class ReferencePlanner:
    """The published form on the inputs of ours, its time and not its answers: random weights."""

    name = "reference"
    dtype = np.float32

    def __init__(self, architecture: Architecture, threads: int):
        torch.set_num_threads(threads)
        self.architecture = architecture
        self._network = PublishedPlanner(architecture).eval()

    def __call__(self, *inputs: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """Run the network on one graph."""
        *seen, positions, neighbours, _, mask = inputs
        nodes = len(positions[0])
        flat = [part[0].reshape(nodes, -1) for part in seen if part is not None]
        receiver, column = np.nonzero(mask[0])
        edges = np.stack([neighbours[0, receiver, column], receiver])
        arrays = np.concatenate(flat, -1), positions[0], edges
        with torch.inference_mode():
            return (self._network(*map(torch.from_numpy, arrays)).numpy(),)


class Dijkstra:
    """Shortest ways from all nodes to the first, by length: what needs no network."""

    name = "dijkstra"
    dtype = np.float32
    architecture = None

    def __call__(self, *inputs: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """Build the sparse graph and search it."""
        *_, positions, neighbours, _, mask = inputs
        receiver, column = np.nonzero(mask[0])
        sender = neighbours[0, receiver, column]
        lengths = np.linalg.norm(positions[0, sender] - positions[0, receiver], axis=-1)
        graph = csr_array((lengths, (sender, receiver)), shape=(len(positions[0]),) * 2)
        return (dijkstra(graph, indices=0),)
