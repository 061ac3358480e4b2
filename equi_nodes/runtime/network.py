"""One call over torch, ONNX Runtime and TensorRT: arrays in, arrays out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from equi_nodes.runtime.deployment import is_given


class Network(Protocol):
    """A network that runs somewhere.

    Attributes:
        name: of the backend.
        dtype: of its inputs and outputs.
        architecture: the model's own, with the sizes that it was built with.
    """

    name: str
    dtype: type
    architecture: Any

    def __call__(self, *inputs: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """Run the network on its inputs, in the order of its ``forward``; None for absent ones."""


def open_network(model: str, weights: str, backend: str, threads: int) -> Network:
    """Return the network of ``model`` on a backend.

    Args:
        model: eqmotion, e2_planner, arteq or apen.
        weights: path of a safetensors file, empty for the shipped one.
        backend: torch, onnx, tensorrt, or auto for the fastest at hand.
        threads: processor threads it may use.

    Raises:
        EquiError: weights or backend cannot be had.
    """
    backend = best_backend() if backend == "auto" else backend
    return _BACKENDS[backend](model, weights, threads)


def best_backend() -> str:
    """Return the fastest backend at hand."""
    if importlib.util.find_spec("tensorrt_rtx") and _has_gpu():
        return "tensorrt"
    return "onnx" if importlib.util.find_spec("onnxruntime") else "torch"


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


class TorchNetwork:
    """The network in eager torch, on a GPU where there is one; in double precision if asked."""

    name = "torch"

    def __init__(self, model: str, weights: str, threads: int, dtype: type = np.float32):
        import torch

        from equi_nodes.runtime.deploy import DEPLOYMENTS
        from equi_nodes.runtime.weights import load_model

        torch.set_num_threads(threads)
        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = dtype
        loaded = load_model(model, weights)
        self.architecture = loaded.architecture
        network = DEPLOYMENTS[model].form(loaded).eval().to(self._device)
        self._network = network.double() if dtype is np.float64 else network

    def __call__(self, *inputs: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """Run the network."""
        with self._torch.inference_mode():
            tensors = [array if array is None else self._tensor(array) for array in inputs]
            return tuple(output.cpu().numpy() for output in self._network(*tensors))

    def _tensor(self, array: np.ndarray) -> Any:
        return self._torch.from_numpy(array).to(self._device)


class OnnxNetwork:
    """An exported network in ONNX Runtime.

    Args:
        path: the exported file.
        threads: processor threads it may use.
        architecture: of the model, where somebody asks for it.
    """

    name = "onnx"
    dtype = np.float32

    def __init__(self, path: Path, threads: int, architecture: Any = None):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = ["CPUExecutionProvider"]
        self.architecture = architecture
        self._session = onnxruntime.InferenceSession(str(path), options, providers)
        self._inputs = [node.name for node in self._session.get_inputs()]

    def __call__(self, *inputs: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """Run the network."""
        return tuple(self._session.run(None, dict(zip(self._inputs, filter(is_given, inputs)))))


def _onnx(model: str, weights: str, threads: int) -> Network:
    from equi_nodes.runtime.engine_cache import cached_onnx
    from equi_nodes.runtime.weights import read_architecture

    return OnnxNetwork(cached_onnx(model, weights), threads, read_architecture(model, weights))


def _tensorrt(model: str, weights: str, threads: int) -> Network:
    from equi_nodes.runtime.tensorrt import TensorRtNetwork

    return TensorRtNetwork(model, weights)


_BACKENDS: dict[str, Callable[[str, str, int], Network]] = {
    "torch": TorchNetwork,
    "onnx": _onnx,
    "tensorrt": _tensorrt,
}
