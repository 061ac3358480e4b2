"""Updates tell nothing of what cannot be seen, and agree with the textbook."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from vio_runs import fly

from equi_nodes.config.vio import FilterConfig
from equi_nodes.sim.vio_world import WorldConfig
from equi_nodes.vio.start import first_state, upright
from equi_nodes.vio.state import BODY, POSE
from equi_nodes.vio.triangulation import OK
from equi_nodes.vio.update import correct, gate_limits, linearise_tracks


@pytest.fixture(scope="module")
def estimator():
    return fly(WorldConfig(duration=1.0)).estimator


def test_a_turn_about_gravity_or_a_shift_of_the_world_is_not_seen(estimator):
    trail = estimator._trail
    columns = np.flatnonzero(trail.seen().sum(0) >= 6)[:10]
    update = linearise_tracks(
        estimator._state, trail, columns, trail.seen(), gate_limits(0.95), 100.0
    )
    assert (update.codes == OK).all()
    poses = len(trail)
    for k in (2, 3, 4, 5):  # heading, position
        unseen = np.tile(np.eye(POSE)[k], poses)
        assert np.abs(update.jacobian @ unseen).max() < 1e-8 * np.abs(update.jacobian).max()


def test_points_that_count_less_are_gated_as_they_are(estimator):
    trail = deepcopy(estimator._trail)
    columns = np.flatnonzero(trail.seen().sum(0) >= 6)[:20]
    rest = columns, trail.seen(), gate_limits(0.5), 0.65  # a gate that half of them pass
    once = linearise_tracks(estimator._state, trail, *rest)
    trail.whitening = trail.whitening / 2  # twice the standard deviation
    lasting = linearise_tracks(estimator._state, trail, *rest, point_noise=0.5)
    assert 0 < (once.codes == OK).sum() < len(columns)
    assert np.array_equal(once.codes, lasting.codes)
    assert np.allclose(once.nis, lasting.nis)
    size = np.linalg.norm(once.residuals) / 2
    assert np.linalg.norm(lasting.residuals) == pytest.approx(size, rel=1e-3)


def test_correct_is_the_kalman_update(estimator):
    rng = np.random.default_rng(0)
    config = FilterConfig()
    start = upright(int(estimator.imu.stamps_ns[-1]), estimator.imu, config)
    state = first_state(start, estimator._rig, config)
    A = rng.normal(size=(BODY, BODY))
    P = 1e-4 * A @ A.T
    state.covariance = P.copy()
    H, r = rng.normal(size=(4, BODY)), 1e-3 * rng.normal(size=4)
    correct(state, H, slice(0, BODY), r, 0.5)
    gain = P @ H.T @ np.linalg.inv(H @ P @ H.T + 0.5 * np.eye(4))
    np.testing.assert_allclose(state.covariance, (np.eye(BODY) - gain @ H) @ P, atol=1e-12)
    np.testing.assert_allclose(state.gyro_bias, (gain @ r)[9:12], atol=1e-12)
