"""In which order to try openings of which each may turn out to lead nowhere.

The robot drives to an opening; with its chance the goal is reached through it, else what lies
beyond is looked at in vain and the next opening is tried from there (Stein, Bradley and Roy, CoRL
2018, section 3, here solved exactly over all orders by dynamic programming over sets). One of them
must lead to the goal: what was tried in vain makes the others more likely.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

MOST = 9  # openings that orders are formed of; the work grows as MOST^2 2^MOST


class Openings(NamedTuple):
    """What is expected of F openings, distances in metres.

    Attributes:
        known: (F,) from the robot to each.
        between: (F, F) from one to another, through seen space.
        chance: (F,) in 0..1 that the goal is reached through it.
        beyond: (F,) from it to the goal if so.
        in_vain: (F,) driven beyond it if not so, until that is seen and the robot is back.
    """

    known: np.ndarray
    between: np.ndarray
    chance: np.ndarray
    beyond: np.ndarray
    in_vain: np.ndarray


def expected_costs(openings: Openings) -> np.ndarray:
    """Return the metres (F,) that are expected to the goal if an opening is tried first.

    All further openings are tried in the best order. The chances are taken as independent but for
    one thing: at least one leads to the goal.

    Args:
        openings: at most ``MOST`` of them; for more the work grows out of bounds.
    """
    return _expected(*(np.ascontiguousarray(part, np.float64) for part in openings))


@numba.njit(cache=True, nogil=True)
def _expected(known, between, chance, beyond, in_vain):  # noqa: ANN001, ANN202
    count = len(known)
    every = (1 << count) - 1
    # ahead[tried, at]: expected from opening `at` when those of the set `tried` led nowhere.
    ahead = np.zeros((every + 1, count))
    for tried in range(every - 1, 0, -1):
        some = _some(chance, tried)
        for at in range(count):
            if not tried >> at & 1:
                continue
            best = np.inf
            for then in range(count):
                if tried >> then & 1:
                    continue
                failed = in_vain[then] + ahead[tried | 1 << then, then]
                likely = min(1.0, chance[then] / some)
                cost = between[at, then] + likely * beyond[then] + (1 - likely) * failed
                best = min(best, cost)
            ahead[tried, at] = best
    costs, some = np.empty(count), _some(chance, 0)
    for first in range(count):
        failed = in_vain[first] + ahead[1 << first, first]
        likely = min(1.0, chance[first] / some)
        costs[first] = known[first] + likely * beyond[first] + (1 - likely) * failed
    return costs


@numba.njit(cache=True, inline="always")
def _some(chance, tried):  # noqa: ANN001, ANN202
    """Return the chance that at least one of those that were not tried leads to the goal."""
    none = 1.0
    for number in range(len(chance)):
        if not tried >> number & 1:
            none *= 1.0 - chance[number]
    return 1.0 - none
