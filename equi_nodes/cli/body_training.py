"""`equi train arteq`: learn bodies from people that are drawn meanwhile."""

from __future__ import annotations

import argparse

from equi_nodes.cli.drawn_training import trained

EPOCHS = 18
DATA = (
    "people drawn from recorded, mixed and random poses of the train split and open shapes, each"
    " seen all around, by a depth camera or by a LiDAR; the last tenth of the recorded poses"
    " validates"
)


def train_bodies(args: argparse.Namespace) -> dict:
    """Train, write the weights with their card, and return the figures."""
    from equi_nodes.training.arteq import train

    return trained(
        args, args.model, EPOCHS,
        lambda schedule, report: train(args.model, args.out, schedule, report), {"data": DATA},
    )  # fmt: skip
