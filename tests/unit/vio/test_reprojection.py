"""The normal equations of the views are what small changes of the parameters show."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.vio.initialisation.reprojection import add_views

FRAMES, LANDMARKS = 3, 4
H = 1e-6


def normal_equations(R, p, landmarks):
    """Return residuals, cost, gradients (K, 6) and (L, 3) and all the blocks."""
    rng = np.random.default_rng(1)
    frame = np.tile(np.arange(FRAMES), LANDMARKS)
    landmark = np.repeat(np.arange(LANDMARKS), FRAMES)
    T_b_c = rigid(exp_so3(np.array([0.1, -0.2, 0.3])), np.array([0.1, 0.05, -0.02]))
    points, spread = rng.normal(0, 0.2, (len(frame), 2)), np.full(len(frame), 0.2)
    xx, x = np.zeros((FRAMES, 6, 6)), np.zeros((FRAMES, 6))
    ll, l = np.zeros((LANDMARKS, 3, 3)), np.zeros((LANDMARKS, 3))  # noqa: E741
    xl = np.zeros((FRAMES, 6, LANDMARKS, 3))
    by_themselves = np.tile(np.eye(3), (LANDMARKS, 1, 1))
    views = frame, landmark, points, spread, R, p, T_b_c, landmarks, by_themselves
    residuals, cost = add_views(*views, xx, x, ll, l, xl)
    return residuals, cost, x, l, xx, ll, xl


def test_gradients_are_half_the_change_of_the_robust_cost():
    rng = np.random.default_rng(0)
    R, p = exp_so3(rng.normal(0, 0.1, (FRAMES, 3))), rng.normal(0, 0.3, (FRAMES, 3))
    landmarks = rng.normal(0, 1, (LANDMARKS, 3)) + [0, 0, 5]
    residuals, cost, x, l, *_ = normal_equations(R, p, landmarks)  # noqa: E741
    assert (residuals > 2).any() and (residuals < 2).any()  # both arms of the robust cost
    for k in range(FRAMES):
        for i in range(6):
            step = H * np.eye(6)[i]
            turned, moved = R.copy(), p.copy()
            turned[k], moved[k] = exp_so3(step[:3]) @ R[k], p[k] + step[3:]
            change = (normal_equations(turned, moved, landmarks)[1] - cost) / H
            np.testing.assert_allclose(change, -2 * x[k, i], rtol=1e-3, atol=0.02)
    for j in range(LANDMARKS):
        for i in range(3):
            moved = landmarks.copy()
            moved[j, i] += H
            change = (normal_equations(R, p, moved)[1] - cost) / H
            np.testing.assert_allclose(change, -2 * l[j, i], rtol=1e-3, atol=0.02)


def test_blocks_are_those_of_one_positive_matrix_that_ignores_a_common_motion():
    rng = np.random.default_rng(0)
    R, p = exp_so3(rng.normal(0, 0.1, (FRAMES, 3))), rng.normal(0, 0.3, (FRAMES, 3))
    landmarks = rng.normal(0, 1, (LANDMARKS, 3)) + [0, 0, 5]
    *_, xx, ll, xl = normal_equations(R, p, landmarks)
    size = 6 * FRAMES
    whole = np.zeros((size + 3 * LANDMARKS,) * 2)
    for k in range(FRAMES):
        whole[6 * k : 6 * k + 6, 6 * k : 6 * k + 6] = xx[k]
    for j in range(LANDMARKS):
        at = slice(size + 3 * j, size + 3 * j + 3)
        whole[at, at] = ll[j]
    whole[:size, size:] = xl.reshape(size, -1)
    whole[size:, :size] = whole[:size, size:].T
    values = np.linalg.eigvalsh(whole)
    assert values[0] > -1e-9 * values[-1]
    shift = np.concatenate(
        [np.tile([0, 0, 0, 1.0, 2.0, 3.0], FRAMES), np.tile([1, 2, 3], LANDMARKS)]
    )
    assert np.abs(whole @ shift).max() < 1e-9 * values[-1]
