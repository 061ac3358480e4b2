"""A robot keeps to its frontier until another is clearly better, and never goes to and fro."""

from __future__ import annotations

import numpy as np

from equi_nodes.planning.target import LEAST_GAIN_M, Target, choose

PLACES = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 9.0]])


def target(place=(5.2, 0.0)) -> Target:
    return Target(np.zeros(2), np.array(place), seen=100, robot=np.zeros(2))


def test_without_a_past_the_cheapest_is_chosen():
    assert choose(PLACES, np.array([10.0, 9.0, 8.0]), None, 0.1) == 2


def test_what_was_headed_for_is_kept_if_the_gain_is_small():
    assert choose(PLACES, np.array([9.5, 10.0, 20.0]), target(), 0.1) == 1
    assert choose(PLACES, np.array([5.0, 10.0, 20.0]), target(), 0.1) == 0


def test_a_frontier_that_is_gone_holds_nobody():
    assert choose(PLACES, np.array([9.9, 10.0, 20.0]), target((30.0, 30.0)), 0.1) == 0


def test_what_was_driven_in_vain_counts_against_turning_round():
    held = target()
    held.drive_on(np.array([3.0, 0.0]), seen=100)
    totals = np.array([10.0 - 1.1 * (1.0 + LEAST_GAIN_M), 10.0, 20.0])
    assert choose(PLACES, totals, target(), 0.1) == 0
    assert choose(PLACES, totals, held, 0.1) == 1
    held.drive_on(np.array([4.0, 0.0]), seen=101)  # news: what was driven was not in vain
    assert choose(PLACES, totals, held, 0.1) == 0
