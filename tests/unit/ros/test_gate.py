"""Promises of the gate: what is unsound is refused with a reason and counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equi_nodes.ros.gate import Content, Gate, is_covariance, is_unit


def content(stamp=1, frame="map", **arrays):
    return Content(stamp, frame, **arrays)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (content(frame=""), "frame"),
        (content(frame="/map"), "frame"),
        (content(numbers=(np.ones(2), np.array([[1.0, np.nan]]))), "not_finite"),
        (content(numbers=(np.array([np.inf]),)), "not_finite"),
        (content(covariances=(np.diag([1.0, -1.0]),)), "covariance"),
        (content(covariances=(np.array([[1.0, 0.5], [0.0, 1.0]]),)), "covariance"),
        (content(covariances=(np.full((3, 3), np.nan),)), "covariance"),
        (content(quaternions=(np.array([0.0, 0.0, 0.0, 1.001]),)), "quaternion"),
        (content(quaternions=(np.zeros(4),)), "quaternion"),
    ],
)
def test_each_fault_is_refused_and_the_next_good_one_passes(bad, reason):
    gate = Gate()
    assert not gate.passes(bad, epoch=0)
    assert gate.last_refusal == reason
    assert gate.refused == {reason: 1}
    assert gate.passes(content(), epoch=0)


def test_stamps_rise_within_an_epoch_and_old_epochs_are_over():
    gate = Gate()
    assert gate.passes(content(10), epoch=0)
    assert not gate.passes(content(10), epoch=0)
    assert not gate.passes(content(9), epoch=0)
    assert gate.passes(content(5), epoch=1)
    assert not gate.passes(content(20), epoch=0)
    assert gate.passes(content(6), epoch=1)
    assert gate.refused == {"stamp_order": 3}


def test_empty_results_pass():
    empty = content(
        numbers=(np.zeros((0, 3)),),
        covariances=(np.zeros((0, 20, 12, 2, 2)),),
        quaternions=(np.zeros((0, 4)),),
    )
    assert Gate().passes(empty, epoch=0)


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.floats(1e-6, 1e6))
def test_products_of_matrices_are_covariances_in_float32_too(seed, size, scale):
    factors = np.random.default_rng(seed).normal(size=(5, size, size)) * np.sqrt(scale)
    products = factors @ factors.swapaxes(-1, -2)
    assert is_covariance(products)
    assert is_covariance(products.astype(np.float32))
    assert not is_covariance(
        products - 2 * np.trace(products, axis1=1, axis2=2).max() * np.eye(size)
    )


@given(st.integers(0, 2**32 - 1))
def test_normalised_quaternions_are_unit(seed):
    q = np.random.default_rng(seed).normal(size=(10, 4))
    q /= np.linalg.norm(q, axis=-1, keepdims=True)
    assert is_unit(q)
    assert not is_unit(q * 1.001)
