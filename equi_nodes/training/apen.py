"""Teaching networks that label points: APEN, and the usual ones that it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from equi_nodes.datasets.part_batches import LABELS, NO_PART, Labelled, PartBatch, batch, draw_cloud
from equi_nodes.evaluation.segmentation import Confusion, purity
from equi_nodes.models.apen import APEN, Architecture, Segments
from equi_nodes.models.segmenters import DGCNN, PointNet
from equi_nodes.training.loop import Report, Schedule, Task, fit

BATCH, STEPS = 8, 100  # clouds, and batches of an epoch
POINTS = {"people": 768, "rooms": 1536, "objects": 768}
VALIDATED = 24  # clouds
SIGMAS = {  # m, if not those of people
    "rooms": (0.1, 0.2, 0.4, 0.8),
    "objects": (0.02, 0.04, 0.07, 0.12),
}
BASELINES = {"pointnet": PointNet, "dgcnn": DGCNN}

Draw = Callable[[np.random.Generator], Labelled]


def architecture(task: str, labels: int | None = None) -> Architecture:
    """Return the sizes for a task; left and right differ by mirroring alone, so all are chiral."""
    count = len(LABELS[task]) if labels is None else labels
    sizes = {"sigmas": SIGMAS[task]} if task in SIGMAS else {}
    return Architecture(labels=count, chiral=True, **sizes)


def train(
    task: str,
    folder: Path,
    schedule: Schedule,
    name: str = "apen",
    draw: Draw | None = None,
    labels: int | None = None,
    report: Report | None = None,
) -> tuple[nn.Module, dict]:
    """Train on clouds drawn meanwhile, and keep the epoch that is best on others.

    Args:
        task: a key of ``LABELS``.
        folder: where the state is kept; calling again with the same folder continues there.
        schedule: how long and how fast.
        name: ``apen``, or one of ``BASELINES``.
        draw: makes the clouds, if not those of the task.
        labels: how many there are then.
        report: called after each epoch with its number and figures.

    Returns:
        the model, and the validation figures of the kept epoch.
    """
    torch.manual_seed(schedule.seed)
    sizes, source = architecture(task, labels), draw or (lambda rng: draw_cloud(rng, task))
    model = BASELINES[name](sizes.labels) if name in BASELINES else APEN(sizes)

    def batches(epoch: int) -> Iterator[PartBatch]:
        rng = np.random.default_rng((schedule.seed, 1, epoch))
        return (
            batch(rng, [source(rng) for _ in range(BATCH)], POINTS[task], sizes.cells)
            for _ in range(STEPS)
        )

    rng = np.random.default_rng((schedule.seed, 2))
    kept = [batch(rng, [source(rng)], POINTS[task], sizes.cells) for _ in range(VALIDATED)]
    loop = Task(batches, loss, lambda average: validate(average, kept, sizes.labels))
    return model, fit(model, loop, schedule, folder, report)


def logits_of(found: Segments | Tensor) -> Tensor:
    """Return the labels' logits (B, N, labels) of what any of the networks gives."""
    return found if isinstance(found, Tensor) else found.logits


def loss(model: nn.Module, clouds: PartBatch, progress: float) -> Tensor:
    """Return the cross entropy of the labels, and of APEN the miss of its votes in last spreads."""
    found, mask = model(clouds.points, clouds.mask), clouds.mask
    named = cross_entropy(logits_of(found)[mask], clouds.labels[mask])
    if isinstance(found, Tensor):
        return named
    is_part = mask & (clouds.parts != NO_PART)
    missed = (found.votes - clouds.centres).abs().sum(-1)[:, is_part].mean(1)
    return named + missed.mean() / model.architecture.sigmas[-1]


@torch.no_grad()
def validate(model: nn.Module, kept: list[PartBatch], labels: int) -> dict[str, float]:
    """Return mean IoU and accuracy, and of APEN the purity of its parts; criterion is 1 - IoU."""
    confusion, pure = Confusion(labels), []
    for clouds in kept:
        found, mask = model(clouds.points, clouds.mask), clouds.mask
        labelled = logits_of(found)[mask].argmax(-1)
        confusion.add(clouds.labels[mask].numpy(), labelled.numpy())
        if not isinstance(found, Tensor):
            is_part = mask & (clouds.parts != NO_PART)
            pure.append(purity(clouds.parts[is_part].numpy(), found.instance[is_part].numpy()))
    figures = confusion.figures()
    parts = {"purity": float(np.mean(pure))} if pure else {}
    return {"criterion": 1 - figures["miou"]} | figures | parts
