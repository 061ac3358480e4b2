"""Export to ONNX with free sizes, and the check that nothing changed."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch

from equi_nodes.runtime.deploy import DEPLOYMENTS
from equi_nodes.runtime.deployment import is_given
from equi_nodes.runtime.network import OnnxNetwork, TorchNetwork
from equi_nodes.runtime.weights import load_model

OPSET = 18
CHECKS = 100  # random inputs, each also moved


def export_onnx(model: str, weights: str | Path, path: Path) -> None:
    """Write the deployed network as an ONNX file.

    Raises:
        EquiError: the weights cannot be loaded.
    """
    deployment, network = DEPLOYMENTS[model], load_model(model, weights)
    free = {name: _free(name, fewest) for name, (fewest, *_) in deployment.sizes.items()}
    inputs = [part if is_given(part) else None for part in network.example_inputs()]
    names = [name for name, part in zip(deployment.inputs, inputs) if part is not None]
    shapes = {name: dict(enumerate(free[n] for n in deployment.axes[name])) for name in names}
    with _quiet():
        torch.onnx.export(
            deployment.form(network).eval(),
            tuple(inputs),
            str(path),
            input_names=names,
            output_names=list(deployment.outputs),
            dynamic_shapes=tuple(shapes.get(name) for name in deployment.inputs),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    _forget_where_it_was_made(path)


def _free(name: str, fewest: int) -> torch.export.Dim:
    """Return a size that is free from ``fewest`` on; one is no limit."""
    return torch.export.Dim(name, min=fewest if fewest > 1 else None)


def parity(model: str, weights: str | Path, path: Path) -> dict[str, float]:
    """Compare ONNX Runtime with eager torch on random inputs and on moved copies of them.

    A copy is moved by what the network is equivariant to: EqMotion's by a turn of any angle, the
    planner's by an element of its group and a shift.

    Returns:
        ``parity_max``, the largest difference of any output, relative to the size of that path,
        matrix or set of scores where it is over one; ``parity_max_rotated``, the same between
        ONNX Runtime on the moved inputs and torch's outputs moved; ``equivariance_max``, that of
        eager torch alone.
    """
    eager, exported = TorchNetwork(model, str(weights), 1), OnnxNetwork(path, 1)
    deployment, rng = DEPLOYMENTS[model], np.random.default_rng(0)
    worst = {"parity_max": 0.0, "parity_max_rotated": 0.0, "equivariance_max": 0.0}
    for _ in range(CHECKS):
        inputs = deployment.draw(eager.architecture, rng)
        moved, expect = deployment.move(eager.architecture, inputs, rng)
        here, there, after, alone = (
            deployment.comparable(given, network(*given))
            for network, given in (
                (eager, inputs), (exported, inputs), (exported, moved), (eager, moved),
            )
        )  # fmt: skip
        expected = expect(here)
        found = _worst(there, here), _worst(after, expected), _worst(alone, expected)
        worst = {key: max(value, new) for (key, value), new in zip(worst.items(), found)}
    return worst


def _forget_where_it_was_made(path: Path) -> None:
    """Remove the exporter's stack traces: they name folders of the machine it ran on."""
    exported = onnx.load(path)
    graph = exported.graph
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(exported, path)


def _worst(found: tuple[np.ndarray, ...], expected: tuple[np.ndarray, ...]) -> float:
    """Return the largest difference of the outputs that are expected."""
    return max(_difference(one, other) for one, other in zip(found, expected))


def _difference(found: np.ndarray, expected: np.ndarray) -> float:
    size = np.abs(expected).max((-2, -1), keepdims=True)
    return float((np.abs(found - expected) / np.maximum(1, size)).max())


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
