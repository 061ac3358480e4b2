"""EqMotion as it is deployed: paths, probabilities and covariances around each agent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from equi_nodes.models.eqmotion import Architecture, EqMotion
from equi_nodes.runtime.deployment import Arrays, Deployment, Outputs


class DeployedEqMotion(nn.Module):
    """EqMotion that gives probabilities, and neighbours numbered within their scene."""

    def __init__(self, model: EqMotion):
        super().__init__()
        self.model = model

    def forward(self, past: Tensor, mask: Tensor, time_step: Tensor) -> tuple[Tensor, ...]:
        """Return paths, probabilities, covariances, neighbours and interactions."""
        futures = self.model(past, mask, time_step)
        scene = torch.arange(past.shape[0], device=past.device)[:, None, None]
        neighbours = futures.neighbours - scene * past.shape[1]
        paths, probabilities, covariances = futures.distribution()
        return paths, probabilities, covariances, neighbours, futures.interactions


def _scene(architecture: Architecture, agents: int, rng: np.random.Generator) -> Arrays:
    """Return walkers spread so that each has a few neighbours."""
    steps = architecture.past
    starts = rng.uniform(-1, 1, (1, agents, 1, 2)) * 2 * np.sqrt(agents)
    strides = rng.normal(0, 0.4, (1, agents, 1, 2))
    past = starts + strides * np.arange(steps)[:, None]
    return past.astype(np.float32), np.ones((1, agents, steps), bool), np.array([0.4], np.float32)


def _draw(architecture: Architecture, rng: np.random.Generator) -> Arrays:
    """Return scenes and agents of random number, walking, some steps unseen, at a random rate."""
    scenes, agents, steps = rng.integers(1, 4), rng.integers(1, 40), architecture.past
    starts = rng.normal(0, 5, (scenes, agents, 1, 2))
    time_step = rng.uniform(0.1, 1.0, scenes).astype(np.float32)
    strides = time_step[:, None, None, None] * rng.normal(0, 1.0, (scenes, agents, steps, 2))
    past = (starts + strides.cumsum(2)).astype(np.float32)
    mask = rng.random((scenes, agents, steps)) > 0.2
    mask[..., -1] = rng.random((scenes, agents)) > 0.1
    return past, mask, time_step


def _move(
    architecture: Architecture, inputs: Arrays, rng: np.random.Generator
) -> tuple[Arrays, Callable[[Outputs], Outputs]]:
    """Turn by any angle."""
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = (inputs[0] @ turn.T).astype(np.float32), *inputs[1:]
    return moved, lambda outputs: (outputs[0] @ turn.T,)


DEPLOYMENT = Deployment(
    form=DeployedEqMotion,
    inputs=("past", "mask", "time_step"),
    outputs=("paths", "probabilities", "covariances", "neighbours", "interactions"),
    axes={"past": ("scenes", "agents"), "mask": ("scenes", "agents"), "time_step": ("scenes",)},
    sizes={"scenes": (1, 1, 1), "agents": (1, 32, 512)},
    scene=_scene,
    draw=_draw,
    comparable=lambda inputs, outputs: outputs[:3],
    move=_move,
)
