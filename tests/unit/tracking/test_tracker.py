"""Promises of the second half: filters are honest, ids stay, who is hidden is remembered."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.tracking.candidates import Points, candidates
from equi_nodes.tracking.kalman import corrected, predicted, seen_as
from equi_nodes.tracking.score import MOST, View, evidence
from equi_nodes.tracking.tracker import Tracker, TrackerSettings
from equi_nodes.tracking.tracks import PERSON_SHAPE
from equi_nodes.tracking.visibility import Horizon

DT, NOISE, ACCELERATION = 0.1, 0.05, 0.5
SENSOR = np.array([0.0, 0.0, 0.6])
BOARD = np.column_stack([np.full(200, 3.0), np.linspace(0, 0.8, 200), np.linspace(0, 2, 200)])
OPEN = Horizon(np.zeros((0, 2)), SENSOR)


def body(x, y, radius=0.2, height=1.7, seed=0):
    """Return the side of a person that a sensor in the origin sees, (N, 3)."""
    rng = np.random.default_rng(seed)
    facing = np.arctan2(-y, -x) + rng.uniform(-1.4, 1.4, 200)
    ring = np.column_stack([np.cos(facing), np.sin(facing)]) * radius
    return np.column_stack([ring + (x, y), rng.uniform(0.2, height, 200)])


def sweep(*bodies):
    """Return candidates of bodies, each in a cluster of its own."""
    points = np.concatenate(bodies)
    labels = np.repeat(np.arange(len(bodies)), [len(one) for one in bodies])
    no = np.zeros(len(points), bool)
    return candidates(Points(points, points[:, 2], np.zeros(len(points)), no, no, SENSOR), labels)


def follow(tracker, places, horizon=OPEN, score=3.0):
    """Have people at places seen in one more sweep."""
    tracker.predict(DT)
    seen = sweep(*(body(*place) for place in places)) if places else None
    if seen is None:
        seen = sweep(body(50.0, 50.0)).take(np.zeros(0, int))
    tracker.update(seen, np.full(len(seen), score), horizon)


def persons(tracker):
    return tracker.tracks.take(np.flatnonzero(tracker.tracks.is_person))


def test_the_filter_is_as_unsure_as_it_is_wrong():
    rng = np.random.default_rng(1)
    squared = []
    for _ in range(60):
        true = np.array([[0.0, 0.0, *rng.normal(0.0, 1.0, 2)]])
        state, covariance = np.zeros((1, 4)), np.diag([NOISE**2, NOISE**2, 1.0, 1.0])[None]
        state[:, :2] = rng.normal(0.0, NOISE, 2)
        for _ in range(30):
            kick = rng.multivariate_normal(
                np.zeros(2), [[DT**3 / 3, DT**2 / 2], [DT**2 / 2, DT]], 2
            )
            true = true @ np.kron([[1.0, DT], [0.0, 1.0]], np.eye(2)).T
            true += ACCELERATION * kick.T.ravel()
            state, covariance = predicted(state, covariance, DT, ACCELERATION)
            late = np.array([0.05])
            seen = true[:, :2] - late * true[:, 2:] + rng.normal(0.0, NOISE, 2)
            noise = NOISE**2 * np.eye(2)[None]
            state, covariance = corrected(state, covariance, seen, noise, seen_as(late))
        error = (state - true)[0]
        squared.append(error @ np.linalg.solve(covariance[0], error))
    low, high = 4 - 3 * np.sqrt(8 / 60), 4 + 3 * np.sqrt(8 / 60)
    assert low < np.mean(squared) < high


def test_somebody_who_walks_is_told_with_his_velocity():
    tracker = Tracker()
    for step in range(20):
        follow(tracker, [(3.0 + 0.12 * step, 1.0)], score=1.0)
    (person,) = persons(tracker).states
    assert person[:2] == pytest.approx((3.0 + 0.12 * 19, 1.0), abs=0.1)
    assert person[2:] == pytest.approx((1.2, 0.0), abs=0.15)


def test_what_never_moves_must_look_like_a_person():
    for score, count in ((1.0, 0), (2.8, 1)):
        tracker = Tracker()
        for _ in range(20):
            follow(tracker, [(3.0, 1.0)], score=score)
        assert len(persons(tracker)) == count


def test_ids_stay_when_two_pass_each_other():
    tracker = Tracker()
    for step in range(40):
        follow(tracker, [(3.0, -2.0 + 0.1 * step), (3.7, 2.0 - 0.1 * step)])
        if step == 10:
            before = persons(tracker)
    after = persons(tracker)
    assert after.ids.tolist() == before.ids.tolist()
    assert np.sign(after.states[:, 3]).tolist() == np.sign(before.states[:, 3]).tolist()


def test_who_is_hidden_goes_on_and_comes_back_with_the_same_id():
    tracker = Tracker()
    wall = Horizon(np.column_stack([np.full(400, 2.0), np.linspace(-4, 4, 400)]), SENSOR)
    for step in range(15):
        follow(tracker, [(4.0, -1.5 + 0.1 * step)])
    (number,) = persons(tracker).ids
    for _ in range(8):
        follow(tracker, [], wall)
    hidden = persons(tracker)
    assert hidden.ids.tolist() == [number]
    assert (hidden.unseen > 0.7).all()
    assert hidden.states[0, 1] == pytest.approx(-1.5 + 0.1 * 22, abs=0.2)
    follow(tracker, [(4.0, -1.5 + 0.1 * 23)])
    assert persons(tracker).ids.tolist() == [number]


def test_who_is_gone_in_plain_sight_is_forgotten_soon():
    tracker = Tracker()
    for step in range(15):
        follow(tracker, [(4.0, 0.1 * step)])
    for _ in range(6):
        follow(tracker, [])
    assert len(persons(tracker)) == 0


def test_hidden_people_are_given_up_after_the_time_set():
    tracker = Tracker(TrackerSettings(coast=0.5))
    wall = Horizon(np.column_stack([np.full(400, 2.0), np.linspace(-4, 4, 400)]), SENSOR)
    for step in range(15):
        follow(tracker, [(4.0, 0.1 * step)])
    for _ in range(7):
        follow(tracker, [], wall)
    assert len(tracker.tracks) == 0


@pytest.mark.parametrize(
    ("points", "is_person"),
    [
        (body(3.0, 1.0), True),
        (body(3.0, 1.0, height=0.6), False),
        (body(3.0, 1.0, radius=0.6), False),
        (BOARD, False),
    ],
)  # fmt: skip
def test_the_score_tells_people_from_low_wide_and_flat_things(points, is_person):
    (score,) = evidence(sweep(points), View(height=0.6, high=0.27))
    assert (score > PERSON_SHAPE) == is_person
    assert abs(score) <= MOST


def test_the_middle_of_a_body_is_found_from_the_side_that_is_seen():
    found = sweep(body(3.0, 1.0), body(-2.0, -4.0))
    assert found.positions == pytest.approx(np.array([[3.0, 1.0], [-2.0, -4.0]]), abs=0.08)
