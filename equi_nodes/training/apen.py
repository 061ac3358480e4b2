"""Teaching networks that label points: APEN, and the usual ones that it is compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from equi_nodes.datasets.part_batches import LABELS, NO_PART, PartBatch, draw_cloud
from equi_nodes.evaluation.segmentation import Confusion, purity
from equi_nodes.models.apen import APEN, Architecture, Segments
from equi_nodes.models.segmenters import DGCNN, PointNet
from equi_nodes.training.loop import Report, Schedule, Task, fit
from equi_nodes.training.part_lessons import AT_ONCE, Draw, Lesson, Lessons

LOOKS = 2  # times as many epochs figures are then looked at alone
REST = 4.0  # what one spread of votes off the place at rest counts beside the labels
RARITY = 0.5  # power of how few points a label has, which they count by; not of figures
FAR = 4.0  # of the last spreads of votes; what misses by more, as of walls, cannot know better
SIZES = {  # if not those of people
    "people": {
        "tokens": (384,), "around": 24, "heard": 8, "width": 128, "blocks": 14, "figure": True,
        "whole": True,
    },
    "rooms": {
        "sigmas": (0.15, 0.4), "kept": (32, 16), "tokens": (1024, 128), "whole": True,
    },
    "objects": {"sigmas": (0.02, 0.04, 0.07, 0.12), "whole": True},
}  # fmt: skip
BASELINES = {"pointnet": PointNet, "dgcnn": DGCNN}
WIDTHS = {  # of these, which makes them about as large as APEN
    "people": {"pointnet": 700, "dgcnn": 824},
    "rooms": {"pointnet": 288, "dgcnn": 312},
    "objects": {"pointnet": 288, "dgcnn": 312},
}


def architecture(task: str, labels: int | None = None) -> Architecture:
    """Return the sizes for a task; left and right differ by mirroring alone, so all are chiral."""
    count = len(LABELS[task]) if labels is None else labels
    return Architecture(labels=count, chiral=True, **SIZES[task])


def baseline(name: str, task: str, labels: int) -> nn.Module:
    """Return a usual network, a key of ``BASELINES``, about as large as APEN for a task."""
    return BASELINES[name](labels, WIDTHS[task][name])


def looks_alone(task: str, name: str, epochs: int) -> int:
    """Return for how many epochs figures are looked at alone, after so many of learning all."""
    is_figure = name not in BASELINES and SIZES[task].get("figure", False)
    return LOOKS * epochs if is_figure else 0


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
        schedule: how long and how fast; figures are looked at alone for ``LOOKS`` times as long.
        name: ``apen``, or one of ``BASELINES``.
        draw: makes the clouds, if not those of the task.
        labels: how many there are then.
        report: called after each epoch with its number and figures.

    Returns:
        the model, and the validation figures of the kept epoch.

    Raises:
        EquiError: as ``Schedule`` and ``fit``, such as that torch has no Muon.
    """
    before = schedule.epochs
    looks = looks_alone(task, name, before)
    alone = replace(schedule, epochs=looks, at_once=AT_ONCE, muon=True) if looks else None
    torch.manual_seed(schedule.seed)
    sizes = architecture(task, labels)
    model = baseline(name, task, sizes.labels) if name in BASELINES else APEN(sizes)
    lessons = Lessons(task, sizes, draw or (lambda rng: draw_cloud(rng, task)), schedule.seed)
    kept = lessons.validation()

    def fitted(batches: Callable[[int], Iterator[Lesson]], *how: Any) -> dict:
        recipe = Task(batches, loss, lambda average: validate(average, kept, sizes.labels))
        return fit(model, recipe, *how)

    best = fitted(lessons.wholly, schedule, folder, report)
    if alone:
        later = report and (lambda epoch, figures: report(before + epoch, figures))
        best = fitted(lambda n: lessons.looks(before + n), alone, folder / "looks", later)
    return model, best


def logits_of(found: Segments | Tensor) -> Tensor:
    """Return the labels' logits (B, N, labels) of what any of the networks gives."""
    return found if isinstance(found, Tensor) else found.logits


