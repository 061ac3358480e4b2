"""Teaching the network of bodies on people that are drawn while it learns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from equi_nodes.datasets.person_batches import (
    VIEWS,
    Crowd,
    PersonBatch,
    apart,
    batches,
    draw_crowd,
    rest_to_tpose,
)
from equi_nodes.datasets.person_clouds import TRAINING, CloudOptions
from equi_nodes.datasets.person_poses import poses_of
from equi_nodes.models.arteq import Architecture, ArtEq, Seen, centred, closest_rotation
from equi_nodes.models.pointnet import PointNet
from equi_nodes.training.loop import Report, Schedule, Task, fit

BATCH = 32  # people
DRAWN, KEPT = 2000, 8  # people drawn anew for an epoch, and how many such draws it learns from
VALIDATED, VALIDATION_POINTS = 96, 384  # people of each view, and points of each
FOUND_FROM = 0.05  # of the training on, half of the bodies are seen in the frames found
LOWEST, HIGHEST = -2.0, 10.0  # logs of inverse variances that are learned from


def train(
    name: str, folder: Path, schedule: Schedule, report: Report | None = None
) -> tuple[nn.Module, dict]:
    """Train on drawn people and keep the epoch that judges best on recordings kept for validation.

    Args:
        name: arteq, or pointnet, which learns from the same people.
        folder: where the state is kept; calling again with the same folder continues there.
        schedule: how long and how fast.
        report: called after each epoch with its number and figures.

    Returns:
        the model, and the validation figures of the kept epoch.
    """
    torch.manual_seed(schedule.seed)
    is_ours = name == "arteq"
    model = ArtEq(Architecture(), rest_to_tpose()) if is_ours else PointNet()
    learned, validation = apart(poses_of("train", random_share=0.2, mixed_share=0.4))

    @lru_cache(KEPT)
    def draw(number: int) -> Crowd:
        rng = np.random.default_rng((schedule.seed, 1, number))
        return draw_crowd(rng, learned, VIEWS, DRAWN, TRAINING)

    def batches_of(epoch: int) -> Iterator[PersonBatch]:
        drawn = [draw(number) for number in range(epoch, epoch + KEPT)]
        crowd = Crowd(*map(np.concatenate, zip(*drawn)))
        return batches(crowd, BATCH, np.random.default_rng((schedule.seed, 2, epoch)))

    crowds = {
        view: draw_crowd(np.random.default_rng(3), validation, (view,), VALIDATED, CloudOptions())
        for view in VIEWS
    }
    task = Task(
        batches_of, loss if is_ours else plain_loss, lambda average: validate(average, crowds)
    )
    figures = fit(model, task, schedule, folder, report)
    return model, figures | {"people": schedule.epochs * DRAWN * KEPT}


def loss(model: ArtEq, batch: PersonBatch, progress: float) -> Tensor:
    """Return what the network is trained by; every second body is looked at in the frame found."""
    cloud, middle = model.prepare(batch.points, batch.mask)
    votes = model.vote(cloud.every_second())
    frame = batch.frames.clone()
    if progress > FOUND_FROM:
        frame[::2] = closest_rotation(votes[:, 0].detach())
    seen = model.look(cloud, frame)
    return 0.5 * _squared(votes - batch.rotations[::2]) + _body_loss(seen, batch, middle, frame)


def plain_loss(model: PointNet, batch: PersonBatch, progress: float) -> Tensor:
    """Return what the plain network is trained by; it sees bodies in the frame of the points."""
    points, middle = centred(batch.points, batch.mask)
    frame = torch.eye(3).expand(len(points), -1, -1)
    return _body_loss(model.look(points, batch.mask), batch, middle, frame)


def _body_loss(seen: Seen, batch: PersonBatch, middle: Tensor, frame: Tensor) -> Tensor:
    turn = seen.turns - frame.transpose(1, 2)[:, None] @ batch.rotations
    joint = seen.joints - (batch.joints - middle[:, None]) @ frame
    is_body = batch.mask & (batch.parts < seen.parts.shape[-1] - 1)
    rest, confidence = (seen.rest - batch.rest)[is_body], seen.confidence[is_body]
    sigma = seen.log_sigma
    spread = (
        _unlikely(confidence, rest)
        + _unlikely(-2 * sigma[..., 0], turn.flatten(2) / 2**0.5)
        + _unlikely(-2 * sigma[..., 1], joint)
    )
    return (
        _squared(turn)
        + 0.5 * cross_entropy(seen.parts[batch.mask], batch.parts[batch.mask])
        + 5 * _length(rest).mean()
        + 5 * _length(joint).mean()
        + 0.1 * (seen.betas - batch.betas).square().mean()
        + 0.02 * spread
    )


def _squared(difference: Tensor) -> Tensor:
    """Return the mean squared norm of matrices."""
    return difference.square().sum((-2, -1)).mean()


def _length(difference: Tensor) -> Tensor:
    return (difference.square().sum(-1) + 1e-6).sqrt()


def _unlikely(log_precision: Tensor, difference: Tensor) -> Tensor:
    """Return the negative log-likelihood of an isotropic spread; it alone learns from it."""
    precision = log_precision.clamp(LOWEST, HIGHEST)
    squared = difference.detach().square().sum(-1)
    return 0.5 * (precision.exp() * squared - 3 * precision).mean()


@torch.no_grad()
def validate(model: nn.Module, crowds: dict[str, Crowd]) -> dict[str, float]:
    """Return errors on each view: points in cm, rotations in degrees, parts as the share right."""
    figures: dict[str, float] = {}
    for view, crowd in crowds.items():
        rng = np.random.default_rng(0)
        found = [_errors(model, b) for b in batches(crowd, BATCH, rng, VALIDATION_POINTS)]
        means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
        figures |= {f"{view}_{name}": value for name, value in means.items()}
    turns = [figures[f"{view}_turn"] + figures[f"{view}_rest"] for view in crowds]
    return {"criterion": float(np.mean(turns))} | figures


def _errors(model: nn.Module, batch: PersonBatch) -> dict[str, float]:
    said = model(batch.points, batch.mask)
    is_body = batch.mask & (batch.parts < said.parts.shape[-1] - 1)
    is_right = said.parts.argmax(-1) == batch.parts
    pelvis = (said.translation - batch.joints[:, 0]).norm(dim=-1)
    return {
        "parts": is_right[batch.mask].float().mean().item(),
        "rest": 100 * _length(said.rest - batch.rest)[is_body].mean().item(),
        "turn": _angle(said.rotations, batch.rotations).mean().item(),
        "pelvis_turn": _angle(said.rotations[:, 0], batch.rotations[:, 0]).mean().item(),
        "pelvis": 100 * pelvis.mean().item(),
    }


def _angle(found: Tensor, true: Tensor) -> Tensor:
    """Return degrees between rotations."""
    trace = (found * true).sum((-2, -1))
    return ((trace - 1) / 2).clamp(-1, 1).acos().rad2deg()
