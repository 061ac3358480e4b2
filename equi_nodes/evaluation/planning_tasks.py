"""How well a policy on graphs reaches its goals: success and SPL over all starts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from equi_nodes.datasets.planning_tasks.mazes import neighbourhood, observed
from equi_nodes.datasets.planning_tasks.problems import Problems, at_neighbours, solve

Policy = Callable[[Problems], np.ndarray]  # the slot of the chosen neighbour of each node, (B, N)


def scores(problems: Problems, slots: np.ndarray) -> dict[str, float]:
    """Follow a policy from every node that can reach the goal.

    A policy that does not remember walks in a circle for ever once it comes back: that is a
    failure. So is staying where it is.

    Args:
        problems: the true graphs.
        slots: (B, N) which neighbour each node goes to.

    Returns:
        ``success``, the share of starts that reach the goal, and ``spl``, the mean of success times
        the shortest length over the length walked.
    """
    graphs, nodes = slots.shape
    onward, step = _moves(problems, slots)
    here = np.tile(np.arange(nodes), (graphs, 1))
    walked = np.zeros(here.shape)
    for _ in range(nodes):
        going = ~np.take_along_axis(problems.goal, here, 1)
        walked += np.where(going, np.take_along_axis(step, here, 1), 0.0)
        here = np.where(going, np.take_along_axis(onward, here, 1), here)
    success = np.take_along_axis(problems.goal, here, 1)
    return _summary(success, walked, problems.cost_to_go, problems.asked)


def explore(
    problems: Problems, starts: np.ndarray, policy: Policy, limit: int
) -> tuple[dict[str, float], np.ndarray]:
    """Walk through mazes of which only the neighbourhood of the way was seen.

    Args:
        problems: one true maze an episode.
        starts: (B,) nodes.
        policy: is asked anew after each move, with what was seen until then.
        limit: moves; an episode ends before where a place comes again with nothing new seen.

    Returns:
        ``success`` and ``spl``; the nodes walked through (B, limit + 1), the last one repeated.
    """
    window = neighbourhood()
    episodes, here = np.arange(len(starts)), starts.copy()
    seen, walked = window[here], np.zeros(len(starts))
    been = np.zeros(seen.shape, bool)
    trail = [here]
    for _ in range(limit):
        active = ~problems.goal[episodes, here] & ~been[episodes, here]
        rows = np.flatnonzero(active)
        if not len(rows):
            break
        been[rows, here[rows]] = True
        part = problems.part(rows)
        onward, step = _moves(part, policy(observed(part, seen[rows])))
        within = np.arange(len(rows)), here[rows]
        walked[rows] += step[within]
        here = here.copy()
        here[rows] = onward[within]
        new = (window[here] & ~seen).any(-1)
        been[new] = False
        seen |= window[here]
        trail.append(here)
    trail += [here] * (limit + 1 - len(trail))
    shortest = problems.cost_to_go[episodes, starts]
    result = _summary(problems.goal[episodes, here], walked, shortest, shortest > 0)
    return result, np.stack(trail, 1)


def expert(problems: Problems) -> np.ndarray:
    """Choose as the shortest path does: the bound of every policy."""
    return problems.best.argmax(-1)


def greedy(problems: Problems) -> np.ndarray:
    """Choose the neighbour nearest to the goal as the crow flies that is not known to be blocked.

    Where problems tell nothing of obstacles, all neighbours are taken to be free.
    """
    goal = problems.positions[np.arange(len(problems)), problems.goal.argmax(-1)]
    apart = np.linalg.norm(problems.positions - goal[:, None], axis=-1)
    apart[problems.known_blocked] = np.inf
    return np.where(problems.mask, at_neighbours(apart, problems.neighbours), np.inf).argmin(-1)


def optimistic(problems: Problems) -> np.ndarray:
    """Choose as the shortest path does if all that is not known to be blocked is free."""
    blocked = problems.known_blocked
    passable = ~blocked[:, :, None] & ~at_neighbours(blocked, problems.neighbours)
    return expert(solve(replace(problems, passable=problems.mask & passable)))


def _moves(problems: Problems, slots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each node's choice leads and how far that is, (B, N) each."""

    def chosen(values: np.ndarray) -> np.ndarray:
        return np.take_along_axis(values, slots[..., None], -1)[..., 0]

    moves = chosen(problems.passable & problems.mask)
    own = np.arange(slots.shape[1])
    onward = np.where(moves, chosen(problems.neighbours), own)
    return onward, np.where(moves, chosen(problems.lengths), 0.0)


def _summary(
    success: np.ndarray, walked: np.ndarray, shortest: np.ndarray, asked: np.ndarray
) -> dict[str, float]:
    success, walked, shortest = success[asked], walked[asked], shortest[asked]
    quality = success * shortest / np.maximum(walked, shortest)
    return {"success": float(success.mean()), "spl": float(quality.mean())}
