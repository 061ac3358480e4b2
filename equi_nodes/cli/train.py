"""`equi train`: one recipe a model, resumable."""

from __future__ import annotations

import argparse
import ast
import time
from dataclasses import asdict, fields, is_dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from equi_nodes.errors import EquiError

HELP = "Train a network on the recordings at hand; call again to continue."
EXAMPLE = "equi train eqmotion --held-out zara1 --out runs/zara1"
EPOCHS = {"pedestrians": 16, "charged": 60, "springs": 60}
PART_TASKS = ("people", "rooms", "objects")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("model", choices=["eqmotion", "e2_planner", "arteq", "pointnet", "apen"])
    parser.add_argument(
        "--task", choices=[*EPOCHS, *PART_TASKS],
        help="what to learn from: eqmotion's is pedestrians, apen's people if not said otherwise",
    )  # fmt: skip
    parser.add_argument(
        "--held-out", default="none", help="scene kept for testing: eth hotel univ zara1 zara2 none"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of state and weights")
    parser.add_argument("--epochs", type=int, help="if not the usual number of the model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2, help="processor threads")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="change an option of the architecture or the augmentation, for pedestrians",
    )


def run(args: argparse.Namespace) -> dict:
    """Train, write the weights with their card, and return the figures."""
    if args.model == "e2_planner":
        from equi_nodes.cli.planner_training import train_planner

        return train_planner(args)
    if args.model in ("arteq", "pointnet"):
        from equi_nodes.cli.body_training import train_bodies

        return train_bodies(args)
    if args.model == "apen":
        from equi_nodes.cli.part_training import train_parts

        args.task = _task(args, PART_TASKS)
        return train_parts(args)
    args.task = _task(args, tuple(EPOCHS))
    return _train_eqmotion(args)


def _task(args: argparse.Namespace, tasks: tuple[str, ...]) -> str:
    """Return the task that is asked for, the first of the model's if none is."""
    task = args.task or tasks[0]
    if task not in tasks:
        raise EquiError(f"{args.model} has no task {task}; take one of {', '.join(tasks)}.")
    return task


def _train_eqmotion(args: argparse.Namespace) -> dict:
    import torch

    from equi_nodes.models.eqmotion import Architecture
    from equi_nodes.runtime.weights import save_model
    from equi_nodes.training import eqmotion, particles
    from equi_nodes.training.loop import Schedule

    torch.set_num_threads(args.threads)
    args.epochs = args.epochs or EPOCHS[args.task]
    with Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()) as progress:
        bar = progress.add_task(f"eqmotion {args.task}", total=args.epochs)

        def report(epoch: int, figures: dict[str, float]) -> None:
            progress.update(bar, completed=epoch)
            progress.log(f"epoch {epoch} " + _line(figures))

        if args.task == "pedestrians":
            held_out = None if args.held_out == "none" else args.held_out
            schedule = Schedule(epochs=args.epochs, seed=args.seed)
            options = _options(args.set, Architecture(), eqmotion.Augmentation())
            model, figures = eqmotion.train(held_out, args.out, schedule, *options, report=report)
        else:
            schedule = Schedule(args.epochs, learning_rate=5e-4, weight_decay=0.0, seed=args.seed)
            model, figures = particles.train(args.task, args.out, schedule, report)
    weights = args.out / "eqmotion.safetensors"
    save_model(weights, "eqmotion", model, _card(args, figures, asdict(schedule)))
    Console().print(f"{_line(figures)}\nweights in {weights}")
    return figures | {"weights": str(weights)}


def _options(changes: list[str], *defaults: object) -> list[object]:
    """Return the dataclasses with the changes that name their fields."""
    for change in changes:
        name, _, value = change.partition("=")
        owner = next((d for d in defaults if hasattr(d, name) and is_dataclass(d)), None)
        try:
            new = ast.literal_eval(value)
        except (SyntaxError, ValueError):
            new = None
        if owner is None or not isinstance(new, (type(getattr(owner, name)), int)):
            names = ", ".join(f.name for default in defaults for f in fields(default))
            raise EquiError(f"--set {change} is no option and value; options are: {names}.")
        defaults = [replace(d, **{name: new}) if d is owner else d for d in defaults]
    return list(defaults)


def _line(figures: dict) -> str:
    return " ".join(
        f"{name} {value:.3f}" if isinstance(value, float) else f"{name} {value}"
        for name, value in figures.items()
    )


def _card(args: argparse.Namespace, figures: dict, schedule: dict) -> dict:
    command = f"equi train eqmotion --task {args.task} --epochs {args.epochs} --seed {args.seed}"
    command += "".join(f" --set {change}" for change in args.set)
    card = {"date": time.strftime("%Y-%m-%d"), "schedule": schedule}
    if args.task != "pedestrians":
        return card | {"command": f"{command} --out DIR", "data": args.task, "test": figures}
    return card | {
        "command": f"{command} --held-out {args.held_out} --out DIR",
        "data": "ETH/UCY pedestrians: the first four fifths of each sequence, the rest validates",
        "held_out": args.held_out,
        "validation": figures,
    }
