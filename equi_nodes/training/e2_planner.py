"""Teaching the planner's network what lies beyond each frontier.

The truth is read from the whole map, which the robot did not know: whether the goal is reached
through what lies beyond, how far it is if so, how far one drives in vain if not; and over which
edge the goal is nearest, at every node.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    smooth_l1_loss,
    softplus,
)

from equi_nodes.datasets.frontier_data import QUANTA, Moment, joined, read_moments
from equi_nodes.evaluation.exploration import CONFIG
from equi_nodes.models.e2_planner import Architecture, E2Planner, Scores
from equi_nodes.planning.frontiers import (
    EDGE_SCALARS,
    IN_VAIN_M,
    READOUTS,
    SCALARS,
    VECTORS,
    much_farther,
)
from equi_nodes.planning.surroundings import DIRECTIONS, WIDTH
from equi_nodes.training.loop import Report, Schedule, Task, fit

ARCHITECTURE = Architecture(
    group="D4",
    scalars=SCALARS,
    vectors=VECTORS,
    views=DIRECTIONS,
    view_width=WIDTH,
    edge_scalars=EDGE_SCALARS,
    fields=8,
    readouts=READOUTS,
    iterations=6,
)
NODES_PER_BATCH = 1000
SHARPNESS = 8.0  # logits of edges are means over the group, which begin small
VALIDATION_SHARE = 0.1
LEADS_ON, LEADS_ON_M = 1.5, 5.0  # a way on is one not longer than so many times that at best
MOST_IN_VAIN_M = 25.0  # nobody goes on for longer
MOST_UNITS = 6.0  # targets in units of their readouts are not larger


@dataclass(frozen=True)
class Weights:
    """Weights of the loss' parts beside the cross-entropy of the chance."""

    beyond: float = 0.3
    in_vain: float = 0.2
    edges: float = 0.1


class Batch(NamedTuple):
    """Moments as one graph of separate parts; letters as in ``models.e2_planner``.

    Attributes:
        inputs: of the network, with one graph.
        is_frontier: (N,) bool.
        leads_on: (N,) float, 1 where the goal is reached beyond.
        farther: (N,) how much farther it is than at best, in the unit of the readout.
        in_vain: (N,) how far one drives in vain, in the unit of the readout.
        best_edge: (N,) int64, the neighbour over which the goal is nearest; -1 where unknown.
    """

    inputs: tuple[Tensor, ...]
    is_frontier: Tensor
    leads_on: Tensor
    farther: Tensor
    in_vain: Tensor
    best_edge: Tensor


def train(
    folders: list[Path],
    folder: Path,
    schedule: Schedule,
    architecture: Architecture = ARCHITECTURE,
    report: Report | None = None,
) -> tuple[E2Planner, dict]:
    """Train on recorded trips and keep the epoch that judges best on trips kept for validation.

    Args:
        folders: of recorded trips, ``training.trips``.
        folder: where the state is kept; calling again with the same folder continues there.
        schedule: how long and how fast.
        architecture: of the network.
        report: called after each epoch with its number and figures.

    Returns:
        the model, and the validation figures of the kept epoch.
    """
    torch.manual_seed(schedule.seed)
    model = E2Planner(architecture).to("cuda" if torch.cuda.is_available() else "cpu")
    files = sorted(path for part in folders for path in part.glob("[0-9]*[0-9].npz"))
    kept = max(1, round(VALIDATION_SHARE * len(files)))
    order = np.random.default_rng(0).permutation(len(files))
    validation = [*batches(read_moments(files[i] for i in order[:kept]))]
    moments = read_moments(files[i] for i in order[kept:])

    def batches_of(epoch: int) -> Iterator[Batch]:
        return batches(moments, np.random.default_rng((schedule.seed, epoch)))

    task = Task(batches_of, loss, lambda average: validate(average, validation))
    figures = fit(model, task, schedule, folder, report)
    return model, figures | {"moments": len(moments), "trips": len(files) - kept}


def batches(moments: list[Moment], rng: np.random.Generator | None = None) -> Iterator[Batch]:
    """Yield batches of moments, about equally large; in random order where there is a generator."""
    order = np.arange(len(moments)) if rng is None else rng.permutation(len(moments))
    group: list[Moment] = []
    for number in order:
        group.append(moments[number])
        if sum(len(moment.known) for moment in group) >= NODES_PER_BATCH:
            yield _batch(group)
            group = []
    if group:
        yield _batch(group)


