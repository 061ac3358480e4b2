"""`equi train`: one recipe a model, resumable."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

HELP = "Train a network on the recordings at hand; call again to continue."
EXAMPLE = "equi train eqmotion --held-out zara1 --out runs/zara1"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("model", choices=["eqmotion"])
    parser.add_argument(
        "--held-out", default="none", help="scene to keep for testing: eth hotel univ zara1 zara2 none"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of state and weights")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="processor threads")


def run(args: argparse.Namespace) -> dict:
    """Train, write the weights with their card, and return the validation figures."""
    import torch

    from equi_nodes.runtime.weights import save_model
    from equi_nodes.training.eqmotion import train
    from equi_nodes.training.loop import Schedule

    torch.set_num_threads(args.threads)
    held_out = None if args.held_out == "none" else args.held_out
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns) as progress:
        bar = progress.add_task(f"eqmotion without {args.held_out}", total=args.epochs)

        def report(epoch: int, figures: dict[str, float]) -> None:
            progress.update(bar, completed=epoch)
            progress.log(f"epoch {epoch} " + _line(figures))

        schedule = Schedule(epochs=args.epochs, seed=args.seed)
        model, figures = train(held_out, args.out, schedule, report=report)
    weights = args.out / "eqmotion.safetensors"
    save_model(weights, "eqmotion", model, _card(args, figures, asdict(schedule)))
    return figures | {"weights": str(weights)}


def _line(figures: dict[str, float]) -> str:
    return " ".join(f"{name} {value:.3f}" for name, value in figures.items())


def _card(args: argparse.Namespace, figures: dict, schedule: dict) -> dict:
    command = f"equi train eqmotion --held-out {args.held_out} --epochs {args.epochs}"
    held_out = "none" if args.held_out == "none" else f"scene {args.held_out}"
    return {
        "command": f"{command} --seed {args.seed} --out DIR",
        "data": "ETH/UCY pedestrians, first four fifths of each sequence by time; the rest validates",
        "held_out": held_out,
        "date": time.strftime("%Y-%m-%d"),
        "validation": {name: round(value, 4) for name, value in figures.items()},
        "schedule": schedule,
    }
