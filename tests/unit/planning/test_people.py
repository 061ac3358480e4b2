"""The chance of meeting people: as integrated by sampling, and zero where nobody can be."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.planning.people import meeting_probability
from equi_nodes.samples import PredictionSample

STEP_NS, STEPS = 400_000_000, 12


def crowd(agents, modes, side, seed=0):
    """Return people who walk about in a square, each in several ways."""
    rng = np.random.default_rng(seed)
    seen = np.concatenate([rng.uniform(0, side, (agents, 2)), np.zeros((agents, 1))], axis=1)
    velocity = rng.normal(0, 1, (agents, 1, 1, 2)) + rng.normal(0, 0.3, (agents, modes, 1, 2))
    ahead = 0.4 * np.arange(1, STEPS + 1)[:, None]
    factor = rng.normal(0, 0.3, (agents, modes, 1, 2, 2)) * np.sqrt(ahead)[..., None]
    chances = rng.uniform(0.1, 1, (agents, modes))
    return PredictionSample(
        stamp_ns=0, frame_id="map", time_step_ns=STEP_NS, ids=np.arange(agents), positions=seen,
        observed_steps=np.full(agents, 8), paths=seen[:, None, None, :2] + velocity * ahead,
        probabilities=chances / chances.sum(1, keepdims=True),
        covariances=factor @ np.swapaxes(factor, -1, -2) + 0.02 * np.eye(2),
        interactions=np.zeros((agents, agents)),
    )  # fmt: skip


def walker(spread=0.3):
    """Return one person who walks along x at 1 m/s for sure but for a round spread."""
    paths = np.zeros((1, 1, STEPS, 2))
    paths[..., 0] = 0.4 * np.arange(1, STEPS + 1)
    covariances = np.broadcast_to(spread**2 * np.eye(2), (1, 1, STEPS, 2, 2))
    zero = np.zeros(1, np.int64)
    return PredictionSample(
        0, "map", STEP_NS, zero, np.zeros((1, 3)), zero, paths, np.ones((1, 1)), covariances,
        np.zeros((1, 1)),
    )  # fmt: skip


def sampled(point, time_s, people, distance, draws=20_000):
    """Return the same probability by drawing where everybody is."""
    rng, apart = np.random.default_rng(1), 1.0
    step, part = divmod(time_s * 1e9 / STEP_NS, 1.0)
    for agent in range(len(people.ids)):
        near = 0.0
        for chance, path, spread in zip(
            people.probabilities[agent], people.paths[agent], people.covariances[agent], strict=True
        ):
            before, after = int(step) - 1, int(step)
            mean = path[before] + part * (path[after] - path[before])
            covariance = spread[before] + part * (spread[after] - spread[before])
            there = rng.multivariate_normal(mean, covariance + 0.05**2 * np.eye(2), draws)
            near += chance * (np.linalg.norm(there - point, axis=1) < distance).mean()
        apart *= 1 - near
    return 1 - apart


def test_it_is_what_sampling_gives():
    people = crowd(4, 3, 3.0)
    rng = np.random.default_rng(2)
    points, times = rng.uniform(-1, 4, (25, 2)), rng.uniform(0.5, 4.7, 25)
    ours = meeting_probability(points, times, people, 0.8)
    theirs = [sampled(p, t, people, 0.8) for p, t in zip(points, times, strict=True)]
    assert np.abs(ours - theirs).max() < 0.05
    assert np.abs(ours - theirs).mean() < 0.015


def test_a_walker_is_met_where_he_will_be_and_nowhere_else():
    points = np.array([[2.0, 0.0], [2.0, 0.0], [2.0, 3.0], [0.0, 0.0]])
    met = meeting_probability(points, np.array([2.0, 0.0, 2.0, 0.0]), walker(), 0.8)
    assert met[0] == pytest.approx(1 - np.exp(-0.5 * 0.8**2 / (0.3**2 + 0.05**2)), abs=0.01)
    assert met[1:3].tolist() == [0.0, 0.0]
    assert met[3] > 0.99


def test_beyond_the_horizon_nobody_is_known():
    points = np.array([[4.8, 0.0]] * 3)
    met = meeting_probability(points, np.array([4.8, 4.81, np.nan]), walker(), 0.8)
    assert met[0] > 0.9
    assert met[1:].tolist() == [0.0, 0.0]


def test_two_people_are_met_more_likely_than_one():
    people = crowd(2, 2, 1.0)
    point, times = np.full((1, 2), 0.5), np.full(1, 1.0)
    ones = [
        meeting_probability(point, times, _only(people, agent), 0.8)[0] for agent in range(2)
    ]  # fmt: skip
    both = meeting_probability(point, times, people, 0.8)[0]
    assert both == pytest.approx(1 - (1 - ones[0]) * (1 - ones[1]))


def _only(people, agent):
    """Return one of the people."""
    own = slice(agent, agent + 1)
    return PredictionSample(
        people.stamp_ns, "map", STEP_NS, people.ids[own], people.positions[own],
        people.observed_steps[own], people.paths[own], people.probabilities[own],
        people.covariances[own], people.interactions[own, own],
    )  # fmt: skip


@pytest.mark.parametrize("angle", [np.pi / 2, 0.7])
def test_turned_people_and_points_give_the_same(angle):
    people = crowd(5, 4, 5.0)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, -s], [s, c]])
    seen = people.positions.copy()
    seen[:, :2] = seen[:, :2] @ turn.T
    turned = PredictionSample(
        0, "map", STEP_NS, people.ids, seen, people.observed_steps, people.paths @ turn.T,
        people.probabilities, turn @ people.covariances @ turn.T, people.interactions,
    )  # fmt: skip
    rng = np.random.default_rng(3)
    points, times = rng.uniform(-1, 6, (200, 2)), rng.uniform(0, 4.8, 200)
    ours = meeting_probability(points, times, people, 0.8)
    # people are searched in upright rectangles, so far tails may be cut elsewhere
    assert np.abs(ours - meeting_probability(points @ turn.T, times, turned, 0.8)).max() < 5e-3


def test_nobody_and_nowhere():
    assert not meeting_probability(np.zeros((3, 2)), np.zeros(3), crowd(0, 1, 1.0), 0.8).any()
    assert meeting_probability(np.zeros((0, 2)), np.zeros(0), crowd(2, 1, 1.0), 0.8).shape == (0,)


@pytest.mark.parametrize("name", ["paths", "covariances", "probabilities"])
def test_people_whose_numbers_are_none_are_not_there(name):
    people = crowd(2, 2, 1.0)
    numbers = getattr(people, name).copy()
    numbers[0] = np.nan
    broken = replace(people, **{name: numbers})
    points, times = np.full((2, 2), 0.5), np.array([1.0, 0.1])
    alone = meeting_probability(points, times, _only(people, 1), 0.8)
    assert meeting_probability(points, times, broken, 0.8) == pytest.approx(alone)


def test_unknown_numbers_meet_nobody():
    met = meeting_probability(np.array([[np.nan, 0.0]]), np.zeros(1), walker(), 0.8)
    assert met.tolist() == [0.0]


def test_a_crowd_is_done_in_milliseconds():
    people, rng = crowd(20, 20, 30.0), np.random.default_rng(4)
    points, times = rng.uniform(0, 30, (5000, 2)), rng.uniform(0, 4.8, 5000)
    took = []
    for _ in range(20):
        began = time.thread_time()
        meeting_probability(points, times, people, 0.8)
        took.append(time.thread_time() - began)
    assert min(took) < 0.03
