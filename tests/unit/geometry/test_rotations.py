"""Rotations and rigid transforms against scipy and against their own definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from equi_nodes.geometry import rotations

ANGLES = (0.0, 1e-12, 1e-6, 9e-5, 1.1e-4, 0.3, 2.0, np.pi - 1e-7)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def vectors(rng, angle):
    axes = rng.normal(size=(20, 3))
    return angle * axes / np.linalg.norm(axes, axis=1, keepdims=True)


@pytest.mark.parametrize("angle", ANGLES)
def test_exp_and_log_agree_with_scipy(rng, angle):
    phi = vectors(rng, angle)
    R = rotations.exp_so3(phi)
    np.testing.assert_allclose(R, Rotation.from_rotvec(phi).as_matrix(), atol=1e-13)
    np.testing.assert_allclose(rotations.log_so3(R), phi, atol=1e-9)


@pytest.mark.parametrize("angle", ANGLES)
def test_quaternion_and_back(rng, angle):
    R = rotations.exp_so3(vectors(rng, angle))
    q = rotations.quaternion(R)
    expected = Rotation.from_matrix(R).as_quat()
    np.testing.assert_allclose(q * np.sign(np.sum(q * expected, 1))[:, None], expected, atol=1e-9)
    np.testing.assert_allclose(rotations.rotation(3 * q), R, atol=1e-13)


@pytest.mark.parametrize("angle", ANGLES[3:-1])
def test_jacobians_are_derivatives(rng, angle):
    phi, step = vectors(rng, angle), 1e-6 * rng.normal(size=(20, 3))
    before, after = rotations.exp_so3(phi), rotations.exp_so3(phi + step)
    left = rotations.log_so3(after @ np.swapaxes(before, 1, 2))
    right = rotations.log_so3(np.swapaxes(before, 1, 2) @ after)
    assert np.abs(left - (rotations.left_jacobian(phi) @ step[..., None])[..., 0]).max() < 1e-11
    assert np.abs(right - (rotations.right_jacobian(phi) @ step[..., None])[..., 0]).max() < 1e-11


@pytest.mark.parametrize("target", [(0, 0, 1), (0, 0, -1), (1, 2, 3)])
def test_shortest_rotation_maps_one_direction_to_the_other(target):
    source, target = np.array([0.0, 0, 2]), np.array(target, float)
    R = rotations.shortest_rotation(source, target)
    np.testing.assert_allclose(R @ [0, 0, 1], target / np.linalg.norm(target), atol=1e-12)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)


def test_inverse_and_transform(rng):
    T = rotations.rigid(rotations.exp_so3(rng.normal(size=(5, 3))), rng.normal(size=(5, 3)))
    points = rng.normal(size=(5, 7, 3))
    back = rotations.transform(rotations.inverse(T), rotations.transform(T, points))
    np.testing.assert_allclose(back, points, atol=1e-12)
    np.testing.assert_allclose(
        rotations.inverse(T) @ T, np.broadcast_to(np.eye(4), T.shape), atol=1e-12
    )


@pytest.mark.parametrize("yaw", [0.0, 0.7, -3.0])
def test_a_level_tie_takes_the_heading_and_puts_the_position_exactly(rng, yaw):
    tilted = rotations.exp_so3(0.2 * rng.normal(size=3))
    T_a_b = rotations.rigid(tilted, np.array([30.0, -20.0, 5.0]))
    turn = rotations.exp_so3(np.array([0.0, 0.0, yaw]))
    lean = rotations.exp_so3(np.array([0.02, -0.03, 0.0]))
    T_w_b = rotations.rigid(turn @ lean @ tilted, np.array([1.0, 2.0, 3.0]))
    T_w_a = rotations.level_tie(T_w_b, T_a_b)
    np.testing.assert_allclose((T_w_a @ T_a_b)[:3, 3], T_w_b[:3, 3], atol=1e-13)
    np.testing.assert_array_equal(T_w_a[2, :3], [0, 0, 1])
    np.testing.assert_allclose(rotations.yaw_of(T_w_a), yaw, atol=1e-9)


def test_a_rigid_fit_finds_the_motion_and_never_mirrors(rng):
    points = rng.normal(size=(30, 3))
    T = rotations.rigid(rotations.exp_so3(rng.normal(size=3)), rng.normal(size=3))
    found = rotations.rigid_fit(points, rotations.transform(T, points))
    np.testing.assert_allclose(found, T, atol=1e-12)
    mirrored = rotations.rigid_fit(points, points * (1.0, 1.0, -1.0))
    assert np.linalg.det(mirrored[:3, :3]) > 0.99
