"""What deploying a model takes: names, free sizes, and inputs to check it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

Arrays = tuple[np.ndarray | None, ...]  # None where the architecture has no such input
Outputs = tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Deployment:
    """One model as it is exported, run and compared.

    Attributes:
        form: makes of the model a module with nothing optional among its outputs.
        inputs, outputs: names, in order.
        axes: names of the first axes of each input; these are free.
        sizes: fewest, usual and most of each axis that a TensorRT engine is built for.
        scene: makes inputs of a size (agents, nodes) for an architecture, as in real use.
        draw: makes inputs of random sizes, with gaps, for an architecture.
        comparable: takes from inputs and outputs what must not change by exporting.
        move: draws a symmetry; returns the moved inputs, and what it makes of ``comparable``.
    """

    form: Callable[[nn.Module], nn.Module]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    axes: dict[str, tuple[str, ...]]
    sizes: dict[str, tuple[int, int, int]]
    scene: Callable[[Any, int, np.random.Generator], Arrays]
    draw: Callable[[Any, np.random.Generator], Arrays]
    comparable: Callable[[Arrays, Outputs], Outputs]
    move: Callable[[Any, Arrays, np.random.Generator], tuple[Arrays, Callable[[Outputs], Outputs]]]


def is_given(array: Any) -> bool:
    """Return whether an input is there: neither None nor of no width."""
    return array is not None and 0 not in array.shape
