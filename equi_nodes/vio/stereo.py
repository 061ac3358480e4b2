"""From the left image into the right one: where to look, what to believe, how far away it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from equi_nodes.geometry.camera import Camera
from equi_nodes.vio.flow import FlowFinder, expected, rays

NEGATIVE = 1.0  # px of disparity to the wrong side that noise explains
NEAREST = 0.1  # m
FEWEST = 20  # features of which it can be told whether they lie on their epipolar lines


class Match(NamedTuple):
    """Features found in the right image.

    Attributes:
        pixels: (N, 2) of the right image, NaN where not found.
        points: (N, 2) normalised, likewise.
        distance: (N,) metres from the left camera, infinite if far, NaN where not found.
    """

    pixels: np.ndarray
    points: np.ndarray
    distance: np.ndarray


class StereoMatcher:
    """Follows features from the left into the right image of a calibrated pair.

    Args:
        left, right: the cameras.
        finder: computes the flow.
        limit: largest distance from the epipolar line, px.

    Attributes:
        misfit: median distance from the epipolar line of all that the flow found last, whether
            believed or not, rad; NaN if that were few.
    """

    def __init__(self, left: Camera, right: Camera, finder: FlowFinder, limit: float):
        self._right, self._finder = right, finder
        self._limit = limit / right.focal
        self._tolerance = NEGATIVE / right.focal
        self._T_r_l = right.T_c_b @ left.T_b_c
        self.misfit = np.nan

    def match(
        self,
        images: tuple[np.ndarray, np.ndarray],
        pixels: np.ndarray,
        points: np.ndarray,
        distance: np.ndarray,
    ) -> Match:
        """Find features of the left image in the right one.

        Args:
            images: left and right, (H, W) uint8.
            pixels: (N, 2) of the left image.
            points: (N, 2) the same, normalised.
            distance: (N,) metres at which to look first.
        """
        guess = expected(points, distance, self._T_r_l, self._right, pixels)
        flow = self._finder.find(*images, pixels, guess)
        normalised = self._right.normalise(flow.pixels)
        away, closeness, side = self._intersect(points, normalised)
        off = np.abs(away[flow.found])
        self.misfit = float(np.nanmedian(off)) if np.isfinite(off).sum() >= FEWEST else np.nan
        found = flow.found & (np.abs(away) < self._limit)
        wrong = side < -self._tolerance
        found &= ~wrong
        nothing = ~found[:, None]
        with np.errstate(divide="ignore"):
            range_m = np.where(closeness > 0, 1 / closeness, np.inf)
        return Match(
            np.where(nothing, np.nan, flow.pixels),
            np.where(nothing, np.nan, normalised),
            np.where(found, np.maximum(range_m, NEAREST), np.nan),
        )

    def _intersect(
        self, left: np.ndarray, right: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Compare the rays of both cameras.

        Returns:
            Angle off the epipolar plane, radians; 1/m from the left camera; and by how much the
            rays converge, radians, negative if they meet behind.
        """
        R, t = self._T_r_l[:3, :3], self._T_r_l[:3, 3]
        a, b = rays(left) @ R.T, rays(right)
        normals = np.cross(t, a)
        normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
        away = np.einsum("ij,ij->i", normals, b)
        b = b - away[:, None] * normals
        # in the plane: the angle from a to b, positive towards t, and that from b to t
        turn = np.einsum("ij,ij->i", np.cross(a, b), -normals)
        reach = np.einsum("ij,ij->i", np.cross(b, np.broadcast_to(t, b.shape)), -normals)
        return away, turn / np.where(np.abs(reach) > 1e-9, reach, np.nan), turn


def seen_from_left(points: np.ndarray, distance: np.ndarray, farthest: float) -> np.ndarray:
    """Return (N, 3) landmarks in the left camera, NaN beyond ``farthest`` metres."""
    near = np.where(distance < farthest, distance, np.nan)
    return rays(points) * near[:, None]
