"""Usual networks that label points: what the speed of APEN is compared with."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn


class ReferenceSegmenter:
    """A network on the inputs of ours, its time and not its answers: the weights are random."""

    architecture = None
    dtype = np.float32

    def __init__(self, name: str, network: nn.Module, threads: int):
        torch.set_num_threads(threads)
        self.name, self._network = name, network.eval()

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the network."""
        with torch.inference_mode():
            return (self._network(*map(torch.from_numpy, inputs)).numpy(),)
