"""`equi eval apen`: parts of people and of rooms, beside two usual networks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from equi_nodes.errors import EquiError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from equi_nodes.datasets.part_batches import Labelled, PartBatch
    from equi_nodes.training.apen import Draw

TASKS = ("people", "rooms")
NETWORKS = ("apen", "pointnet", "dgcnn")
SPLITS = {"random": "train", "unseen": "test", "ood": "ood"}  # of the recorded poses
CLOUDS = 60  # of people, a split
ROOMS, SCANS = 8, 6  # rooms, and scans of each with the furniture moved
EPOCHS = {"people": 60, "rooms": 10}
LEARNING_RATE = 1.5e-3
SEED = 1_000_000  # of tests; trainings draw from smaller ones


def configure(group: argparse._ArgumentGroup) -> None:
    """Add the arguments of apen, whose ``--task`` is declared with the planner's."""
    group.add_argument("--length", type=int, metavar="N", help="epochs of 100 steps (60; rooms 10)")


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Train what is not yet trained, test it, print the table and return the figures."""
    import torch

    if args.task not in TASKS:
        raise EquiError("apen needs to know what to find: --task people or --task rooms.")
    torch.set_num_threads(1)
    cases = {"people": _people, "rooms": _rooms}[args.task](args, console)
    console.print(_table(cases))
    found = {name: {case: rows[name] for case, rows in cases.items()} for name in NETWORKS}
    return {"task": args.task, "ours": found.pop("apen"), "baselines": found}


def _people(args: argparse.Namespace, console: Console) -> dict[str, dict[str, dict]]:
    """Return figures by split and network, all trained on the same people."""
    from equi_nodes.datasets.part_batches import LABELS, draw_cloud

    models = {name: _trained(args, "people", name, name, None, None, console) for name in NETWORKS}
    rng, cases = np.random.default_rng(SEED), {}
    for case, split in SPLITS.items():
        clouds = [draw_cloud(rng, "people", split) for _ in range(CLOUDS)]
        cases[case] = _scored(models, clouds, "people", len(LABELS["people"]))
    return cases


def _rooms(args: argparse.Namespace, console: Console) -> dict[str, dict[str, dict]]:
    """Return figures by room and network: ours learns from one scan, the others from many.

    Each part of a room is a label. The scans that the others learn from show the same room with
    its furniture moved; those that all are tested on are further ones.
    """
    from equi_nodes.datasets.part_batches import room_cloud
    from equi_nodes.datasets.rooms import draw_room, moved

    cases = {}
    for number in range(ROOMS):
        room = draw_room(np.random.default_rng(number))
        only = room_cloud(np.random.default_rng((number, 1)), room)

        def once(rng: np.random.Generator, only: Labelled = only) -> Labelled:
            return only

        def often(rng: np.random.Generator, room: object = room) -> Labelled:
            return room_cloud(rng, moved(rng, room))

        labels = len(room.kinds)
        models = {
            name: _trained(
                args, "rooms", name, f"{number}-{name}", once if name == "apen" else often,
                labels, console,
            )
            for name in NETWORKS
        }  # fmt: skip
        rng = np.random.default_rng((SEED, number))
        clouds = [often(rng) for _ in range(SCANS)]
        cases[f"room {number}"] = _scored(models, clouds, "rooms", labels)
    return cases


def _trained(
    args: argparse.Namespace,
    task: str,
    name: str,
    where: str,
    draw: Draw | None,
    labels: int | None,
    console: Console,
) -> nn.Module:
    """Return a trained network; a training that is complete in its folder is not repeated."""
    from equi_nodes.runtime.engine_cache import cache_dir
    from equi_nodes.training.apen import train
    from equi_nodes.training.loop import Schedule

    folder: Path = (args.folder or cache_dir() / "parts") / f"{task}-{where}"
    schedule = Schedule(args.length or EPOCHS[task], LEARNING_RATE)
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(f"{task} {where}", total=schedule.epochs)

        def report(epoch: int, figures: dict[str, float]) -> None:
            progress.update(bar, completed=epoch)

        return train(task, folder, schedule, name, draw, labels, report)[0].eval()


def _scored(
    models: dict[str, nn.Module], clouds: list[Labelled], task: str, labels: int
) -> dict[str, dict[str, float]]:
    """Return by network mean IoU, and how many labels change where every true part moves."""
    from equi_nodes.datasets.part_batches import batch
    from equi_nodes.training.apen import POINTS, architecture, validate

    rng, seeds = np.random.default_rng(SEED), architecture(task).cells
    batches = [batch(rng, [cloud], POINTS[task], seeds) for cloud in clouds]
    found = {
        name: validate(model, batches, labels) | {"changed": _changed(model, batches, seeds)}
        for name, model in models.items()
    }
    found["apen"]["changed_given_parts"] = _changed(models["apen"], batches, seeds, is_given=True)
    return found


def _changed(
    model: nn.Module, batches: list[PartBatch], seeds: int, is_given: bool = False
) -> float:
    """Return the share of points whose label changes where every true part moves on its own.

    With ``is_given`` the network is told the true parts.
    """
    import torch

    from equi_nodes.geometry.neighbours import seeds_first
    from equi_nodes.training.apen import logits_of

    rng, shares = np.random.default_rng(SEED), []
    for clouds in batches:
        points = _each_part_turned(clouds, rng)
        order = seeds_first(points, clouds.mask, seeds)  # as it would be for a new cloud
        points = points.gather(1, order[..., None].expand(-1, -1, 3))
        mask = clouds.mask.gather(1, order)
        parts = [clouds.parts + 1] if is_given else []
        turned = [part.gather(1, order) for part in parts]
        with torch.no_grad():
            before = logits_of(model(clouds.points, clouds.mask, *parts)).argmax(-1)
            after = logits_of(model(points, mask, *turned)).argmax(-1)
        before = before.gather(1, order)
        shares.append((before != after)[mask].float().mean().item())
    return float(np.mean(shares))


def _each_part_turned(clouds: PartBatch, rng: np.random.Generator) -> torch.Tensor:
    """Return the points (B, N, 3) with every true part turned at random about its own middle."""
    import torch

    from equi_nodes.datasets.person_clouds import random_rotation

    count = int(clouds.parts.max()) + 2
    turns = torch.from_numpy(np.stack([random_rotation(rng) for _ in range(count)])).float()
    offsets = (clouds.points - clouds.centres)[..., None]
    return clouds.centres + (turns[clouds.parts + 1] @ offsets).squeeze(-1)


def _table(cases: dict[str, dict[str, dict]]) -> Table:
    columns = [f"{name} {what}" for name in NETWORKS for what in ("mIoU", "changed")]
    table = Table("", *columns, box=None)
    for case, rows in cases.items():
        cells = [f"{rows[name][key]:.1%}" for name in NETWORKS for key in ("miou", "changed")]
        table.add_row(case, *cells)
    return table
