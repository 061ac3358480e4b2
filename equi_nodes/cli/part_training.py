"""`equi train apen`: learn to find parts in clouds that are drawn meanwhile."""

from __future__ import annotations

import argparse
from functools import partial

from equi_nodes.cli.drawn_training import trained

EPOCHS = 50  # and of people twice as many of looks alone
DATA = {
    "people": "people drawn from recorded, mixed and random poses of the train split and open"
    " shapes, seen all around, by a depth camera or by a LiDAR, every second one spoiled by noise,"
    " clothes, ground, missing limbs and outliers, one cloud in twenty of a room without a person;"
    " other draws validate",
    "rooms": "made-up rooms, seen by a depth camera or a LiDAR; other rooms validate",
    "objects": "made-up doors, chests of drawers and robot arms; others validate",
}


def train_parts(args: argparse.Namespace) -> dict:
    """Train, write the weights with their card, and return the figures."""
    from equi_nodes.datasets.part_batches import LABELS
    from equi_nodes.training.apen import looks_alone, train

    return trained(
        args, f"apen --task {args.task}", EPOCHS,
        lambda schedule, report: train(args.task, args.out, schedule, report=report),
        {"labels": LABELS[args.task], "data": DATA[args.task]},
        partial(looks_alone, args.task, "apen"),
    )  # fmt: skip
