"""Promise of the conversion: what goes in comes out, with rclpy's classes and rosbags' own."""

from __future__ import annotations

from dataclasses import fields
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equi_nodes.errors import EquiError
from equi_nodes.ros.convert import (
    WEAKEST_INTERACTION,
    prediction_array,
    prediction_sample,
    track_array,
    track_sample,
)
from equi_nodes.samples import PredictionSample, TrackSample

STAMPS = st.integers(0, 2**31 * 10**9 - 1)


def rclpy_make():
    pytest.importorskip("equi_msgs.msg", reason="the ROS workspace is not built")
    from equi_nodes.ros.messages import make

    return make


def rosbags_make():
    from equi_nodes.datasets import bags

    return bags.Make()


MAKES = pytest.mark.parametrize("make_of", [rclpy_make, rosbags_make])
cases = partial(settings, max_examples=40, deadline=None)


def tracks(seed: int, agents: int, stamp: int) -> TrackSample:
    generator = np.random.default_rng(seed)
    velocities = generator.normal(size=(agents, 3))
    velocities[generator.random(agents) < 0.5] = np.nan
    return TrackSample(
        stamp,
        "map",
        generator.integers(-(2**63), 2**63 - 1, agents),
        generator.normal(size=(agents, 3)) * 1e6,
        velocities,
        generator.normal(size=(agents, 3, 3)),
        generator.normal(size=(agents, 3, 3)),
        generator.normal(size=(agents, 3)),
        generator.integers(0, 5, agents).astype(np.uint8),
        generator.random(agents).astype(np.float32).astype(np.float64),
        generator.random(agents) < 0.5,
    )


def predictions(seed: int, agents: int, modes: int, steps: int, stamp: int) -> PredictionSample:
    generator = np.random.default_rng(seed)
    chances = -np.sort(-generator.dirichlet(np.ones(modes), agents), axis=-1)
    factors = generator.normal(size=(agents, modes, steps, 2, 2))
    weights = generator.random((agents, agents)) * (1 - np.eye(agents))
    return PredictionSample(
        stamp,
        "odom",
        int(generator.integers(1, 10**10)),
        generator.permutation(1000)[:agents].astype(np.int64),
        generator.normal(size=(agents, 3)) * 1e6,
        generator.integers(0, 255, agents),
        generator.normal(size=(agents, modes, steps, 2)) * 1e6,
        chances.reshape(agents, modes),
        factors @ factors.swapaxes(-1, -2),
        weights,
        is_fallback=bool(agents) and bool(generator.integers(2)),
    )


@MAKES
@cases()
@given(st.integers(0, 2**32 - 1), st.integers(0, 6), STAMPS)
def test_tracks_survive_the_way_there_and_back(make_of, seed, agents, stamp):
    before = tracks(seed, agents, stamp)
    after = track_sample(track_array(before, make_of()))
    assert (after.stamp_ns, after.frame_id) == (before.stamp_ns, before.frame_id)
    for name in (field.name for field in fields(before)[2:]):
        expected, found = getattr(before, name), getattr(after, name)
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


@MAKES
@cases()
@given(st.integers(0, 2**32 - 1), st.integers(0, 5), st.integers(1, 4), st.integers(1, 5), STAMPS)
def test_predictions_survive_the_way_there_and_back(make_of, seed, agents, modes, steps, stamp):
    before = predictions(seed, agents, modes, steps, stamp)
    after = prediction_sample(prediction_array(before, make_of(), modes))
    for name in ("stamp_ns", "frame_id", "time_step_ns", "is_fallback"):
        assert getattr(after, name) == getattr(before, name)
    np.testing.assert_array_equal(after.ids, before.ids)
    np.testing.assert_array_equal(after.positions, before.positions)
    np.testing.assert_array_equal(after.observed_steps, before.observed_steps)
    if agents:
        np.testing.assert_array_equal(after.paths, before.paths)
        np.testing.assert_allclose(after.probabilities, before.probabilities, atol=1e-6)
        np.testing.assert_allclose(after.covariances, before.covariances, rtol=1e-6)
    strong = np.where(before.interactions >= WEAKEST_INTERACTION, before.interactions, 0.0)
    np.testing.assert_allclose(after.interactions, strong, atol=1e-6)


@MAKES
def test_fewer_modes_keep_the_most_probable_and_sum_to_one(make_of):
    before = predictions(3, 4, 6, 2, 10**9)
    after = prediction_sample(prediction_array(before, make_of(), 2))
    assert after.paths.shape == (4, 2, 2, 2)
    np.testing.assert_allclose(after.probabilities.sum(-1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(after.paths, before.paths[:, :2])


@MAKES
def test_no_agents_keep_their_shapes(make_of):
    after = prediction_sample(prediction_array(predictions(0, 0, 3, 2, 10**9), make_of(), 3))
    assert after.paths.shape[:2] == (0, 0)
    assert after.covariances.shape[-2:] == (2, 2)
    assert after.interactions.shape == (0, 0)


def test_agents_that_differ_in_modes_are_refused():
    message = prediction_array(predictions(1, 2, 3, 2, 10**9), rclpy_make(), 3)
    message.predictions[0].trajectories.pop()
    with pytest.raises(EquiError, match="differ in their modes"):
        prediction_sample(message)
