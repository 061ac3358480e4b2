"""`equi train arteq`: learn bodies from people that are drawn meanwhile."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

EPOCHS, LEARNING_RATE = 18, 1.5e-3


def train_bodies(args: argparse.Namespace) -> dict:
    """Train, write the weights with their card, and return the figures."""
    import torch

    from equi_nodes.runtime.weights import save_model
    from equi_nodes.training.arteq import train
    from equi_nodes.training.loop import Schedule

    torch.set_num_threads(args.threads)
    schedule = Schedule(args.epochs or EPOCHS, LEARNING_RATE, seed=args.seed)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns) as progress:
        bar = progress.add_task(args.model, total=schedule.epochs)

        def report(epoch: int, figures: dict[str, float]) -> None:
            progress.update(bar, completed=epoch)
            line = " ".join(f"{name} {value:.3g}" for name, value in figures.items())
            progress.log(f"epoch {epoch} {line}")

        model, figures = train(args.model, args.out, schedule, report)
    weights = args.out / f"{args.model}.safetensors"
    save_model(weights, args.model, model, card(args, asdict(schedule), figures))
    Console().print(f"weights in {weights}")
    return figures | {"weights": str(weights)}


def card(args: argparse.Namespace, schedule: dict, figures: dict) -> dict:
    """Return what the weights' card says of the training."""
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": f"equi train {args.model} --epochs {schedule['epochs']} --seed {args.seed}"
        " --out DIR",
        "data": "people drawn from recorded, mixed and random poses of the train split and open"
        " shapes, each seen all around, by a depth camera or by a LiDAR; the last tenth of the"
        " recorded poses validates",
        "schedule": schedule,
        "validation": figures,
    }
