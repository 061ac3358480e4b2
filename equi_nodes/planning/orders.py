"""In which order to try openings of which each may turn out to lead nowhere.

The robot drives to an opening; with its chance the goal is reached through it, else what lies
beyond is looked at in vain and the next opening is tried from there (Stein, Bradley and Roy, CoRL
2018, section 3, here solved exactly over all orders by dynamic programming over sets).
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


def expected_costs(openings: Openings, otherwise: float) -> np.ndarray:
    """Return the metres (F,) that are expected to the goal if an opening is tried first.

    All further openings are tried in the best order.

    Args:
        openings: at most ``MOST`` of them; for more the work grows out of bounds.
        otherwise: metres to expect when all were tried in vain.
    """
    arrays = (np.ascontiguousarray(part, np.float64) for part in openings)
    return _expected(*arrays, float(otherwise))


@numba.njit(cache=True, nogil=True)
def _expected(known, between, chance, beyond, in_vain, otherwise):  # noqa: ANN001, ANN202
    count = len(known)
    every = (1 << count) - 1
    # ahead[tried, at]: expected from opening `at` when those of the set `tried` led nowhere.
    ahead = np.full((every + 1, count), otherwise)
    for tried in range(every - 1, 0, -1):
        for at in range(count):
            if not tried >> at & 1:
                continue
            best = np.inf
            for then in range(count):
                if tried >> then & 1:
                    continue
                failed = in_vain[then] + ahead[tried | 1 << then, then]
                cost = between[at, then] + chance[then] * beyond[then]
                best = min(best, cost + (1 - chance[then]) * failed)
            ahead[tried, at] = best
    costs = np.empty(count)
    for first in range(count):
        failed = in_vain[first] + ahead[1 << first, first]
        costs[first] = known[first] + chance[first] * beyond[first]
        costs[first] += (1 - chance[first]) * failed
    return costs
