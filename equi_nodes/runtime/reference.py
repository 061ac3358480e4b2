"""What the speed of our networks is compared with, such as the published form of EqMotion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from equi_nodes.models.eqmotion import FAITHFUL, Decoder, EqMotion, FeatureLayer, observe, pair_up


class SerialHeads(nn.Module):
    """As released: every head is a whole layer, its pattern computed and thrown away."""

    def __init__(self) -> None:
        super().__init__()
        single = replace(FAITHFUL, modes=1)
        self.trunk = EqMotion(single)
        self.heads = nn.ModuleList(FeatureLayer(single) for _ in range(FAITHFUL.modes))
        self.outputs = nn.ModuleList(Decoder(single) for _ in range(FAITHFUL.modes))

    def forward(self, past: Tensor, mask: Tensor, time_step: Tensor) -> Tensor:
        """Return paths (B, A, K, F, 2)."""
        seen = observe(FAITHFUL, past, mask, time_step)
        pairs = pair_up(FAITHFUL, seen)
        geometry, motion, pattern = self.trunk.initialise(seen)
        categories = self.trunk.reason(geometry, motion, pattern, pairs)
        for layer in self.trunk.layers:
            geometry, pattern = layer(geometry, motion, pattern, categories, pairs)
        paths = []
        for head, output in zip(self.heads, self.outputs):
            features, unused = head(geometry, motion, pattern, categories, pairs)
            paths.append(output(features, unused, seen)[0])
        return torch.cat(paths, 2)


class RandomNetwork:
    """A network with random weights on the inputs of ours: its time counts, not its answers."""

    dtype = np.float32

    def __init__(self, name: str, network: nn.Module, threads: int):
        torch.set_num_threads(threads)
        self.name, self._network = name, network.eval()
        self.architecture = None

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the network."""
        with torch.inference_mode():
            found = self._network(*map(torch.from_numpy, inputs))
            return tuple(part.numpy() for part in (found if isinstance(found, tuple) else (found,)))
