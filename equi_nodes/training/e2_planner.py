"""Teaching the planner's network how far the goal is beyond each frontier.

The truth is the distance on the whole map, which the robot did not know. The network learns to
choose well (what the frontier costs that it would take, more than the best one), and to expect
right (what the distance is on average), at every node and over every edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss, softplus

from equi_nodes.datasets.frontier_data import QUANTA, Moment, joined, read_moments
from equi_nodes.models.e2_planner import Architecture, E2Planner, Scores
from equi_nodes.planning.frontiers import (
    EDGE_SCALARS,
    LEAST_M,
    SCALARS,
    SHARE,
    VECTORS,
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
    iterations=6,
)
NODES_PER_BATCH = 1000
SHARPNESS = 8.0  # logits of edges are means over the group, which begin small
TEMPERATURE_M = 1.0  # frontiers this much worse than the best are taken e times less often
DEAREST_M = 20.0  # a choice that costs more than this more counts as this
VALIDATION_SHARE = 0.1
LEADS_ON = 1.2  # beyond a frontier it goes on if the goal is at most so many times the best away
MOST_FARTHER = 6.0  # of the first readout's unit; farther than that counts as that


@dataclass(frozen=True)
class Weights:
    """Weights of the loss' parts beside the mean cost of the choice."""

    distance: float = 1.0
    elsewhere: float = 0.3  # the distance at nodes that are no frontiers
    leads_on: float = 0.3
    edges: float = 0.1


class Batch(NamedTuple):
    """Moments as one graph of separate parts; letters as in ``models.e2_planner``.

    Attributes:
        inputs: of the network, with one graph.
        owner: (N,) int64, the moment of each node.
        known, optimistic, truth: (N,) metres, as in ``Moment``.
        is_frontier: (N,) bool, only those from which the goal can be reached.
        best_edge: (N,) int64, the neighbour over which the goal is nearest; -1 where unknown.
    """

    inputs: tuple[Tensor, ...]
    owner: Tensor
    known: Tensor
    optimistic: Tensor
    truth: Tensor
    is_frontier: Tensor
    best_edge: Tensor


def train(
    folders: list[Path],
    folder: Path,
    schedule: Schedule,
    architecture: Architecture = ARCHITECTURE,
    report: Report | None = None,
) -> tuple[E2Planner, dict]:
    """Train on recorded trips and keep the epoch that chooses best on trips kept for validation.

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
    files = sorted(path for part in folders for path in part.glob("*.npz"))
    kept = max(1, round(VALIDATION_SHARE * len(files)))
    rng = np.random.default_rng(0)
    order = rng.permutation(len(files))
    validation = [*batches(_usable(read_moments(files[i] for i in order[:kept])))]
    moments = _usable(read_moments(files[i] for i in order[kept:]))

    def batches_of(epoch: int) -> Iterator[Batch]:
        return batches(moments, np.random.default_rng((schedule.seed, epoch)))

    task = Task(batches_of, loss, lambda average: validate(average, validation))
    figures = fit(model, task, schedule, folder, report)
    return model, figures | {"moments": len(moments)}


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
    spread = int(torch.randint(-2, 4, ()))  # a free number of iterations has to work
    scores = model(*batch.inputs, iterations=model.architecture.iterations + spread)
    farther, leads_on = _readouts(scores)
    wanted = _farther(batch)
    at = batch.is_frontier
    error = smooth_l1_loss(farther, wanted, reduction="none", beta=0.5)
    known = torch.isfinite(batch.truth)
    there = (batch.truth <= LEADS_ON * batch.optimistic + 1.0).to(farther)
    return (
        _choice_cost(batch, farther) / LEAST_M
        + weights.distance * error[at & known].mean()
        + weights.elsewhere * error[~at & known].mean()
        + weights.leads_on * binary_cross_entropy_with_logits(leads_on[at], there[at])
        + weights.edges * _edge_loss(scores, batch)
    )


@torch.no_grad()
def validate(model: nn.Module, validation: list[Batch]) -> dict[str, float]:
    """Return what choices cost in metres more than the best ones, beside the optimistic ones."""
    device = next(model.parameters()).device
    sums = np.zeros(5)
    for batch in validation:
        batch = _on(batch, device)
        farther, _ = _readouts(model(*batch.inputs))
        best = _best(batch, batch.truth)
        learned = _taken(batch, _values(batch, farther)) - best
        naive = _taken(batch, batch.optimistic) - best
        at = batch.is_frontier
        error = (farther - _farther(batch))[at].abs().mean()
        count = len(best)
        cap = DEAREST_M
        sums += [count, learned.clamp(max=cap).sum().item(), naive.clamp(max=cap).sum().item(),
                 error.item() * count, (learned > 1.0).sum().item()]  # fmt: skip
    cost, naive, error, wrong = sums[1:] / sums[0]
    return {"criterion": cost, "optimistic": naive, "error": error, "wrong": wrong}


def _readouts(scores: Scores) -> tuple[Tensor, Tensor]:
    """Return how much farther the goal is, in its unit, and the logit that the way leads on."""
    return softplus(scores.readouts[0, :, 0]), scores.readouts[0, :, 1]


def _values(batch: Batch, farther: Tensor) -> Tensor:
    return batch.optimistic + (LEAST_M + SHARE * batch.optimistic) * farther


def _farther(batch: Batch) -> Tensor:
    """Return how much farther the goal really is than at best, in the readout's unit."""
    more = (batch.truth - batch.optimistic) / (LEAST_M + SHARE * batch.optimistic)
    return more.clamp(0, MOST_FARTHER)


