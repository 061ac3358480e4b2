"""How a network's labels of points change where every true part moves on its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn

    from equi_nodes.datasets.part_batches import PartBatch

SEED = 1_000_000  # of tests; trainings draw from smaller ones


def moved_parts(model: nn.Module, batches: list[PartBatch], labels: int) -> dict[str, float]:
    """Return how many labels change where every true part moves; of ours with known parts, too."""
    from equi_nodes.models.apen import APEN
    from equi_nodes.training.apen import confused

    if not isinstance(model, APEN):
        return {"changed": _changed(model, batches, 1)}
    seeds = model.architecture.seeds
    return {
        "changed": _changed(model, batches, seeds),
        "changed_given_parts": _changed(model, batches, seeds, is_given=True),
        "miou_given_parts": confused(model, batches, labels, is_given=True).figures()["miou"],
    }


def _changed(
    model: nn.Module, batches: list[PartBatch], seeds: int, is_given: bool = False
) -> float:
    """Return the share of points whose label changes where every true part moves on its own.

    With ``is_given`` the network is told the true parts, and its seeds stay the same points.
    """
    import torch

    from equi_nodes.geometry.neighbours import seeds_first
    from equi_nodes.training.apen import logits_of

    rng, shares = np.random.default_rng(SEED), []
    for clouds in batches:
        points = _each_part_turned(clouds, rng)
        order = torch.arange(points.shape[1]).expand(len(points), -1)
        if not is_given:
            order = seeds_first(points, clouds.mask, seeds)  # as it would be for a new cloud
        points = points.gather(1, order[..., None].expand(-1, -1, 3))
        mask = clouds.mask.gather(1, order)
        parts = [clouds.parts + 1] if is_given else []
        turned = [part.gather(1, order) for part in parts]
        with torch.no_grad():
            before = logits_of(model(clouds.points, clouds.mask, *parts)).argmax(-1)
            after = logits_of(model(points, mask, *turned)).argmax(-1)
        before = before.gather(1, order)
        shares.append((before != after)[mask].float().mean().item())
    return float(np.mean(shares))


def _each_part_turned(clouds: PartBatch, rng: np.random.Generator) -> torch.Tensor:
    """Return the points (B, N, 3) with every true part turned at random about its own middle."""
    import torch

    from equi_nodes.datasets.person_clouds import random_rotation

    count = int(clouds.parts.max()) + 2
    turns = torch.from_numpy(np.stack([random_rotation(rng) for _ in range(count)])).float()
    offsets = (clouds.points - clouds.centres)[..., None]
    return clouds.centres + (turns[clouds.parts + 1] @ offsets).squeeze(-1)
