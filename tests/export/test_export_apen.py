"""The exported network of parts is the network, also on turned clouds, and it gets weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from equi_nodes.models.apen import APEN, Architecture
from equi_nodes.runtime import engine_cache
from equi_nodes.runtime.apen import DEPLOYMENT
from equi_nodes.runtime.export import parity
from equi_nodes.runtime.network import open_network
from equi_nodes.runtime.weights import save_model

SMALL = Architecture(  # an export takes longer the more is unrolled
    labels=5, categories=3, cells=24, scalars=16, vectors=4, moments=2, sigmas=(0.03, 0.1), steps=3
)
LOOKS = {"pieces": SMALL, "figure": replace(SMALL, figure=True, tokens=(24,))}
LIMIT = 5e-3  # of logits of up to thirty, of figures whose frames are less sure than of people


@pytest.fixture(scope="module", params=LOOKS.values(), ids=LOOKS)
def small(request) -> Architecture:
    return request.param


@pytest.fixture(scope="module")
def weights(small: Architecture, tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "apen.safetensors"
    save_model(path, "apen", APEN(small), {})
    return path


@pytest.fixture(scope="module")
def onnx(weights: Path, tmp_path_factory) -> Path:
    patch = pytest.MonkeyPatch()
    patch.setenv("EQUI_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield engine_cache.cached_onnx("apen", str(weights))
    patch.undo()


@pytest.mark.timeout(400)  # looks at four hundred figures by one core, a minute or two
def test_the_shipped_network_agrees_with_torch_also_on_turned_bodies() -> None:
    found = parity("apen", "", engine_cache.cached_onnx("apen", ""))
    assert found["parity_max"] < LIMIT and found["parity_max_rotated"] < LIMIT


@pytest.mark.parametrize("points", [30, 700])
def test_both_backends_find_the_same_parts_at_any_size(weights, onnx, small, points: int):
    scene = DEPLOYMENT.scene(small, points, np.random.default_rng(0))
    both = [open_network("apen", str(weights), backend, 1) for backend in ("torch", "onnx")]
    found = [dict(zip(DEPLOYMENT.outputs, network(*scene))) for network in both]
    assert all(network.architecture == small for network in both)
    for name in ("instance", "live"):
        np.testing.assert_array_equal(found[0][name], found[1][name])
    assert found[0]["logits"].shape == (1, points, small.labels)
    assert found[0]["delta"].shape == (1, len(small.sigmas))


def test_a_tensorrt_engine_is_built_without_a_gpu(onnx: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed (an optional extra)")
    from equi_nodes.runtime.tensorrt import CAPABILITY, build_engine

    assert len(build_engine("apen", onnx, CAPABILITY)) > 10_000
