"""What the system tests share: small untrained weights, so that they need no shipped ones."""

from __future__ import annotations

import pytest
import torch

from equi_nodes.models.eqmotion import Architecture, EqMotion
from equi_nodes.runtime.weights import save_model


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """Weights of a small network with fixed random numbers."""
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    torch.manual_seed(0)
    model = EqMotion(Architecture(modes=4, channels=16, width=16, layers=1))
    save_model(path, "eqmotion", model, {"trained": "not at all"})
    return path
