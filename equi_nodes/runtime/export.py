"""Export to ONNX with free numbers of scenes and agents, and the check that nothing changed."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from equi_nodes.runtime.deploy import INPUTS, OUTPUTS, deployed
from equi_nodes.runtime.network import OnnxNetwork, TorchNetwork

OPSET = 18
CHECKS = 100  # random inputs, each also rotated


def export_onnx(model: str, weights: str | Path, path: Path) -> None:
    """Write the deployed network as an ONNX file.

    Raises:
        EquiError: the weights cannot be loaded.
    """
    network = deployed(model, weights)
    scenes, agents = torch.export.Dim("scenes"), torch.export.Dim("agents")
    shapes = {name: {0: scenes, 1: agents} for name in INPUTS[model]}
    shapes["time_step"] = {0: scenes}
    with _quiet():
        torch.onnx.export(
            network,
            network.model.example_inputs(),
            str(path),
            input_names=list(INPUTS[model]),
            output_names=list(OUTPUTS[model]),
            dynamic_shapes=shapes,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    _forget_where_it_was_made(path)


def parity(model: str, weights: str | Path, path: Path) -> dict[str, float]:
    """Compare ONNX Runtime with eager torch on random inputs and on rotated copies of them.

    Returns:
        ``parity_max``, the largest difference of any path, probability or covariance, relative
        to the size of that path or matrix where it is over one; ``parity_max_rotated``, the same
        between the paths of ONNX Runtime on the rotated inputs and torch's paths rotated;
        ``equivariance_max``, that of eager torch alone.
    """
    eager, exported = TorchNetwork(model, str(weights), 2), OnnxNetwork.of_file(path, 2)
    rng = np.random.default_rng(0)
    worst = {"parity_max": 0.0, "parity_max_rotated": 0.0, "equivariance_max": 0.0}
    for _ in range(CHECKS):
        past, mask, time_step = _random_inputs(rng)
        turn = _rotation(rng.uniform(0, 2 * np.pi))
        turned = (past @ turn.T).astype(np.float32)
        here, there = eager(past, mask, time_step), exported(past, mask, time_step)
        expected = here[0] @ turn.T
        after = exported(turned, mask, time_step)[0], eager(turned, mask, time_step)[0]
        differences = [_difference(two, one) for one, two in zip(here[:3], there[:3])]
        found = (max(differences), *(_difference(paths, expected) for paths in after))
        worst = {key: max(value, float(new)) for (key, value), new in zip(worst.items(), found)}
    return worst


def _forget_where_it_was_made(path: Path) -> None:
    """Remove the exporter's stack traces: they name folders of the machine it ran on."""
    exported = onnx.load(path)
    graph = exported.graph
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(exported, path)


def _random_inputs(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Return scenes and agents of random number, walking, some steps unseen, at a random rate."""
    scenes, agents = rng.integers(1, 4), rng.integers(1, 40)
    starts = rng.normal(0, 5, (scenes, agents, 1, 2))
    time_step = rng.uniform(0.1, 1.0, scenes).astype(np.float32)
    strides = time_step[:, None, None, None] * rng.normal(0, 1.0, (scenes, agents, 8, 2))
    past = (starts + strides.cumsum(2)).astype(np.float32)
    mask = rng.random((scenes, agents, 8)) > 0.2
    mask[..., -1] = rng.random((scenes, agents)) > 0.1
    return past, mask, time_step


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    size = np.abs(expected).max((-2, -1), keepdims=True)
    return float((np.abs(found - expected) / np.maximum(1, size)).max())


def _rotation(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@contextlib.contextmanager
def _quiet():  # noqa: ANN202
    """Silence what the exporter says of torch's own internals."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
