"""Weights on disk: safetensors with the architecture inside, and a card beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from equi_nodes.errors import EquiError
from equi_nodes.models import apen, arteq, e2_planner, eqmotion, pointnet
from equi_nodes.runtime.card import matches_card, sha256

SHIPPED = Path(__file__).resolve().parents[1] / "weights"
MODELS: dict[str, tuple[type[nn.Module], Callable]] = {
    "eqmotion": (eqmotion.EqMotion, eqmotion.Architecture),
    "e2_planner": (e2_planner.E2Planner, e2_planner.Architecture),
    "arteq": (arteq.ArtEq, arteq.Architecture),
    "pointnet": (pointnet.PointNet, pointnet.Architecture),
    "apen": (apen.APEN, apen.Architecture),
}


def shipped_weights(name: str) -> Path:
    """Return where the package keeps the weights ``name``."""
    return SHIPPED / f"{name}.safetensors"


def save_model(path: Path, name: str, model: nn.Module, card: dict) -> None:
    """Write the weights of a model and its card: what it was trained on, how, and how well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    architecture = asdict(model.architecture)
    tensors = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    save_file(tensors, path, {"model": name, "architecture": json.dumps(architecture)})
    parameters = sum(value.numel() for value in model.parameters())
    card = {"model": name} | card | {"parameters": parameters, "sha256": sha256(path)}
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n")


def load_model(name: str, path: str | Path = "") -> nn.Module:
    """Return a model with its weights, ready for inference.

    Args:
        name: a key of ``MODELS``.
        path: the safetensors file; empty takes the shipped one.

    Raises:
        EquiError: the file is missing, damaged, of another model or of another shape.
    """
    path = Path(path) if path else shipped_weights(name)
    metadata, tensors = _read(path)
    _check_card(path)
    try:
        model = MODELS[name][0](_architecture(name, path, metadata))
        model.load_state_dict(tensors)
    except (TypeError, RuntimeError) as error:
        raise _of_another_version(name, path) from error
    return model.eval().requires_grad_(False)


def read_architecture(name: str, path: str | Path = "") -> Any:
    """Return the sizes of a model without building it; raises EquiError as ``load_model``."""
    path = Path(path) if path else shipped_weights(name)
    try:
        return _architecture(name, path, _read(path)[0])
    except TypeError as error:
        raise _of_another_version(name, path) from error


def _read(path: Path) -> tuple[dict, dict]:
    if not path.is_file():
        raise EquiError(f"There are no weights at {path}; check the path, or leave it empty.")
    try:
        with safe_open(path, "pt") as file:
            return file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError) as error:
        raise EquiError(f"The weights {path} are damaged ({error}); copy them again.") from error


def _architecture(name: str, path: Path, metadata: dict) -> Any:
    if metadata.get("model") != name:
        found = metadata.get("model", "an unknown model")
        raise EquiError(f"The weights {path} belong to {found}, not to {name}; give others.")
    return MODELS[name][1](**json.loads(metadata["architecture"]))


def _of_another_version(name: str, path: Path) -> EquiError:
    return EquiError(
        f"The weights {path} do not fit this version of {name}; train them again with"
        f" `equi train {name}` or take the shipped ones."
    )


def _check_card(path: Path) -> None:
    if path.with_suffix(".json").is_file() and not matches_card(path):
        raise EquiError(f"The weights {path} do not match the hash on their card; copy them again.")
