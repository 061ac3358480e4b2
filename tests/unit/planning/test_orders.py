"""The expected cost of trying openings is that of the best of all orders."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest

from equi_nodes.planning.orders import Openings, expected_costs


def drawn(seed: int, count: int) -> Openings:
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 20, (count + 1, 2))
    away = np.linalg.norm(places[:, None] - places, axis=-1)
    chance, beyond, in_vain = rng.random(count), rng.uniform(5, 40, count), rng.uniform(0, 9, count)
    return Openings(away[0, 1:], away[1:, 1:], chance, beyond, in_vain)


def cost_of(order: tuple[int, ...], o: Openings) -> float:
    """Expected cost of one order, summed over all ways the openings can turn out."""
    cost = total = 0.0
    for leads in product((False, True), repeat=len(order)):
        if not any(leads):
            continue
        weight = np.prod([o.chance[i] if leads[i] else 1 - o.chance[i] for i in order])
        cost += weight * _driven(order, leads, o)
        total += weight
    return cost / total


def _driven(order: tuple[int, ...], leads: tuple[bool, ...], o: Openings) -> float:
    driven = o.known[order[0]]
    for number, now in enumerate(order):
        driven += o.between[order[number - 1], now] if number else 0.0
        if leads[now]:
            return driven + o.beyond[now]
        driven += o.in_vain[now]
    raise AssertionError


@pytest.mark.parametrize("seed", range(10))
def test_the_best_of_all_orders_is_found(seed):
    openings = drawn(seed, 5)
    costs = expected_costs(openings)
    for first in range(5):
        orders = [order for order in permutations(range(5)) if order[0] == first]
        assert costs[first] == pytest.approx(min(cost_of(order, openings) for order in orders))


def test_what_surely_leads_on_costs_its_way():
    openings = drawn(0, 4)._replace(chance=np.ones(4))
    np.testing.assert_allclose(expected_costs(openings), openings.known + openings.beyond)


def test_a_door_on_the_way_is_looked_into_only_if_the_chance_is_worth_it():
    """A door that is near but likely leads nowhere, and a corridor that likely leads on."""
    for chance, first in ((0.02, 1), (0.6, 0)):
        openings = Openings(
            known=np.array([1.0, 3.0]),
            between=np.array([[0.0, 4.0], [4.0, 0.0]]),
            chance=np.array([chance, 0.9]),
            beyond=np.array([10.0, 14.0]),
            in_vain=np.array([4.0, 4.0]),
        )
        assert np.argmin(expected_costs(openings)) == first


def test_a_single_opening_must_lead_to_the_goal():
    assert expected_costs(drawn(1, 1)) == pytest.approx(drawn(1, 1).known + drawn(1, 1).beyond)
