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
from equi_nodes.runtime.export import export_onnx, parity
from equi_nodes.runtime.network import OnnxNetwork
from equi_nodes.runtime.weights import save_model, shipped_weights

LIMIT = 1e-3  # of figures of sticks, whose frame is hardly determined; of people it is 3e-5
SMALL = Architecture(kernels=4, frame_width=16, width=32, layers=1, passes=1)


@pytest.fixture(scope="module")
def onnx() -> Path:
    """The exported network that is shipped."""
    if not shipped_weights("arteq").exists():
        pytest.skip("no weights of arteq are shipped")
    return engine_cache.cached_onnx("arteq", "")


def test_onnx_runtime_agrees_with_torch_before_and_after_a_turn(onnx: Path) -> None:
    found = parity("arteq", shipped_weights("arteq"), onnx)
    assert found["parity_max"] < LIMIT and found["parity_max_rotated"] < LIMIT


@pytest.mark.parametrize(("people", "points"), [(1, 96), (4, 300)])
def test_numbers_of_people_and_points_are_free(onnx: Path, people: int, points: int) -> None:
    network = OnnxNetwork(onnx, 1)
    rng = np.random.default_rng(0)
    scenes = [DEPLOYMENTS["arteq"].scene(Architecture(), points, rng) for _ in range(people)]
    said = Estimate(*network(*map(np.concatenate, zip(*scenes))))
    assert said.parts.shape == (people, points, 23)
    for number, scene in enumerate(scenes):
        for one, all_of_them in zip(network(*scene), said):
            np.testing.assert_allclose(one[0], all_of_them[number], atol=LIMIT)


@pytest.mark.timeout(400)
def test_a_network_of_other_sizes_is_exported(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights, path = tmp_path / "small.safetensors", tmp_path / "small.onnx"
    save_model(weights, "arteq", ArtEq(SMALL), {})
    export_onnx("arteq", weights, path)
    scene = DEPLOYMENTS["arteq"].scene(SMALL, 150, np.random.default_rng(0))
    assert Estimate(*OnnxNetwork(path, 1)(*scene)).rotations.shape == (1, 22, 3, 3)


def test_bench_has_a_row_for_each_backend_beside_the_reference(tmp_path: Path, onnx: Path) -> None:
    figures = tmp_path / "figures.json"
    sizes = ["--sizes", "128", "--threads", "1", "--json", str(figures)]
    assert main(["bench", "arteq", *sizes]) == 0
    rows = json.loads(figures.read_text())["rows"]
    assert {"reference", "torch", "onnx"} <= {row["backend"] for row in rows}
    assert all(np.isfinite(row["p99_ms"]) and row["size"] == 128 for row in rows)