def loss(model: nn.Module, told: Lesson, progress: float) -> Tensor:
    """Return the cross entropy of the labels, and of APEN what else it has wrong."""
    clouds, mask = told.clouds, told.clouds.mask
    if not isinstance(model, APEN):
        return _misnamed(model(clouds.points, mask)[mask], clouds.labels[mask])
    sigma, is_part = model.architecture.sigmas[-1], mask & (clouds.parts != NO_PART)
    if told.looks:
        found = model.look_from(clouds.points, mask, told.taught, told.looks, told.partition)
        axes, missed = found.axes[None], 0.0
    else:
        found = model(clouds.points, mask, told.partition, told.taught)
        axes, missed = found.axes, _missed(found.votes, clouds.centres, is_part, sigma)
    turned_off = _turned_off(axes, told.axes, is_part)
    if told.lost is not None:
        mask = mask & ~told.lost[:, None]
    rarity = 0.0 if model.architecture.figure else RARITY
    named = _misnamed(found.logits[mask], clouds.labels[mask], rarity)
    displaced = _displaced(found.rest, clouds.rest, mask, sigma)
    return named + missed + turned_off + REST * displaced


def _missed(votes: Tensor, centres: Tensor, is_part: Tensor, sigma: float) -> Tensor:
    """Return by how many spreads the votes (L, B, N, 3) miss the middle of their part."""
    missed = (votes - centres).abs().sum(-1)[:, is_part]
    return missed.clamp(max=FAR * sigma).mean() / sigma


def _turned_off(found: Tensor, axes: Tensor, is_part: Tensor) -> Tensor:
    """Return the mean square by which axes (A, B, N, 3, 2) miss those that are known."""
    known = (is_part[..., None] & axes.any(-2)).to(axes)
    return ((found - axes).square().sum(-2).mean(0) * known).sum() / known.sum().clamp(min=1)


def _displaced(found: Tensor, rest: Tensor, mask: Tensor, sigma: float) -> Tensor | float:
    """Return by how many spreads guesses (R, B, N, 3) miss the place at rest, in the mean."""
    known = mask & rest.any(-1)
    if not len(found) or not known.any():
        return 0.0
    return (found - rest)[:, known].abs().mean() / sigma


def _misnamed(logits: Tensor, labels: Tensor, rarity: float = RARITY) -> Tensor:
    """Return the cross entropy of labels (P,), those of small parts counting for more."""
    count = torch.bincount(labels, minlength=logits.shape[-1]).clamp(min=1)
    return cross_entropy(logits, labels, count.to(logits) ** -rarity)


def validate(model: nn.Module, kept: list[PartBatch], labels: int) -> dict[str, float]:
    """Return mean IoU and accuracy, and of APEN the purity of its parts; criterion is 1 - IoU."""
    confusion, pure = Confusion(labels), []
    for clouds, found in zip(kept, answers(model, kept)):
        confusion.add(*named(clouds, found))
        is_part = clouds.mask & (clouds.parts != NO_PART)
        if isinstance(found, Segments) and is_part.any():
            pure.append(purity(clouds.parts[is_part].numpy(), found.instance[is_part].numpy()))
    figures = confusion.figures() | ({"purity": float(np.mean(pure))} if pure else {})
    return {"criterion": 1 - figures["miou"]} | figures


def confused(
    model: nn.Module, kept: list[PartBatch], labels: int, is_given: bool = False
) -> Confusion:
    """Return which labels a network takes for which; ``is_given`` tells APEN the true parts."""
    confusion = Confusion(labels)
    for clouds, found in zip(kept, answers(model, kept, is_given)):
        confusion.add(*named(clouds, found))
    return confusion


@torch.no_grad()
def answers(
    model: nn.Module, kept: list[PartBatch], is_given: bool = False
) -> Iterator[Segments | Tensor]:
    """Yield what a network says of each batch; ``is_given`` tells APEN the true parts."""
    for clouds in kept:
        parts = [clouds.parts + 1] if is_given else []
        yield model(clouds.points, clouds.mask, *parts)


def named(clouds: PartBatch, found: Segments | Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Return the true and the found label of each point that is there, (P,) each."""
    best = logits_of(found)[clouds.mask].argmax(-1)
    return clouds.labels[clouds.mask].numpy(), best.numpy()
