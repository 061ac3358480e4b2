"""The whole prediction pipeline moves with the world, in both precisions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equi_nodes.evaluation.symmetry import equivariance_errors
from equi_nodes.models.eqmotion import Architecture, EqMotion
from equi_nodes.pipelines.predict import Predictor
from equi_nodes.runtime.network import TorchNetwork
from equi_nodes.runtime.weights import save_model

TOLERANCE = {np.float32: 1e-4, np.float64: 1e-9}  # m


@pytest.fixture(scope="module", params=[True, False], ids=["SE(2)", "E(2)"])
def weights(request, tmp_path_factory) -> tuple[str, bool]:
    """Return random weights of either symmetry, and whether reflections belong to it."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "eqmotion.safetensors"
    small = Architecture(channels=8, width=16, layers=2, modes=4, chiral=request.param)
    save_model(path, "eqmotion", EqMotion(small), {})
    return str(path), not request.param


def errors(weights: str, dtype: type, reflect: bool) -> dict[str, float]:
    network = TorchNetwork("eqmotion", weights, 2, dtype)

    def last(samples):
        predictor = Predictor(network)
        return [predictor.step(sample) for sample in samples][-1]

    return equivariance_errors(last, reflect)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_predictions_turn_move_and_permute_with_the_world(weights, dtype: type) -> None:
    path, reflects = weights
    for reflect in {False, reflects}:
        found = errors(path, dtype, reflect)
        assert found["near"] < TOLERANCE[dtype]
        assert found["far"] < TOLERANCE[dtype]
        assert found["permuted"] < TOLERANCE[dtype]
        assert found["far_agent"] < TOLERANCE[dtype]


def test_the_chiral_form_tells_left_from_right(weights) -> None:
    path, reflects = weights
    if reflects:
        pytest.skip("E(2) has no left and right")
    assert errors(path, np.float64, reflect=True)["near"] > 1e-3
