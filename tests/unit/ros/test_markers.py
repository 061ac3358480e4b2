"""Promises of the markers: few, with stable ids, and drawn where the predictions are."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("equi_msgs.msg", reason="the ROS workspace is not built")

from visualization_msgs.msg import Marker  # noqa: E402

from equi_nodes.ros.markers import FAINTEST, delete_all, prediction_markers  # noqa: E402
from equi_nodes.samples import PredictionSample  # noqa: E402

IDS = [("paths", 1), ("paths", 2), ("paths", 3), ("paths", 4), ("likely_ends", 0)]


def sample(agents, probabilities=(0.6, 0.39, 0.01), steps=3):
    modes = len(probabilities)
    paths = np.cumsum(np.ones((agents, modes, steps, 2)), axis=2)
    return PredictionSample(
        10**9, "map", 4 * 10**8, np.arange(agents), np.zeros((agents, 3)), np.full(agents, 8),
        paths, np.tile(probabilities, (agents, 1)),
        np.tile(np.diag([4.0, 1.0]), (agents, modes, steps, 1, 1)), np.zeros((agents, agents)),
    )  # fmt: skip


@pytest.mark.parametrize("agents", [0, 1, 32])
def test_there_are_always_the_same_few_markers(agents):
    markers = prediction_markers(sample(agents)).markers
    assert [(m.ns, m.id) for m in markers] == IDS
    assert all(m.header.frame_id == "map" and m.lifetime.sec > 0 for m in markers)
    assert {m.action for m in markers} <= {Marker.ADD, Marker.DELETE}


def test_paths_start_at_the_agent_and_fade_with_their_probability():
    by_id = {(m.ns, m.id): m for m in prediction_markers(sample(2)).markers}
    likely, second = by_id[("paths", 3)], by_id[("paths", 2)]
    assert likely.color.a > second.color.a
    assert [(p.x, p.y) for p in likely.points[:6]] == [
        (0, 0),
        (1, 1),
        (1, 1),
        (2, 2),
        (2, 2),
        (3, 3),
    ]
    assert len(likely.points) == len(second.points) == 2 * 2 * 3


def test_paths_that_hardly_happen_are_not_drawn():
    drawn = sum(len(m.points) for m in prediction_markers(sample(1)).markers if m.ns == "paths")
    assert drawn == 2 * 2 * 3
    assert sample(1).probabilities[0, 2] < FAINTEST


def test_ellipses_hold_nine_tenths_of_a_normal_distribution():
    ellipse = prediction_markers(sample(1)).markers[-1]
    corners = np.array([(p.x, p.y) for p in ellipse.points]) - 3.0
    radii = np.hypot(corners[:, 0] / 2.0, corners[:, 1])
    draws = np.random.default_rng(0).normal(size=(20000, 2))
    assert np.mean(np.hypot(*draws.T) < radii[0]) == pytest.approx(0.9, abs=0.01)
    np.testing.assert_allclose(radii, radii[0])


def test_everything_can_be_erased():
    assert [m.action for m in delete_all().markers] == [Marker.DELETEALL]
