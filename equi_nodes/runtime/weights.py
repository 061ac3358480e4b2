"""Weights on disk: safetensors with the architecture inside, and a card beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from equi_nodes.errors import EquiError
from equi_nodes.models import eqmotion
from equi_nodes.runtime.card import matches_card, sha256

SHIPPED = Path(__file__).resolve().parents[1] / "weights"
MODELS: dict[str, tuple[type[nn.Module], Callable]] = {
    "eqmotion": (eqmotion.EqMotion, eqmotion.Architecture),
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
        name: eqmotion, ...
        path: the safetensors file; empty takes the shipped one.

    Raises:
        EquiError: the file is missing, damaged, of another model or of another shape.
    """
    path = Path(path) if path else shipped_weights(name)
    architecture, tensors = _read(path, name)
    _check_card(path)
    model_class, architecture_class = MODELS[name]
    try:
        model = model_class(architecture_class(**architecture))
        model.load_state_dict(tensors)
    except (TypeError, RuntimeError) as error:
        raise EquiError(
            f"The weights {path} do not fit this version of {name}; train them again with"
            f" `equi train {name}` or take the shipped ones."
        ) from error
    return model.eval().requires_grad_(False)


def _read(path: Path, name: str) -> tuple[dict, dict]:
    if not path.is_file():
        raise EquiError(f"There are no weights at {path}; check the path, or leave it empty.")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}
    except (SafetensorError, OSError) as error:
        raise EquiError(f"The weights {path} are damaged ({error}); copy them again.") from error
    if metadata.get("model") != name:
        found = metadata.get("model", "an unknown model")
        raise EquiError(f"The weights {path} belong to {found}, not to {name}; give others.")
    return json.loads(metadata["architecture"]), tensors


def _check_card(path: Path) -> None:
    if path.with_suffix(".json").is_file() and not matches_card(path):
        raise EquiError(f"The weights {path} do not match the hash on their card; copy them again.")
