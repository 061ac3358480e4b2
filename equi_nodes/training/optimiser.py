"""How weights follow gradients: AdamW, and Muon for the matrices that a model names, if wanted.

Muon makes the steps of a matrix equally large in all directions (Liu et al., 2025, arXiv
2502.16982); scaled as there it takes the learning rate of AdamW.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Optimiser:
    """Two optimisers as one, whose state can be kept."""

    def __init__(self, model: nn.Module, learning_rate: float, weight_decay: float, muon: bool):
        """Start afresh; with ``muon`` the ``matrices()`` of the model are learned by it."""
        matrices = model.matrices() if muon else []
        others = [own for own in model.parameters() if all(own is not other for other in matrices)]
        how = {"lr": learning_rate, "weight_decay": weight_decay}
        self._own = {"adam": torch.optim.AdamW(others, **how)}
        if matrices:
            scaled = how | {"adjust_lr_fn": "match_rms_adamw"}
            self._own["muon"] = torch.optim.Muon(matrices, **scaled)

    def step(self, learning_rate: float) -> None:
        """Follow the gradients that the parameters hold."""
        for own in self._own.values():
            for group in own.param_groups:
                group["lr"] = learning_rate
            own.step()

    def tensors(self) -> dict[str, Tensor]:
        """Return the state, flat."""
        return {
            f"{name}.{number}.{key}": value
            for name, own in self._own.items()
            for number, moments in own.state_dict()["state"].items()
            for key, value in moments.items()
        }

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take the state from what ``tensors`` gave, among others."""
        for name, own in self._own.items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in under(f"{name}.", tensors).items():
                number, moment = key.split(".", 1)
                state.setdefault(int(number), {})[moment] = value
            groups = own.state_dict()["param_groups"]
            own.load_state_dict({"state": state, "param_groups": groups})


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return those whose name begins with the prefix, without it."""
    return {
        name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)
    }
