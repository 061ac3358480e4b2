"""TensorRT for RTX: engines built ahead of time, also on a machine without a GPU."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from equi_nodes.errors import EquiError
from equi_nodes.runtime.deploy import DEPLOYMENTS
from equi_nodes.runtime.deployment import is_given
from equi_nodes.runtime.engine_cache import cached_file, cached_onnx
from equi_nodes.runtime.weights import read_architecture

CAPABILITY = "SM80"  # built for without a GPU: Ampere


def build_engine(model: str, onnx_path: Path, capability: str = "CURRENT") -> bytes:
    """Parse an ONNX file and build its engine for the sizes of ``DEPLOYMENTS[model]``.

    Args:
        model: name of the network.
        onnx_path: what ``export_onnx`` wrote.
        capability: compute capability such as SM89, or CURRENT for that of this machine.

    Raises:
        EquiError: TensorRT is missing or refuses the network, with its reason.
    """
    trt = _library()
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(onnx_path)):
        raise EquiError(f"TensorRT cannot read {onnx_path}: {parser.get_error(0).desc()}.")
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        profile.set_shape(tensor.name, *_shapes(model, tensor.name, tuple(tensor.shape)))
    config.add_optimization_profile(profile)
    config.num_compute_capabilities = 1
    config.set_compute_capability(getattr(trt.ComputeCapability, capability), 0)
    engine = builder.build_serialized_network(network, config)
    if engine is None:
        raise EquiError(f"TensorRT could not build an engine for {capability} from {onnx_path}.")
    return bytes(engine)


def build_report(model: str, onnx_path: Path, path: Path) -> dict[str, Any]:
    """Build an engine for this machine's GPU, or for ``CAPABILITY`` without one; say how it went.

    Returns:
        ``built``, ``bytes``, ``seconds``, ``capability`` and ``reason``, the last if it failed.
    """
    import torch

    capability = "CURRENT" if torch.cuda.is_available() else CAPABILITY
    started = time.perf_counter()
    try:
        engine = build_engine(model, onnx_path, capability)
    except EquiError as error:
        return {"built": False, "bytes": 0, "seconds": 0.0, "reason": str(error)}
    path.write_bytes(engine)
    seconds = time.perf_counter() - started
    figures = {"built": True, "bytes": len(engine), "seconds": seconds, "capability": capability}
    return figures | {"reason": ""}


class TensorRtNetwork:
    """The network in a TensorRT engine on a GPU, for one scene or graph at a time."""

    name = "tensorrt"
    dtype = np.float32

    def __init__(self, model: str, weights: str):
        import torch

        trt = _library()
        if not torch.cuda.is_available():
            raise EquiError("TensorRT needs a GPU and there is none; set backend to onnx or torch.")
        self._torch = torch
        onnx_path = cached_onnx(model, weights)
        gpu = torch.cuda.get_device_name().replace(" ", "-")
        name = f"{onnx_path.stem}-{gpu}-trt{trt.__version__}.engine"
        engine_path = cached_file(
            name, lambda path: path.write_bytes(build_engine(model, onnx_path))
        )
        runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
        self._engine = runtime.deserialize_cuda_engine(engine_path.read_bytes())
        self._context = self._engine.create_execution_context()
        names = [self._engine.get_tensor_name(i) for i in range(self._engine.num_io_tensors)]
        is_input = trt.TensorIOMode.INPUT
        self._inputs = [n for n in names if self._engine.get_tensor_mode(n) == is_input]
        self._outputs = [n for n in names if n not in self._inputs]
        self._types = {n: _torch_type(torch, trt, self._engine.get_tensor_dtype(n)) for n in names}
        self.architecture = read_architecture(model, weights)

    def __call__(self, *inputs: np.ndarray | None) -> tuple[np.ndarray, ...]:
        """Run the engine."""
        arrays = map(np.ascontiguousarray, filter(is_given, inputs))
        tensors = [self._torch.from_numpy(array).cuda() for array in arrays]
        for name, tensor in zip(self._inputs, tensors):
            self._context.set_input_shape(name, tuple(tensor.shape))
            self._context.set_tensor_address(name, tensor.data_ptr())
        results = []
        for name in self._outputs:
            shape = tuple(self._context.get_tensor_shape(name))
            result = self._torch.empty(shape, dtype=self._types[name], device="cuda")
            self._context.set_tensor_address(name, result.data_ptr())
            results.append(result)
        stream = self._torch.cuda.current_stream()
        if not self._context.execute_async_v3(stream.cuda_stream):
            raise RuntimeError("TensorRT could not run the engine")
        stream.synchronize()
        return tuple(result.cpu().numpy() for result in results)


def _library():  # noqa: ANN202  the module of an optional package
    try:
        import tensorrt_rtx
    except ImportError as error:
        raise EquiError("TensorRT is missing: `pip install tensorrt-rtx` adds it.") from error
    return tensorrt_rtx


def _shapes(model: str, name: str, declared: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the fewest, usual and most of an input's shape."""
    deployment = DEPLOYMENTS[model]
    axes = [deployment.sizes[axis] for axis in deployment.axes[name]]
    return [(*(axis[k] for axis in axes), *declared[len(axes) :]) for k in range(3)]


def _torch_type(torch: Any, trt: Any, dtype: Any) -> Any:
    types = {trt.float32: torch.float32, trt.int64: torch.int64, trt.int32: torch.int32}
    return types.get(dtype, torch.bool)
