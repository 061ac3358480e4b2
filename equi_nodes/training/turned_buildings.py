"""Where equivariance pays: few upright buildings to learn from, map frames turned by any angle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from equi_nodes.datasets.planning_tasks.problems import Problems, solve
from equi_nodes.datasets.planning_tasks.scanned import SECTORS, scanned, seen_free, turned
from equi_nodes.evaluation.planning_tasks import Policy, expert, greedy, scores
from equi_nodes.models.e2_planner import Architecture, plain_twin
from equi_nodes.training.loop import Report
from equi_nodes.training.planning_tasks import (
    SCHEDULE,
    TEST_SEED,
    TRAINING_SEED,
    VALIDATION_SEED,
    GraphNetwork,
    Kind,
    policy,
    train,
)

TEST, VALIDATION = 60, 20  # buildings, one graph in each
GRAPHS = 6  # in each training building
TURNS = tuple(range(0, 360, 15))  # degrees
OURS = Architecture(
    group="D4", scalars=1, views=SECTORS, view_width=2, edge_scalars=1,
    fields=8, value_fields=4, actions=3, readouts=1,
)  # fmt: skip
KIND = Kind(scanned, OURS, (6, 14))
NETWORKS = {
    "D4": OURS,
    "D8": replace(OURS, group="D8", fields=6, value_fields=3),
    "plain": plain_twin(OURS),
    "plain_augmented": plain_twin(OURS),
}


def trained(
    name: str, size: int, buildings: dict[str, Problems], folder: Path, report: Report | None = None
) -> Policy:
    """Learn from the first ``size`` buildings, upright, and return the policy.

    Args:
        name: one of ``NETWORKS``; the augmented one sees each building turned by a random angle.
        size: how many.
        buildings: as :func:`buildings_for` makes them.
        folder: a training that is complete there is not repeated.
        report: called after each epoch.
    """
    torch.manual_seed(SCHEDULE.seed)
    model = GraphNetwork(NETWORKS[name])
    learned = buildings["train"].part(slice(size * GRAPHS))
    upright = turned(buildings["validation"], np.zeros(VALIDATION, int))
    augment = _turning if name == "plain_augmented" else _upright
    where = folder / f"rotated-{name}-{size}"
    train(model, KIND, learned, upright, where, report, augment=augment)
    return policy(model, KIND)


def buildings_for(size: int) -> dict[str, Problems]:
    """Return training, validation and test buildings, made from different seeds."""
    return {
        "train": scanned(size, TRAINING_SEED, GRAPHS),
        "validation": scanned(VALIDATION, VALIDATION_SEED),
        "test": scanned(TEST, TEST_SEED),
    }


def curve(choose: Policy, test: Problems) -> dict[str, list[float]]:
    """Return success and SPL on the test buildings in frames turned by each of ``TURNS``."""
    found: dict[str, list[float]] = {"success": [], "spl": []}
    for degrees in TURNS:
        problems = turned(test, np.full(len(test), degrees))
        for key, value in scores(problems, choose(problems)).items():
            found[key].append(value)
    return found


def references() -> dict[str, Policy]:
    """Return the policies that learn nothing."""
    return {"dijkstra": expert, "greedy": greedy, "scans_checked": scans_checked}


def scans_checked(problems: Problems) -> np.ndarray:
    """Choose by the shortest path along the edges that the scans at both ends call free."""
    return expert(solve(replace(problems, passable=seen_free(problems))))


def _upright(problems: Problems, rng: np.random.Generator) -> Problems:
    return turned(problems, np.zeros(len(problems), int))


def _turning(problems: Problems, rng: np.random.Generator) -> Problems:
    return turned(problems, rng.integers(360, size=len(problems)))
