"""What a robot can head for: openings to the unknown, and the goal itself where a way was seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from equi_nodes.planning.frontiers import Frontiers, Outlook, distances
from equi_nodes.planning.orders import MOST, Openings, expected_costs
from equi_nodes.planning.world import World

DEAD_END_M = 15.0  # what a dead end costs, to tell which openings are worth a thought
LEAST_CHANCE = 1e-3  # nothing is given up for good


class Choices(NamedTuple):
    """F things to head for.

    Attributes:
        nodes: (F,) of the graph; -1 is the goal, through seen space.
        cells: (F, 2) row and column.
        costs: (F,) metres that are expected to the goal if it is headed for.
    """

    nodes: np.ndarray
    cells: np.ndarray
    costs: np.ndarray


def choices_of(
    world: World,
    frontiers: Frontiers,
    expected: Outlook,
    trust: float = 1.0,
    unknown_cost: float = 1.0,
) -> Choices:
    """Return the most hopeful openings with what is expected of them, and the goal if it was seen.

    Args:
        world: the grid.
        frontiers: of it.
        expected: at each node.
        trust: share that this counts, 0..1; the rest counts the way at best.
        unknown_cost: what a metre of the way at best counts beyond a frontier.
    """
    nodes = _hopeful(frontiers, expected)
    away = np.zeros((0, len(frontiers.known)))
    if len(nodes):
        away = distances(frontiers.roadmap, nodes)[0] * world.resolution
    openings = Openings(
        frontiers.known[nodes],
        away[:, nodes],
        np.clip(expected.chance[nodes], LEAST_CHANCE, 1.0),
        expected.beyond[nodes],
        expected.in_vain[nodes],
    )
    cells = frontiers.roadmap.cells[nodes]
    hoped = openings.known + unknown_cost * frontiers.optimistic[nodes]
    end = frontiers.roadmap.field.source[world.goal]
    if end >= 0:
        rest = frontiers.roadmap.field.cost[world.goal] * world.resolution
        openings = _with_goal(openings, away[:, end], frontiers.known[end], rest)
        nodes, cells = np.append(nodes, -1), np.concatenate([cells, [world.goal]])
        hoped = np.append(hoped, frontiers.known[end] + rest)
    if not len(nodes):
        return Choices(nodes, cells, hoped)
    return Choices(nodes, cells, trust * expected_costs(openings) + (1 - trust) * hoped)


def _hopeful(frontiers: Frontiers, expected: Outlook) -> np.ndarray:
    """Return the best node of each opening, the most hopeful MOST - 1 of them.

    Hopeful is what is near, leads nearly straight to the goal, and likely leads there at all.
    """
    at = frontiers.numbers
    at = at[np.isfinite(frontiers.optimistic[at])]
    doubt = (1 - expected.chance[at]) * DEAD_END_M
    at = at[np.argsort(frontiers.known[at] + expected.beyond[at] + doubt, kind="stable")]
    _, first = np.unique(frontiers.roadmap.openings[at], return_index=True)
    return at[np.sort(first)][: MOST - 1]


def _with_goal(openings: Openings, away: np.ndarray, known: float, rest: float) -> Openings:
    """Return the openings and the goal, which is surely reached over the last of the seen nodes.

    Args:
        openings: F of them.
        away: (F,) metres from each to that node.
        known: metres from the robot to it.
        rest: metres from it to the goal.
    """
    between = np.pad(openings.between, ((0, 1), (0, 1)))
    between[:-1, -1] = between[-1, :-1] = away
    known = np.append(openings.known, known)
    chance, beyond = np.append(openings.chance, 1.0), np.append(openings.beyond, rest)
    return Openings(known, between, chance, beyond, np.append(openings.in_vain, 0.0))