def _choice_cost(batch: Batch, farther: Tensor) -> Tensor:
    """Return the mean metres that choices cost more than the best, taken as likely as they look."""
    at = batch.is_frontier
    owner, count = batch.owner[at], int(batch.owner[-1]) + 1
    looks = -(batch.known + _values(batch, farther))[at] / TEMPERATURE_M
    most = torch.full((count,), -torch.inf, device=looks.device)
    most = most.scatter_reduce(0, owner, looks, "amax").detach()
    share = (looks - most[owner]).exp()
    total = torch.zeros(count, device=looks.device).index_add(0, owner, share)
    costs = (batch.known + batch.truth)[at] - _best(batch, batch.truth)[owner]
    paid = share / total[owner] * costs.clamp(max=DEAREST_M)
    return paid.sum() / count


def _best(batch: Batch, values: Tensor) -> Tensor:
    """Return the least sum of known and further distance over the frontiers, by moment."""
    at, count = batch.is_frontier, int(batch.owner[-1]) + 1
    best = torch.full((count,), torch.inf, device=values.device)
    return best.scatter_reduce(0, batch.owner[at], (batch.known + values)[at], "amin")


def _taken(batch: Batch, values: Tensor) -> Tensor:
    """Return what the frontier truly costs, by moment, that looks best by ``values``."""
    at = batch.is_frontier
    owner = batch.owner[at]
    looks_best = (batch.known + values)[at] <= _best(batch, values)[owner] + 1e-4
    costs = torch.where(looks_best, (batch.known + batch.truth)[at], torch.inf)
    taken = torch.full((int(batch.owner[-1]) + 1,), torch.inf, device=values.device)
    return taken.scatter_reduce(0, owner, costs, "amin")


def _edge_loss(scores: Scores, batch: Batch) -> Tensor:
    known = batch.best_edge >= 0
    return nn.functional.cross_entropy(SHARPNESS * scores.edges[0][known], batch.best_edge[known])


def _usable(moments: list[Moment]) -> list[Moment]:
    """Return the moments at which there is something to choose."""
    return [moment for moment in moments if _choices(moment).sum() > 1]


def _choices(moment: Moment) -> np.ndarray:
    """Return which nodes are frontiers from which the goal can be reached, (N,) bool."""
    return moment.is_frontier & np.isfinite(moment.truth) & np.isfinite(moment.optimistic)


def _batch(group: list[Moment]) -> Batch:
    parts, owner = joined(group)
    lengths = np.where(parts["mask"], parts["edge_scalars"][..., 0], np.inf)
    spacing = 1.0  # metres a unit of length: the planner's spacing
    over = lengths * spacing + parts["truth"][parts["neighbours"]]
    best = np.where(np.isfinite(over.min(1)), over.argmin(1), -1)
    names = ("scalars", "vectors", "views", "positions", "neighbours", "edge_scalars", "mask")
    inputs = tuple(torch.from_numpy(parts[name])[None] for name in names)
    finite = np.nan_to_num(parts["optimistic"], posinf=1e3)
    choices = np.concatenate([_choices(moment) for moment in group])
    rest = (owner, parts["known"], finite, parts["truth"], choices, best)
    return Batch(inputs, *map(torch.from_numpy, rest))


def _on(batch: Batch, device: torch.device) -> Batch:
    inputs = tuple(part.to(device) for part in batch.inputs)
    inputs = (*inputs[:2], inputs[2].float() / QUANTA, *inputs[3:])
    return Batch(inputs, *(part.to(device) for part in batch[1:]))
