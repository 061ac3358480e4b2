"""How long somebody near the robot counts whose track has ended."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from equi_nodes.samples import TrackSample
from equi_nodes.sim.vanished import Vanished
from equi_nodes.sim.walkers import Walkers

SECOND = 1_000_000_000
PLACE = np.array([1.0, 2.0])


def people(stamp_s, *distances):
    """Return people so many metres ahead, who come nearer at 1.5 m/s."""
    ids = np.arange(1, len(distances) + 1)
    places = [[PLACE[0] + away, PLACE[1]] for away in distances]
    sample = TrackSample.of_positions(round(stamp_s * SECOND), "odom", ids, places)
    return replace(sample, velocities=np.tile([-1.5, 0.0, 0.0], (len(distances), 1)))


def remembered(vanished, tracks, now_s):
    found = vanished.update(tracks, PLACE, round(now_s * SECOND))
    return [number for sample in found for number in sample.ids.tolist()]


@pytest.mark.parametrize(("distance", "seconds"), [(0.5, 3.0), (1.5, 1.0)])
def test_who_vanishes_nearby_is_remembered_for_a_while(distance, seconds):
    vanished = Vanished()
    assert remembered(vanished, people(10.0, distance), 10.0) == []
    assert remembered(vanished, people(10.1), 10.1) == [1]
    assert remembered(vanished, people(10.2), 10.0 + seconds) == [1]
    assert remembered(vanished, people(10.3), 10.1 + seconds) == []


def test_who_vanishes_far_away_or_long_ago_is_not():
    vanished = Vanished()
    remembered(vanished, people(10.0, 4.0), 10.0)
    assert remembered(vanished, people(10.1), 10.1) == []
    remembered(vanished, people(20.0, 0.5), 20.0)
    assert remembered(vanished, people(30.0), 30.0) == []


def test_who_is_still_told_of_is_not_and_no_tracks_are_no_news():
    vanished = Vanished()
    remembered(vanished, people(10.0, 0.5, 0.6), 10.0)
    assert remembered(vanished, people(10.1, 0.5), 10.1) == [2]
    assert remembered(vanished, None, 10.2) == [2]


def test_they_stand_where_they_were_and_may_be_as_fast_as_last():
    vanished = Vanished()
    vanished.update(people(10.0, 1.5), PLACE, 10 * SECOND)
    walkers = Walkers(vanished.update(people(10.1), PLACE, 10 * SECOND), 11 * SECOND)
    np.testing.assert_allclose(walkers.positions, [[2.5, 2.0]])
    np.testing.assert_allclose(walkers.velocities, 0.0)
    np.testing.assert_allclose(walkers.doubts, 1.5)
