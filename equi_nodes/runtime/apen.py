"""The network of parts as it is deployed: points in, parts and what they are out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from equi_nodes.body.model import load_body
from equi_nodes.body.skeleton import JOINTS
from equi_nodes.body.surface import sample_surface
from equi_nodes.geometry.neighbours import seeds_first
from equi_nodes.geometry.rotations import exp_so3, rotation
from equi_nodes.models.apen import APEN, Architecture
from equi_nodes.runtime.deployment import Arrays, Deployment, Outputs

BENT = 0.3  # rad, deviation about each axis of the parts of made-up bodies
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
    return seeds_first(*given, architecture.cells).numpy()


def _scene(architecture: Architecture, points: int, rng: np.random.Generator) -> Arrays:
    """Return one cloud of about a person's size."""
    cloud = (rng.normal(size=(1, points, 3)) * (0.2, 0.2, 0.5)).astype(np.float32)
    return _ordered(architecture, cloud, np.ones((1, points), bool))


def _draw(a: Architecture, rng: np.random.Generator) -> Arrays:
    """Return bodies of random number, each of whose parts is turned at random, points missing.

    Clouds that look the same from several sides would not do: their frames are any of several.
    """
    clouds, points = int(rng.integers(1, 4)), int(rng.integers(200, 500))
    body = load_body()
    turns = np.stack([exp_so3(rng.normal(0, BENT, 3)) for _ in range(clouds * len(JOINTS))])
    turns = torch.from_numpy(turns.reshape(clouds, -1, 3, 3)).float()
    skin = body.pose(
        turns, torch.zeros(clouds, body.shape_dirs.shape[-1]), torch.zeros(clouds, 3)
    ).vertices
    draw = torch.Generator().manual_seed(int(rng.integers(2**31)))
    cloud = sample_surface(skin, body.faces, points, draw).points.numpy()
    return _ordered(a, cloud, rng.random((clouds, points)) > 0.1)


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
