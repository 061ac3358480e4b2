"""Export to ONNX with free numbers of scenes and agents, and the check that nothing changed."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import torch

from equi_nodes.runtime.deploy import INPUTS, OUTPUTS, deployed
from equi_nodes.runtime.network import open_session

OPSET = 18


def export_onnx(model: str, weights: str | Path, path: Path) -> None:
    """Write the deployed network as an ONNX file.

    Raises:
        EquiError: the weights cannot be loaded.
    """
    network = deployed(model, weights)
    scenes, agents = torch.export.Dim("scenes"), torch.export.Dim("agents")
    shapes = {name: {0: scenes, 1: agents} for name in INPUTS[model]}
    shapes["time_step"] = {0: scenes}
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
