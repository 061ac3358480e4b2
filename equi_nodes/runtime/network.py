"""One call over torch, ONNX Runtime and TensorRT: arrays in, arrays out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np


class Network(Protocol):
    """A network that runs somewhere.

    Attributes:
        name: of the backend.
        past_steps, future_steps: lengths of its input and output.
        dtype: of its inputs and outputs.
    """

    name: str
    dtype: type
    past_steps: int
    future_steps: int

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the network on its inputs, in the order of its ``forward``."""


def open_network(model: str, weights: str, backend: str, threads: int) -> Network:
    """Return the network of ``model`` on a backend.

    Args:
        model: eqmotion, ...
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

        from equi_nodes.runtime.deploy import deployed

        torch.set_num_threads(threads)
        self._torch = torch
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dtype = dtype
        network = deployed(model, weights).to(self._device)
        self._network = network.double() if dtype is np.float64 else network
        architecture = self._network.model.architecture
        self.past_steps, self.future_steps = architecture.past, architecture.future

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the network."""
        with self._torch.inference_mode():
            tensors = (self._torch.from_numpy(array).to(self._device) for array in inputs)
            return tuple(output.cpu().numpy() for output in self._network(*tensors))


class OnnxNetwork:
    """The exported network in ONNX Runtime."""

    name = "onnx"
    dtype = np.float32

    def __init__(self, model: str, weights: str, threads: int):
        from equi_nodes.runtime.engine_cache import cached_onnx

        self._open(cached_onnx(model, weights), threads)

    @classmethod
    def of_file(cls, path: Path, threads: int) -> OnnxNetwork:
        """Return the network of an exported file."""
        network = cls.__new__(cls)
        network._open(path, threads)
        return network

    def _open(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(str(path), options, providers)
        self._inputs = [node.name for node in self._session.get_inputs()]
        self.past_steps = self._session.get_inputs()[0].shape[2]
        self.future_steps = self._session.get_outputs()[0].shape[3]

    def __call__(self, *inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        """Run the network."""
        return tuple(self._session.run(None, dict(zip(self._inputs, inputs))))


def _tensorrt(model: str, weights: str, threads: int) -> Network:
    from equi_nodes.runtime.tensorrt import TensorRtNetwork

    return TensorRtNetwork(model, weights)


_BACKENDS: dict[str, Callable[[str, str, int], Network]] = {
    "torch": TorchNetwork,
    "onnx": OnnxNetwork,
    "tensorrt": _tensorrt,
}
