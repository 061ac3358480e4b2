"""The exported planning network is the network: on random graphs, on moved ones, at any size."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from equi_nodes.cli.main import main
from equi_nodes.models.e2_planner import Architecture, E2Planner
from equi_nodes.runtime import engine_cache
from equi_nodes.runtime.deploy import DEPLOYMENTS
from equi_nodes.runtime.export import parity
from equi_nodes.runtime.network import OnnxNetwork, open_network
from equi_nodes.runtime.weights import save_model

LIMIT = 1e-4
PLANNER = DEPLOYMENTS["e2_planner"]
ARCHITECTURES = {
    "flags": Architecture(scalars=3, iterations=3),
    "scans": Architecture(
        group="D8", scalars=2, vectors=1, views=8, view_width=3, fields=4, iterations=3
    ),
    "cameras": Architecture(views=4, view_width=6, mirrored=False, iterations=3),
}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def weights(request, tmp_path_factory) -> str:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / f"{request.param}.safetensors"
    save_model(path, "e2_planner", E2Planner(ARCHITECTURES[request.param]), {})
    return str(path)


@pytest.fixture(scope="module")
def onnx(weights: str, tmp_path_factory) -> Path:
    patch = pytest.MonkeyPatch()
    patch.setenv("EQUI_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield engine_cache.cached_onnx("e2_planner", weights)
    patch.undo()


def test_onnx_runtime_agrees_with_torch_before_and_after_a_move(weights: str, onnx: Path) -> None:
    found = parity("e2_planner", weights, onnx)
    assert found["parity_max"] < LIMIT and found["parity_max_rotated"] < LIMIT


@pytest.mark.parametrize("nodes", [2, 3, 2048])
def test_numbers_of_graphs_nodes_and_neighbours_are_free(
    weights: str, onnx: Path, nodes: int
) -> None:
    network = open_network("e2_planner", weights, "onnx", 1)
    rng = np.random.default_rng(0)
    scenes = [PLANNER.scene(network.architecture, nodes, rng) for _ in range(2)]
    together = [None if parts[0] is None else np.concatenate(parts) for parts in zip(*scenes)]
    edges, readouts = network(*together)
    assert edges.shape == together[-1].shape and readouts.shape == (2, nodes, 2)
    for i, scene in enumerate(scenes):
        alone = network(*scene)
        np.testing.assert_allclose(edges[i], alone[0][0], atol=LIMIT)
        np.testing.assert_allclose(readouts[i], alone[1][0], atol=LIMIT)


def test_graph_of_one_node_without_neighbours_is_answered(weights: str, onnx: Path) -> None:
    architecture = open_network("e2_planner", weights, "torch", 1).architecture
    scene = PLANNER.scene(architecture, 2, np.random.default_rng(0))
    alone = [None if part is None else part[:, :1] for part in scene]
    alone[4], alone[6] = np.zeros_like(alone[4]), np.zeros_like(alone[6])
    edges, readouts = OnnxNetwork(onnx, 1)(*alone)
    assert edges.shape == (1, 1, 1) and np.isfinite(readouts).all()


def test_inputs_of_no_width_are_the_same_as_absent_ones(weights: str, onnx: Path) -> None:
    network = OnnxNetwork(onnx, 1)
    architecture = open_network("e2_planner", weights, "torch", 1).architecture
    given = PLANNER.scene(architecture, 20, np.random.default_rng(0))
    empty = np.zeros((1, 20, 0, 2), np.float32)
    filled = [empty if part is None else part for part in given]
    np.testing.assert_array_equal(network(*given)[0], network(*filled)[0])


def test_a_tensorrt_engine_is_built_without_a_gpu(onnx: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed (an optional extra)")
    from equi_nodes.runtime.tensorrt import CAPABILITY, build_engine

    assert len(build_engine("e2_planner", onnx, CAPABILITY)) > 10_000


def test_bench_has_a_row_for_each_backend_beside_the_reference(tmp_path, weights, onnx) -> None:
    figures = tmp_path / "figures.json"
    sizes = ["--sizes", "16", "--threads", "1", "--weights", weights, "--json", str(figures)]
    assert main(["bench", "e2_planner", *sizes]) == 0
    rows = json.loads(figures.read_text())["rows"]
    assert {"dijkstra", "reference", "torch", "onnx"} <= {row["backend"] for row in rows}
    assert all(np.isfinite(row["p99_ms"]) and row["size"] == 16 for row in rows)
