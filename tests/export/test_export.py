"""The exported network is the network: on random inputs, on rotated ones, at any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from equi_nodes.errors import EquiError
from equi_nodes.models.eqmotion import Architecture, EqMotion
from equi_nodes.runtime import engine_cache
from equi_nodes.runtime.export import parity
from equi_nodes.runtime.network import OnnxNetwork, open_network
from equi_nodes.runtime.weights import MODELS, load_model, save_model, shipped_weights

LIMIT = 1e-4


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "eqmotion.safetensors"
    small = Architecture(channels=8, width=16, layers=1, modes=3)
    save_model(path, "eqmotion", EqMotion(small), {})
    return path


@pytest.fixture(scope="module")
def onnx(weights: Path, tmp_path_factory) -> Path:
    patch = pytest.MonkeyPatch()
    patch.setenv("EQUI_CACHE", str(tmp_path_factory.mktemp("cache")))
    yield engine_cache.cached_onnx("eqmotion", str(weights))
    patch.undo()


def test_onnx_runtime_agrees_with_torch_before_and_after_rotation(
    weights: Path, onnx: Path
) -> None:
    found = parity("eqmotion", weights, onnx)
    assert found["parity_max"] < LIMIT and found["parity_max_rotated"] < LIMIT


@pytest.mark.parametrize("agents", [1, 2, 50])
def test_scenes_of_a_batch_do_not_touch_each_other(onnx: Path, agents: int) -> None:
    network, rng = OnnxNetwork(onnx, 1), np.random.default_rng(0)
    past = rng.normal(0, 1, (3, agents, 8, 2)).astype(np.float32)
    mask = np.ones((3, agents, 8), bool)
    time_step = np.full(3, 0.4, np.float32)
    together = network(past, mask, time_step)[0]
    alone = [network(past[i : i + 1], mask[:1], time_step[:1])[0][0] for i in range(3)]
    np.testing.assert_allclose(together, alone, atol=LIMIT)


def test_the_second_opening_takes_the_cached_file(weights: Path, onnx: Path) -> None:
    written = onnx.stat().st_mtime_ns
    assert engine_cache.cached_onnx("eqmotion", str(weights)) == onnx
    assert onnx.stat().st_mtime_ns == written


def test_the_cache_knows_weights_by_their_content(weights: Path, onnx: Path, tmp_path) -> None:
    copy = tmp_path / "renamed.safetensors"
    copy.write_bytes(weights.read_bytes())
    assert engine_cache.cached_onnx("eqmotion", str(copy)) == onnx


def test_an_interrupted_making_leaves_nothing_in_the_cache(onnx: Path) -> None:
    def interrupted(path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine_cache.cached_file("half.bin", interrupted)
    assert not list(onnx.parent.glob("half.bin*"))


def test_a_tensorrt_engine_is_built_without_a_gpu(onnx: Path) -> None:
    pytest.importorskip("tensorrt_rtx", reason="tensorrt-rtx is not installed (an optional extra)")
    from equi_nodes.runtime.tensorrt import CAPABILITY, build_engine

    assert len(build_engine("eqmotion", onnx, CAPABILITY)) > 10_000


def test_missing_damaged_and_foreign_weights_get_one_sentence(weights: Path, tmp_path) -> None:
    with pytest.raises(EquiError, match="no weights at"):
        load_model("eqmotion", tmp_path / "none.safetensors")
    truncated = tmp_path / "truncated.safetensors"
    truncated.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(EquiError, match="damaged"):
        load_model("eqmotion", truncated)
    other = tmp_path / "other.safetensors"
    save_model(other, "arteq", EqMotion(Architecture(channels=8, width=16)), {})
    with pytest.raises(EquiError, match="belong to arteq"):
        load_model("eqmotion", other)


def test_weights_of_another_shape_get_one_sentence(tmp_path) -> None:
    path = tmp_path / "odd.safetensors"
    model = EqMotion(Architecture(channels=8, width=16))
    model.architecture = Architecture(channels=16, width=16)
    save_model(path, "eqmotion", model, {})
    with pytest.raises(EquiError, match="do not fit"):
        load_model("eqmotion", path)


def test_weights_that_do_not_match_their_card_get_one_sentence(weights: Path, tmp_path) -> None:
    path = tmp_path / "eqmotion.safetensors"
    path.write_bytes(weights.read_bytes())
    path.with_suffix(".json").write_text('{"sha256": "0"}')
    with pytest.raises(EquiError, match="hash on their card"):
        load_model("eqmotion", path)


def test_every_backend_that_is_missing_says_what_to_do(weights: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU: TensorRT can run")
    with pytest.raises(EquiError, match="TensorRT"):
        open_network("eqmotion", str(weights), "tensorrt", 1)


@pytest.mark.parametrize("model", MODELS)
def test_the_shipped_weights_have_their_onnx_file_beside_them(model: str) -> None:
    shipped = shipped_weights(model)
    if not shipped.is_file():
        pytest.skip(f"no weights of {model} are shipped")
    assert engine_cache.cached_onnx(model, "").parent == shipped.parent
    assert [path.name for path in shipped.parent.glob(f"{model}-*.onnx")] == [
        engine_cache.onnx_name(model, shipped)
    ]


@pytest.mark.parametrize("model", MODELS)
def test_the_shipped_weights_load_and_match_their_cards(model: str) -> None:
    for path in sorted(shipped_weights(model).parent.glob(f"{model}*.safetensors")):
        assert path.with_suffix(".json").is_file()
        load_model(model, path)
