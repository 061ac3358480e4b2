"""`equi eval apen`: parts of people and of rooms, beside two usual networks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from equi_nodes.cli import part_training
from equi_nodes.cli.drawn_training import LEARNING_RATE
from equi_nodes.cli.parts_moved import SEED, moved_parts
from equi_nodes.errors import EquiError
from equi_nodes.evaluation.segmentation import Confusion, matched_iou

if TYPE_CHECKING:
    from torch import nn

    from equi_nodes.datasets.part_batches import Labelled, PartBatch
    from equi_nodes.training.part_lessons import Draw

TASKS = ("people", "rooms")
NETWORKS = ("apen", "pointnet", "dgcnn")
SPLITS = {"random": "train", "unseen": "test", "ood": "ood"}  # of the recorded poses
CLOUDS = 40  # of people, a split and view
ROOMS, SCANS = 8, 6  # rooms, and scans of each with the furniture moved
EPOCHS = {"people": part_training.EPOCHS, "rooms": 6, "rooms, one": 28}
RATES = {"people": LEARNING_RATE, "rooms": LEARNING_RATE, "rooms, one": 4e-3}
DRAWN = 10  # clouds


def configure(group: argparse._ArgumentGroup) -> None:
    """Add the arguments of apen, whose ``--task`` is declared with the planner's."""
    group.add_argument(
        "--length",
        type=int,
        metavar="N",
        help="epochs of 200 steps, before twice as many of looks alone (50; rooms 28)",
    )
    group.add_argument("--others", type=int, metavar="N", help="those of the others (50; rooms 6)")
    group.add_argument("--clouds", type=Path, metavar="PNG", help="draw ten labelled clouds")
    group.add_argument("--rooms", type=int, metavar="N", help="how many rooms to test in (8)")


def evaluate(args: argparse.Namespace, console: Console) -> dict:
    """Train what is not yet trained, test it, print the table and return the figures."""
    import torch

    if args.task not in TASKS:
        raise EquiError("apen needs to know what to find: --task people or --task rooms.")
    if any(n is not None and n < 1 for n in (args.length, args.others, args.rooms)):
        raise EquiError("--length, --others and --rooms are whole numbers from 1 on.")
    torch.set_num_threads(1)
    cases = {"people": _people, "rooms": _rooms}[args.task](args, console)
    console.print(_table(cases))
    found = {name: {case: rows[name] for case, rows in cases.items()} for name in NETWORKS}
    return {"task": args.task, "ours": found.pop("apen"), "baselines": found}


