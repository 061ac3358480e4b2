"""EqMotion in its published form on particles: a second domain, with links that can be checked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from equi_nodes.datasets.particles import Particles, charged, springs
from equi_nodes.models.eqmotion import (
    FAITHFUL,
    NOMINAL_STEP,
    Architecture,
    EqMotion,
    observe,
    pair_up,
)
from equi_nodes.training.loop import Report, Schedule, Task, fit

PAST, FUTURE = 20, 20
SIZES = {"train": 1500, "validate": 250, "test": 500}
BATCH = 100
SETS: dict[str, Callable[..., Particles]] = {"charged": charged, "springs": springs}


def architecture(task: str) -> Architecture:
    """Return the published sizes for particles: one future, both categories used."""
    return replace(
        FAITHFUL,
        space=3,
        past=PAST,
        future=FUTURE,
        modes=1,
        categories=2,
        temperature=0.5 if task == "springs" else 1.0,
    )


def train(
    task: str, folder: Path, schedule: Schedule, report: Report | None = None
) -> tuple[EqMotion, dict]:
    """Simulate the set ``charged`` or ``springs`` and learn it; test data is used once, at the end.

    Returns:
        the model and its figures: ``ade`` and ``fde`` on the test set, those of constant velocity,
        and for springs ``link_accuracy``, though no link was ever shown in training.
    """
    sets = {name: SETS[task](size, seed) for seed, (name, size) in enumerate(SIZES.items())}
    torch.manual_seed(schedule.seed)
    model = EqMotion(architecture(task))

    def batches(epoch: int) -> Iterator[Tensor]:
        rng = np.random.default_rng((schedule.seed, epoch))
        order = rng.permutation(SIZES["train"])
        return (_tensor(sets["train"], rows) for rows in np.split(order, len(order) // BATCH))

    def validate(average: EqMotion) -> dict[str, float]:
        errors = _errors(average, sets["validate"])
        return {"criterion": errors["fde"]} | errors

    fit(model, Task(batches, _loss, validate), schedule, folder, report)
    figures = _errors(model, sets["test"]) | {"constant_velocity": _constant_velocity(sets["test"])}
    if task == "springs":
        figures["link_accuracy"] = link_accuracy(model, sets["test"])
    return model, figures


@torch.no_grad()
def link_accuracy(model: EqMotion, data: Particles) -> float:
    """Return the share of pairs whose category tells a spring from none, whichever is which."""
    past, mask, time_step = _inputs(_tensor(data))
    seen = observe(model.architecture, past, mask, time_step)
    pairs = pair_up(model.architecture, seen)
    categories = model.reason(*model.initialise(seen), pairs)[0]
    apart = ~np.eye(data.links.shape[1], dtype=bool)
    right = (categories.argmax(-1).numpy() == data.links)[:, apart].mean()
    return float(max(right, 1 - right))


def _inputs(frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    past = frames[:, :, :PAST]
    mask = torch.ones(past.shape[:3], dtype=torch.bool)
    return past, mask, torch.full((len(past),), NOMINAL_STEP)


def _distance(model: EqMotion, frames: Tensor) -> Tensor:
    """Return the errors (S, N, F)."""
    paths = model(*_inputs(frames)).paths[:, :, 0]
    future = frames[:, :, PAST : PAST + FUTURE] - frames[:, :, PAST - 1 : PAST]
    return (paths - future).square().sum(-1).add(1e-12).sqrt()


def _loss(model: EqMotion, frames: Tensor, progress: float) -> Tensor:
    return _distance(model, frames).mean()


@torch.no_grad()
def _errors(model: EqMotion, data: Particles) -> dict[str, float]:
    error = torch.cat([_distance(model, part) for part in _tensor(data).split(BATCH)])
    return {"ade": float(error.mean()), "fde": float(error[..., -1].mean())}


def _constant_velocity(data: Particles) -> dict[str, float]:
    now, before = data.positions[:, :, PAST - 1], data.positions[:, :, PAST - 2]
    steps = np.arange(1, FUTURE + 1)[:, None]
    line = now[:, :, None] + steps * (now - before)[:, :, None]
    error = np.linalg.norm(line - data.positions[:, :, PAST : PAST + FUTURE], axis=-1)
    return {"ade": float(error.mean()), "fde": float(error[..., -1].mean())}


def _tensor(data: Particles, rows: np.ndarray | slice = slice(None)) -> Tensor:
    return torch.from_numpy(data.positions[rows])
