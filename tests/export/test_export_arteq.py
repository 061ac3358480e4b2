"""The exported network of bodies is the network: on random people, on moved ones, at any size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from equi_nodes.cli.main import main
from equi_nodes.models.arteq import Architecture, ArtEq, Estimate
from equi_nodes.runtime import engine_cache
from equi_nodes.runtime.deploy import DEPLOYMENTS
from equi_nodes.runtime.export import parity
from equi_nodes.runtime.network import open_network
from equi_nodes.runtime.weights import save_model

LIMIT = 1e-3  # of a network that has not learned: its frames are hardly determined
SMALL = Architecture(kernels=4, frame_width=16, width=32, layers=1, passes=1)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "arteq.safetensors"
    save_model(path, "arteq", ArtEq(SMALL), {})
    return str(path)


@pytest.fixture(scope="module")
def onnx(weights: str, tmp_path_factory) -> Path:
    patch = pytest.MonkeyPatch()
    patch.setenv("EQUI_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield engine_cache.cached_onnx("arteq", weights)
    patch.undo()


def test_onnx_runtime_agrees_with_torch_before_and_after_a_turn(weights: str, onnx: Path) -> None:
    found = parity("arteq", weights, onnx)
    assert found["parity_max"] < LIMIT and found["parity_max_rotated"] < LIMIT


@pytest.mark.parametrize(("people", "points"), [(1, 96), (4, 300)])
def test_numbers_of_people_and_points_are_free(
    weights: str, onnx: Path, people: int, points: int
) -> None:
    network = open_network("arteq", weights, "onnx", 1)
    rng = np.random.default_rng(0)
    scenes = [DEPLOYMENTS["arteq"].scene(SMALL, points, rng) for _ in range(people)]
    said = Estimate(*network(*map(np.concatenate, zip(*scenes))))
    assert said.parts.shape == (people, points, 23)
    for number, scene in enumerate(scenes):
        for one, all_of_them in zip(network(*scene), said):
            np.testing.assert_allclose(one[0], all_of_them[number], atol=LIMIT)


def test_a_tensorrt_engine_is_built_without_a_gpu(onnx: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed (an optional extra)")
    from equi_nodes.runtime.tensorrt import CAPABILITY, build_engine

    assert len(build_engine("arteq", onnx, CAPABILITY)) > 10_000


def test_bench_has_a_row_for_each_backend_beside_the_reference(tmp_path, weights, onnx) -> None:
    figures = tmp_path / "figures.json"
    sizes = ["--sizes", "128", "--threads", "1", "--weights", weights, "--json", str(figures)]
    assert main(["bench", "arteq", *sizes]) == 0
    rows = json.loads(figures.read_text())["rows"]
    assert {"reference", "torch", "onnx"} <= {row["backend"] for row in rows}
    assert all(np.isfinite(row["p99_ms"]) and row["size"] == 128 for row in rows)
