"""The gyro's bias from images: with the right one, all rays lie in epipolar planes.

The rotation of the gyro between two frames, right but for the bias, turns the rays of the second
frame into the first. The normals f x R g of corresponding rays f, g must all be perpendicular to
the translation, whatever the depths. The bias is found together with the translation directions.
"""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.rotations import exp_so3
from equi_nodes.vio.initialisation.preintegration import Preintegrated
from equi_nodes.vio.initialisation.window import Observations, shared

ITERATIONS = 10
HUBER = 2.0  # standard deviations
FEWEST_SHARED = 12
APART = 2  # frames between the two of a pair
SETTLED = 1e-5  # rad/s


def rotations_from_first(imu: Preintegrated) -> tuple[np.ndarray, np.ndarray]:
    """Return R_first_k (K, 3, 3) of every frame, and its left perturbation per gyro bias."""
    R, by_bias = [np.eye(3)], [np.zeros((3, 3))]
    for step, step_by_bias in zip(imu.R, imu.R_gyro):
        by_bias.append(by_bias[-1] + R[-1] @ step_by_bias)
        R.append(R[-1] @ step)
    return np.stack(R), np.stack(by_bias)


class GyroBias:
    """Least squares for a correction of the gyro bias over pairs of frames.

    Args:
        observations: of a window.
        imu: preintegrated with the bias to correct.
        R_b_c: (3, 3) camera to body.
    """

    def __init__(self, observations: Observations, imu: Preintegrated, R_b_c: np.ndarray):
        self._R, self._by_bias = rotations_from_first(imu)
        rays = observations.rays @ R_b_c.T  # in the body
        spread = observations.spread
        self._pairs = []
        for first in range(observations.frames - APART):
            second = first + APART
            a, b = shared(observations, first, second)
            if len(a) >= FEWEST_SHARED:
                sigma = np.hypot(spread[a], spread[b])
                self._pairs.append((first, second, rays[a], rays[b], sigma))

    @property
    def pairs(self) -> int:
        """Return how many pairs of frames share enough landmarks."""
        return len(self._pairs)

    def solve(
        self, prior: np.ndarray, prior_information: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the correction of the bias (3,) and its information (3, 3).

        Args:
            prior: (3,) expected correction. prior_information: (3, 3) of it.
        """
        correction = prior.copy()
        for _ in range(ITERATIONS):
            information, gradient = (
                prior_information.copy(),
                prior_information @ (prior - correction),
            )
            for pair in self._pairs:
                H, g = self._normal_equations(pair, correction)
                information += H
                gradient += g
            step = np.linalg.solve(information, gradient)
            correction = correction + step
            if np.abs(step).max() < SETTLED:
                break
        return correction, information

    def _normal_equations(self, pair: tuple, correction: np.ndarray) -> tuple:
        """Return information and gradient of the bias, the translation direction taken out."""
        first, second, f, g, sigma = pair
        by_bias = self._by_bias[second] - self._by_bias[first]
        turn = self._R[first].T @ exp_so3(by_bias @ correction) @ self._R[second]
        by_bias = self._R[first].T @ by_bias
        turned = g @ turn.T
        normals = np.cross(f, turned)
        values, vectors = np.linalg.eigh((normals / sigma[:, None] ** 2).T @ normals)
        t = vectors[:, 0]
        residual = normals @ t / sigma
        along = np.einsum("ni,ni->n", f, turned)
        J = (np.outer(along, t) - f * (turned @ t)[:, None]) @ by_bias / sigma[:, None]
        B = normals @ vectors[:, 1:] / sigma[:, None]
        weight = np.minimum(1.0, HUBER / np.maximum(np.abs(residual), 1e-12))
        JB = (J * weight[:, None]).T @ B
        # How far t can be trusted: no further than the noise of as many residuals allows.
        BB = (B * weight[:, None]).T @ B + len(f) * np.eye(2)
        gain = JB @ np.linalg.inv(BB)
        H = (J * weight[:, None]).T @ J - gain @ JB.T
        gradient = -(J - B @ gain.T).T @ (weight * residual)
        return H, gradient