def loss(model: nn.Module, batch: Batch, progress: float, weights: Weights = Weights()) -> Tensor:
    """Return what the network is trained by; ``progress`` is not used."""
    batch = _on(batch, next(model.parameters()).device)
    spread = int(torch.randint(-2, 4, ()))  # any number of iterations has to work
    scores = model(*batch.inputs, iterations=model.architecture.iterations + spread)
    parts = _parts(scores, batch)
    return (
        parts["chance"]
        + weights.beyond * parts["beyond"]
        + weights.in_vain * parts["in_vain"]
        + weights.edges * parts["edges"]
    )


@torch.no_grad()
def validate(model: nn.Module, validation: list[Batch]) -> dict[str, float]:
    """Return the parts of the loss, and of the frontiers the share that is judged right."""
    device = next(model.parameters()).device
    sums: dict[str, float] = {}
    for batch in validation:
        batch = _on(batch, device)
        scores = model(*batch.inputs)
        parts = {name: value.item() for name, value in _parts(scores, batch).items()}
        at = batch.is_frontier
        hit = (scores.readouts[0, :, 0] > 0) == (batch.leads_on > 0.5)
        count = at.sum().clamp(min=1)
        parts |= {"right": (hit[at].sum() / count).item()}
        parts |= {"lead_on": (batch.leads_on[at].sum() / count).item()}
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value / len(validation)
    return {"criterion": sums["chance"]} | sums


def _parts(scores: Scores, batch: Batch) -> dict[str, Tensor]:
    """Return the losses of what the network says, each a mean; 0 where a batch has none."""
    chance, farther, in_vain = scores.readouts[0].unbind(-1)
    at, on = batch.is_frontier, batch.leads_on > 0.5
    losses = {
        "chance": (binary_cross_entropy_with_logits, chance, batch.leads_on, at),
        "beyond": (_distance, softplus(farther), batch.farther, at & on),
        "in_vain": (_distance, softplus(in_vain), batch.in_vain, at & ~on),
        "edges": (cross_entropy, SHARPNESS * scores.edges[0], batch.best_edge,
                  batch.best_edge >= 0),
    }  # fmt: skip
    return {
        name: measure(said[where], true[where], reduction="sum") / where.sum().clamp(min=1)
        for name, (measure, said, true, where) in losses.items()
    }


_distance = partial(smooth_l1_loss, beta=0.5)


def _batch(group: list[Moment]) -> Batch:
    parts = joined(group)
    names = ("scalars", "vectors", "views", "positions", "neighbours", "edge_scalars", "mask")
    inputs = tuple(torch.from_numpy(parts[name])[None] for name in names)
    best = parts["optimistic"]
    leads_on = parts["beyond"] <= LEADS_ON * best + LEADS_ON_M
    farther = np.where(leads_on, parts["beyond"] - best, 0.0) / much_farther(best)
    in_vain = np.minimum(parts["in_vain"], MOST_IN_VAIN_M) / IN_VAIN_M
    targets = (
        leads_on.astype(np.float32),
        np.clip(farther, 0, MOST_UNITS).astype(np.float32),
        np.clip(in_vain, 0, MOST_UNITS).astype(np.float32),
    )
    is_frontier = (parts["scalars"][:, 0] > 0.5) & np.isfinite(best)
    rest = (is_frontier, *targets, _best_edges(parts))
    return Batch(inputs, *map(torch.from_numpy, rest))


def _best_edges(parts: dict[str, np.ndarray]) -> np.ndarray:
    """Return at each node the edge over which the goal is nearest, -1 where that is not known."""
    lengths = parts["edge_scalars"][..., 0] * CONFIG.node_spacing
    over = np.where(parts["mask"], lengths + parts["distance"][parts["neighbours"]], np.inf)
    return np.where(np.isfinite(over.min(1)), over.argmin(1), -1)


def _on(batch: Batch, device: torch.device) -> Batch:
    inputs = tuple(part.to(device) for part in batch.inputs)
    inputs = (*inputs[:2], inputs[2].float() / QUANTA, *inputs[3:])
    return Batch(inputs, *(part.to(device) for part in batch[1:]))