def _people(args: argparse.Namespace, console: Console) -> dict[str, dict[str, dict]]:
    """Return figures by split and network, all trained on the same people."""
    from equi_nodes.datasets.part_batches import LABELS, person_cloud
    from equi_nodes.datasets.person_clouds import VIEWS
    from equi_nodes.training.apen import confused

    models = {name: _trained(args, "people", name, console=console) for name in NETWORKS}
    count, cases = len(LABELS["people"]), {}
    for case, split in SPLITS.items():
        rng = np.random.default_rng(SEED)
        clouds = {view: [person_cloud(rng, split, view) for _ in range(CLOUDS)] for view in VIEWS}
        batches = {view: _batches(own, "people") for view, own in clouds.items()}
        cases[case] = {}
        for name, model in models.items():
            by_view = {view: confused(model, own, count) for view, own in batches.items()}
            figures = sum(by_view.values(), start=Confusion(count)).figures()
            views = {view: found.figures()["miou"] for view, found in by_view.items()}
            moved = moved_parts(model, [b for own in batches.values() for b in own], count)
            cases[case][name] = figures | views | moved
    if args.clouds:
        shown = [(view, b) for view, own in batches.items() for b in own[: 1 + DRAWN // len(VIEWS)]]
        _draw(args, [(models["apen"], b, f"{case} {view}") for view, b in shown])
    return cases


def _rooms(args: argparse.Namespace, console: Console) -> dict[str, dict[str, dict]]:
    """Return figures by room and network: ours learns from one scan of it, the others from many.

    What the one scan shows as moving on its own is moved about in it. The others learn from scans
    of made-up rooms, labelled by the pieces that rooms have; in the test their labels are matched
    to the room's parts as suits them best.
    """
    from equi_nodes.datasets.part_batches import pieces_cloud, room_cloud
    from equi_nodes.datasets.rooms import PIECES, draw_room, moved
    from equi_nodes.training.apen import confused

    usual = {
        name: _trained(args, "rooms", name, "", pieces_cloud, len(PIECES), console)
        for name in NETWORKS[1:]
    }
    cases, shown = {}, []
    for number in range(args.rooms or ROOMS):
        rng, is_lidar = np.random.default_rng(number), number % 2 == 1
        room = draw_room(rng)
        only, labels = room_cloud(rng, room, is_lidar), len(room.kinds)
        ours = _trained(args, "rooms", "apen", f"{number}-apen", _only(only), labels, console)
        rng = np.random.default_rng((SEED, number))
        scans = [room_cloud(rng, moved(rng, room), is_lidar) for _ in range(SCANS)]
        batches = _batches(scans, "rooms")
        shown += [(ours, scan, f"room {number}") for scan in batches[:2]]
        case = {"apen": confused(ours, batches, labels).figures()}
        for name, model in usual.items():
            counts = confused(model, batches, len(PIECES)).counts[:labels]
            case[name] = {"miou": float(np.nanmean(matched_iou(counts)))}
        models = {"apen": ours} | usual
        cases[f"room {number}"] = {
            name: case[name] | moved_parts(model, batches, labels) for name, model in models.items()
        }
    if args.clouds:
        _draw(args, shown)
    return cases


def _only(scan: Labelled) -> Draw:
    from equi_nodes.datasets.part_batches import rearranged

    return lambda rng: rearranged(rng, scan)


def _trained(
    args: argparse.Namespace,
    task: str,
    name: str,
    where: str = "",
    draw: Draw | None = None,
    labels: int | None = None,
    console: Console | None = None,
) -> nn.Module:
    """Return a trained network; a training that is complete in its folder is not repeated."""
    from equi_nodes.runtime.engine_cache import cache_dir
    from equi_nodes.training.apen import looks_alone, train
    from equi_nodes.training.loop import Schedule

    folder: Path = (args.folder or cache_dir() / "parts") / f"{task}-{where or name}"
    length = args.length if name == "apen" else args.others
    case = f"{task}, one" if where else task
    schedule = Schedule(length or EPOCHS[case], RATES[case])
    with Progress(console=console, transient=True) as progress:
        total = schedule.epochs + looks_alone(task, name, schedule.epochs)
        bar = progress.add_task(f"{task} {where or name}", total=total)

        def report(epoch: int, figures: dict[str, float]) -> None:
            progress.update(bar, completed=epoch)

        return train(task, folder, schedule, name, draw, labels, report)[0].eval()


def _batches(clouds: list[Labelled], task: str) -> list[PartBatch]:
    """Return each cloud as the networks take it."""
    from equi_nodes.datasets.part_batches import batch
    from equi_nodes.training.apen import architecture
    from equi_nodes.training.part_lessons import POINTS

    rng, seeds = np.random.default_rng(SEED), architecture(task).seeds
    return [batch(rng, [cloud], POINTS[task], seeds) for cloud in clouds]


def _draw(args: argparse.Namespace, drawn: list[tuple[nn.Module, PartBatch, str]]) -> None:
    """Draw the first ten clouds, upright, as the network labels them."""
    import torch

    from equi_nodes.evaluation.segmentation_figures import LabelledPicture, save_clouds
    from equi_nodes.training.apen import logits_of

    pictures = []
    for model, clouds, title in drawn[:DRAWN]:
        mask, (x, z) = clouds.mask[0], clouds.whole[0].T
        found = logits_of(model(clouds.points, clouds.mask))[0, mask].argmax(-1)
        points = clouds.points[0, mask] @ torch.stack([x, torch.linalg.cross(z, x), z], -1)
        arrays = (part.numpy() for part in (points, clouds.labels[0, mask], found))
        pictures.append(LabelledPicture(*arrays, title))
    save_clouds(args.clouds, pictures)


def _table(cases: dict[str, dict[str, dict]]) -> Table:
    columns = [f"{name} {what}" for name in NETWORKS for what in ("mIoU", "changed")]
    table = Table("", *columns, box=None)
    for case, rows in cases.items():
        cells = [f"{rows[name][key]:.1%}" for name in NETWORKS for key in ("miou", "changed")]
        table.add_row(case, *cells)
    return table
