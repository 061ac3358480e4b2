"""The metrics, on cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.evaluation.pedestrians import standing_table
from equi_nodes.evaluation.prediction import constant_velocity, density_level, point_score, score


def gaussian(agents: int, scale: float, seed: int = 0):
    """One mode at zero with unit covariance; the truth is drawn with ``scale`` times its spread."""
    rng = np.random.default_rng(seed)
    paths = np.zeros((agents, 1, 3, 2))
    covariances = np.broadcast_to(np.eye(2), (agents, 1, 3, 2, 2))
    return paths, np.ones((agents, 1)), covariances, scale * rng.normal(size=(agents, 3, 2))


@pytest.mark.parametrize(
    ("scale", "low", "high"), [(1.0, 0.88, 0.92), (2.0, 0.3, 0.6), (0.3, 0.99, 1.0)]
)
def test_regions_hold_their_share_when_the_spread_is_true(scale, low, high) -> None:
    assert low <= score(*gaussian(4000, scale))["calibration_90"] <= high


def test_levels_of_an_honest_mixture_are_even() -> None:
    rng = np.random.default_rng(0)
    agents = 4000
    paths = np.zeros((agents, 2, 1, 2))
    paths[:, 1] = [5.0, 0.0]
    probabilities = np.broadcast_to([0.3, 0.7], (agents, 2))
    covariances = np.broadcast_to(np.diag([1.0, 0.1]), (agents, 2, 1, 2, 2))
    mode = rng.random(agents) < 0.7
    truth = rng.normal(size=(agents, 1, 2)) * np.sqrt([1.0, 0.1]) + 5.0 * mode[:, None, None] * [
        1,
        0,
    ]
    levels = density_level(paths, probabilities, covariances, truth)
    np.testing.assert_allclose(np.quantile(levels, [0.25, 0.5, 0.75]), [0.25, 0.5, 0.75], atol=0.03)


def test_best_and_likeliest_mode_are_told_apart() -> None:
    truth = np.zeros((1, 2, 2))
    paths = np.stack([truth + [3.0, 0.0], truth + [0.0, 1.0]], 1)
    covariances = np.broadcast_to(np.eye(2), (1, 2, 2, 2, 2))
    result = score(paths, np.array([[0.9, 0.1]]), covariances, truth)
    assert result["ade_best"] == 1.0 and result["ade_top1"] == 3.0
    assert result["error_best"] == [1.0, 1.0]


def test_constant_velocity_is_exact_for_straight_walkers() -> None:
    past = np.arange(8.0)[None, :, None] * [0.5, 0.2]
    truth = np.arange(8.0, 20.0)[None, :, None] * [0.5, 0.2]
    assert point_score(constant_velocity(past, 12), truth)["fde"] < 1e-12


def test_nothing_to_score_is_no_error() -> None:
    empty = np.zeros((0, 1, 3, 2))
    assert score(empty, np.zeros((0, 1)), np.zeros((0, 1, 3, 2, 2)), empty[:, 0]) == {"agents": 0}


def test_standing_people_are_measured_from_where_they_stand() -> None:
    def stays(past, mask, time_step):
        paths = np.zeros((len(past), 1, 1, 12, 2))
        return (
            paths,
            np.ones((len(past), 1, 1)),
            np.broadcast_to(1e-3 * np.eye(2), (*paths.shape, 2)),
        )

    result = standing_table(stays, jitter=0.03)
    assert result["end_top1"] == pytest.approx(0.03 * np.sqrt(np.pi / 2), rel=0.1)
    assert result["end_constant_velocity"] > 0.5
