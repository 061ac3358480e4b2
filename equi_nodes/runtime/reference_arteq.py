"""The published form of the network of bodies: what speed is compared with."""

from __future__ import annotations

import numpy as np
import torch

from equi_nodes.models.published_arteq import PublishedArtEq


class ReferenceArtEq:
    """The published form on the inputs of ours, its time and not its answers: random weights."""

    name = "reference"
    architecture = None
    dtype = np.float32

    def __init__(self, threads: int):
        torch.set_num_threads(threads)
        self._network = PublishedArtEq().eval()
        self._parents = torch.zeros(22, dtype=torch.int64)  # which ones costs the same

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the network."""
        with torch.inference_mode():
            found = self._network(torch.from_numpy(inputs[0]), self._parents)
            return tuple(part.numpy() for part in found)
