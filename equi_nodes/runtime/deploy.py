"""The network as it is deployed: fixed outputs, nothing optional."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from equi_nodes.models.eqmotion import EqMotion
from equi_nodes.runtime.weights import load_model

INPUTS = {"eqmotion": ("past", "mask", "time_step")}
OUTPUTS = {
    "eqmotion": ("paths", "probabilities", "covariances", "neighbours", "interactions"),
}


class DeployedEqMotion(nn.Module):
    """EqMotion that gives probabilities, and neighbours numbered within their scene."""

    def __init__(self, model: EqMotion):
        super().__init__()
        self.model = model

    def forward(self, past: Tensor, mask: Tensor, time_step: Tensor) -> tuple[Tensor, ...]:
        """Return paths, probabilities, covariances, neighbours and interactions."""
        futures = self.model(past, mask, time_step)
        scene = torch.arange(past.shape[0], device=past.device)[:, None, None]
        neighbours = futures.neighbours - scene * past.shape[1]
        paths, probabilities, covariances = futures.distribution()
        return paths, probabilities, covariances, neighbours, futures.interactions


_DEPLOYED = {"eqmotion": DeployedEqMotion}


def deployed(model: str, weights: str | Path) -> nn.Module:
    """Return the deployed form of a model with its weights; raises EquiError as ``load_model``."""
    return _DEPLOYED[model](load_model(model, weights)).eval()
