"""`equi train e2_planner`: record trips, learn, record trips of its own, learn from all."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

TRIPS = (1000, 250)  # recorded as if unknown space were free, and with the network of the first
NAMES = ("optimistic", "e2_planner")  # of the weights after each
EPOCHS = 5  # of each of both trainings
CHUNK = 10  # trips that a process records at a time


def train_planner(args: argparse.Namespace) -> dict:
    """Record, train, record with what was learned, train again; write the weights and the card."""
    import torch

    from equi_nodes.runtime.weights import save_model
    from equi_nodes.training.e2_planner import train
    from equi_nodes.training.loop import Schedule

    torch.set_num_threads(args.threads)
    epochs = args.epochs or EPOCHS
    schedule = Schedule(epochs=epochs, learning_rate=3e-3, weight_decay=1e-3, seed=args.seed)
    weights, folders = "", []
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns) as progress:
        for number, count in enumerate(TRIPS):
            folders.append(args.out / f"trips{number}")
            seeds = range(number * 10**6, number * 10**6 + count)
            bar = progress.add_task(f"recording {count} trips", total=count)
            advance = partial(progress.advance, bar, CHUNK)
            record(folders[-1], seeds, weights, args.threads, advance)
            bar = progress.add_task(f"learning from {len(folders)} kinds of trips", total=epochs)

            def report(epoch: int, figures: dict[str, float], bar: int = bar) -> None:
                progress.update(bar, completed=epoch)
                progress.log(f"epoch {epoch} {figures}")

            state = args.out / f"state{number}"
            model, figures = train(folders, state, schedule, report=report)
            weights = str(args.out / f"{NAMES[number]}.safetensors")
            save_model(Path(weights), "e2_planner", model, card(args, epochs, figures))
    Console().print(f"weights in {weights}")
    return figures | {"weights": weights}


def record(
    folder: Path, seeds: range, weights: str, workers: int, advance: Callable[[], None]
) -> None:
    """Record one trip a seed in several processes; those that are there already are kept.

    Args:
        folder: where the trips are kept.
        seeds: one a trip.
        weights: of the network that plans them; empty plans as if unknown space were free.
        workers: processes.
        advance: called after every ``CHUNK`` trips.
    """
    chunks = [seeds[i : i + CHUNK] for i in range(0, len(seeds), CHUNK)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_record, folder, chunk, weights) for chunk in chunks]
        for job in jobs:
            job.result()
            advance()


def _record(folder: Path, seeds: range, weights: str) -> None:
    import torch

    from equi_nodes.runtime.network import open_network
    from equi_nodes.training.trips import record_trips

    torch.set_num_threads(1)
    network = open_network("e2_planner", weights, "torch", threads=1) if weights else None
    record_trips(folder, seeds, network)


def card(args: argparse.Namespace, epochs: int, figures: dict) -> dict:
    """Return what the weights' card says of the training."""
    from equi_nodes.training.trips import HOMES, MADE_UP, has_recordings

    maps = "made-up floor plans"
    if has_recordings():
        rest = 1 - MADE_UP - HOMES
        maps += f" ({MADE_UP:.0%}), HouseExpo homes ({HOMES:.0%}) and dungeons ({rest:.0%})"
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": f"equi train e2_planner --epochs {epochs} --seed {args.seed} --out DIR",
        "data": f"trips through {maps}, none of which are test maps; {TRIPS[0]} with unknown space"
        f" free, {TRIPS[1]} planned by the network of the first round",
        "validation": figures,
    }
