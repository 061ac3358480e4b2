"""The network of bodies as it is deployed: points of people in, all of its estimate out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from equi_nodes.geometry.icosahedral import icosahedral
from equi_nodes.geometry.neighbours import seeds_first
from equi_nodes.models.arteq import Architecture, Estimate
from equi_nodes.models.pointnet import Architecture as Plain
from equi_nodes.runtime.deployment import Arrays, Deployment, Outputs

FEWEST = 96  # points; a cloud is padded to so many
FIRST = 64  # points that lie far from each other
LIMBS = 6  # random sticks of a made-up figure, metres long
FARTHEST = 5.0  # m, a cloud is shifted in the check; the caller takes out a far origin


def _scene(a: Architecture | Plain, points: int, rng: np.random.Generator) -> Arrays:
    """Return one figure."""
    return _ordered(_figure(points, rng)[None], np.ones((1, points), bool))


def _draw(a: Architecture | Plain, rng: np.random.Generator) -> Arrays:
    """Return figures of random number, each of a random number of points."""
    people, points = int(rng.integers(1, 4)), int(rng.integers(FEWEST, 400))
    counts = rng.integers(FIRST, points + 1, people)
    clouds = np.stack([_figure(points, rng) for _ in range(people)])
    return _ordered(clouds, np.arange(points) < counts[:, None])


def _figure(points: int, rng: np.random.Generator) -> np.ndarray:
    """Return points (N, 3) along sticks that leave a middle."""
    ends = rng.normal(0, 0.5, (LIMBS, 3))
    along = rng.random((points, 1)) * ends[rng.integers(LIMBS, size=points)]
    return (along + rng.normal(0, 0.05, (points, 3))).astype(np.float32)


def _ordered(clouds: np.ndarray, mask: np.ndarray) -> Arrays:
    order = seeds_first(torch.from_numpy(clouds), torch.from_numpy(mask), FIRST).numpy()
    people = np.arange(len(clouds))[:, None]
    return clouds[people, order], mask[people, order]


def _comparable(inputs: Arrays, outputs: Outputs) -> Outputs:
    """Return all outputs, of single points those that are there."""
    mask, found = inputs[1], Estimate(*outputs)
    return tuple(
        _flat(np.where(mask[..., None], _flat(part), 0.0) if name in found._fields[:3] else part)
        for name, part in zip(found._fields, found)
    )


def _flat(part: np.ndarray) -> np.ndarray:
    return part[..., None] if part.ndim == 2 else part


def _move(
    a: Architecture, inputs: Arrays, rng: np.random.Generator
) -> tuple[Arrays, Callable[[Outputs], Outputs]]:
    """Turn by an element of the icosahedral group and shift."""
    matrix = icosahedral().matrices[rng.integers(60)]
    shift = rng.uniform(-FARTHEST, FARTHEST, 3)
    moved = (inputs[0] @ matrix.T + shift).astype(np.float32), inputs[1]

    def expect(outputs: Outputs) -> Outputs:
        said = Estimate(*outputs)
        place = (said.translation[..., 0] @ matrix.T + shift)[..., None]
        return said._replace(rotations=matrix @ said.rotations, translation=place)

    return moved, expect


def _shift(
    a: Plain, inputs: Arrays, rng: np.random.Generator
) -> tuple[Arrays, Callable[[Outputs], Outputs]]:
    shift = rng.uniform(-FARTHEST, FARTHEST, 3)

    def expect(outputs: Outputs) -> Outputs:
        said = Estimate(*outputs)
        return said._replace(translation=said.translation + shift[:, None])

    return ((inputs[0] + shift).astype(np.float32), inputs[1]), expect


def _itself(model: nn.Module) -> nn.Module:
    return model


DEPLOYMENT = Deployment(
    form=_itself,
    inputs=("points", "mask"),
    outputs=Estimate._fields,
    axes={"points": ("people", "count"), "mask": ("people", "count")},
    sizes={"people": (1, 1, 8), "count": (FEWEST, 512, 4096)},
    scene=_scene,
    draw=_draw,
    comparable=_comparable,
    move=_move,
)
PLAIN = replace(DEPLOYMENT, move=_shift)
