"""The network of parts as it is deployed: points in, parts and what they are out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from equi_nodes.geometry.neighbours import seeds_first
from equi_nodes.geometry.rotations import exp_so3, rotation
from equi_nodes.models.apen import APEN, Architecture
from equi_nodes.runtime.deployment import Arrays, Deployment, Outputs

# m, from and to: trunk, head, arms, legs and feet of a made-up figure that looks along x
LIMBS = np.array([
    [(0, 0, 0), (0, 0, 0.5)], [(0, 0, 0.6), (0, 0, 0.8)],
    [(0, 0.2, 0.5), (0, 0.75, 0.5)], [(0, -0.2, 0.5), (0, -0.75, 0.5)],
    [(0, 0.1, 0), (0, 0.1, -0.85)], [(0, -0.1, 0), (0, -0.1, -0.85)],
    [(0, 0.1, -0.9), (0.2, 0.1, -0.9)], [(0, -0.1, -0.9), (0.2, -0.1, -0.9)],
])  # fmt: skip
THICK = np.array([  # m, deviations of each along the axes: a trunk is wider than it is deep
    (0.07, 0.12, 0.03), (0.06, 0.05, 0.03), (0.03, 0.03, 0.03), (0.03, 0.03, 0.03),
    (0.05, 0.05, 0.03), (0.05, 0.05, 0.03), (0.02, 0.03, 0.02), (0.02, 0.03, 0.02),
])  # fmt: skip
BENT = 0.05  # rad, deviation about each axis
FARTHEST = 0.2  # m, a cloud is shifted in the check; the caller takes out a far origin


class DeployedAPEN(nn.Module):
    """APEN without what only its training needs, and with numbers of layers last."""

    def __init__(self, model: APEN):
        super().__init__()
        self.model = model

    def forward(self, points: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        """Return logits, category, instance, confidence, delta (B, L) and live (B, L)."""
        found = self.model(points, mask)
        return (
            found.logits, found.category, found.instance, found.confidence,
            found.delta.T, found.live.T,
        )  # fmt: skip


def spread_first(architecture: Architecture, points: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the order (B, N) in which the network takes points (B, N, 3): its seeds first."""
    given = torch.from_numpy(points), torch.from_numpy(mask)
    return seeds_first(*given, architecture.seeds).numpy()


def _scene(architecture: Architecture, points: int, rng: np.random.Generator) -> Arrays:
    """Return one cloud of about a person's size."""
    cloud = (rng.normal(size=(1, points, 3)) * (0.2, 0.2, 0.5)).astype(np.float32)
    return _ordered(architecture, cloud, np.ones((1, points), bool))


def _draw(a: Architecture, rng: np.random.Generator) -> Arrays:
    """Return figures of random number with limbs bent at random, some points missing.

    Clouds that look the same from several sides would not do: their frames are any of several.
    """
    clouds, points = int(rng.integers(1, 4)), int(rng.integers(200, 500))
    turns = exp_so3(rng.normal(0, BENT, (clouds, len(LIMBS), 3)))
    starts, along = LIMBS[:, 0], (turns @ (LIMBS[:, 1] - LIMBS[:, 0])[..., None])[..., 0]
    limb = rng.integers(len(LIMBS), size=(clouds, points))
    share = rng.random((clouds, points, 1))
    cloud = starts[limb] + share * np.take_along_axis(along, limb[..., None], 1)
    cloud += rng.normal(size=cloud.shape) * THICK[limb]
    return _ordered(a, cloud.astype(np.float32), rng.random((clouds, points)) > 0.1)


def _ordered(architecture: Architecture, cloud: np.ndarray, mask: np.ndarray) -> Arrays:
    order = spread_first(architecture, cloud, mask)
    rows = np.arange(len(cloud))[:, None]
    return cloud[rows, order], mask[rows, order]


def _comparable(inputs: Arrays, outputs: Outputs) -> Outputs:
    """Return the logits of the points that are there, those of the whole, and the confidence."""
    mask = inputs[1]
    return np.where(mask[..., None], outputs[0], 0.0), outputs[1], outputs[3]


def _move(
    architecture: Architecture, inputs: Arrays, rng: np.random.Generator
) -> tuple[Arrays, Callable[[Outputs], Outputs]]:
    """Turn by any rotation and shift."""
    moved = inputs[0] @ rotation(rng.normal(size=4)).T + rng.uniform(-FARTHEST, FARTHEST, 3)
    return (moved.astype(np.float32), inputs[1]), lambda same: same


_CLOUD = ("clouds", "points")
DEPLOYMENT = Deployment(
    form=DeployedAPEN,
    inputs=("points", "mask"),
    outputs=("logits", "category", "instance", "confidence", "delta", "live"),
    axes={"points": _CLOUD, "mask": _CLOUD},
    sizes={"clouds": (1, 1, 1), "points": (128, 2048, 4096)},
    scene=_scene,
    draw=_draw,
    comparable=_comparable,
    move=_move,
)
