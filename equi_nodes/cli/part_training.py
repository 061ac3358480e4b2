"""`equi train apen`: learn to find parts in clouds that are drawn meanwhile."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

EPOCHS, LEARNING_RATE = 60, 1.5e-3
DATA = {
    "people": "people drawn from recorded, mixed and random poses of the train split and open"
    " shapes, seen all around, by a depth camera or by a LiDAR; other draws validate",
    "rooms": "made-up rooms, seen by a depth camera or a LiDAR; other rooms validate",
    "objects": "made-up doors, chests of drawers and robot arms; others validate",
}


def train_parts(args: argparse.Namespace) -> dict:
    """Train, write the weights with their card, and return the figures."""
    import torch

    from equi_nodes.runtime.weights import save_model
    from equi_nodes.training.apen import train
    from equi_nodes.training.loop import Schedule

    torch.set_num_threads(args.threads)
    schedule = Schedule(args.epochs or EPOCHS, LEARNING_RATE, seed=args.seed)
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns) as progress:
        bar = progress.add_task(f"apen {args.task}", total=schedule.epochs)

        def report(epoch: int, figures: dict[str, float]) -> None:
            progress.update(bar, completed=epoch)
            line = " ".join(f"{name} {value:.3g}" for name, value in figures.items())
            progress.log(f"epoch {epoch} {line}")

        model, figures = train(args.task, args.out, schedule, report=report)
    weights = args.out / "apen.safetensors"
    save_model(weights, "apen", model, _card(args, asdict(schedule), figures))
    Console().print(f"weights in {weights}")
    return figures | {"weights": str(weights)}


def _card(args: argparse.Namespace, schedule: dict, figures: dict) -> dict:
    """Return what the weights' card says of the training, and the names of the labels."""
    from equi_nodes.datasets.part_batches import LABELS

    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": f"equi train apen --task {args.task} --epochs {schedule['epochs']}"
        f" --seed {args.seed} --out DIR",
        "labels": LABELS[args.task],
        "data": DATA[args.task],
        "schedule": schedule,
        "validation": figures,
    }
