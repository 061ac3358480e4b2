"""Training on what is drawn meanwhile: a bar, a line an epoch, and weights with their card."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from torch import nn

    from equi_nodes.training.loop import Report, Schedule

LEARNING_RATE = 1.5e-3


def trained(
    args: argparse.Namespace,
    title: str,
    epochs: int,
    train: Callable[[Schedule, Report], tuple[nn.Module, dict]],
    told: dict,
    further: Callable[[int], int] = lambda _: 0,
) -> dict:
    """Train, write the weights with their card, and return the figures.

    Args:
        args: of the verb.
        title: of the bar.
        epochs: where the user wants no other number.
        train: returns the model and its figures.
        told: what else the card says, such as of the data.
        further: how many epochs follow those of the schedule, by how many it has.
    """
    import torch

    from equi_nodes.runtime.weights import save_model
    from equi_nodes.training.loop import Schedule

    torch.set_num_threads(args.threads)
    length = epochs if args.epochs is None else args.epochs
    schedule = Schedule(length, LEARNING_RATE, seed=args.seed)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns) as progress:
        bar = progress.add_task(title, total=schedule.epochs + further(schedule.epochs))

        def report(epoch: int, figures: dict[str, float]) -> None:
            progress.update(bar, completed=epoch)
            line = " ".join(f"{name} {value:.3g}" for name, value in figures.items())
            progress.log(f"epoch {epoch} {line}")

        model, figures = train(schedule, report)
    weights = args.out / f"{args.model}.safetensors"
    card = {
        "date": time.strftime("%Y-%m-%d"),
        "command": f"equi train {title} --epochs {schedule.epochs} --seed {args.seed} --out DIR",
    } | told | {"schedule": asdict(schedule), "validation": figures}  # fmt: skip
    save_model(weights, args.model, model, card)
    Console().print(f"weights in {weights}")
    return figures | {"weights": str(weights)}
