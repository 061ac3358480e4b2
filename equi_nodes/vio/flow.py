"""Optical flow from where the filter expects the features, and their places expected."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from equi_nodes.geometry.camera import Camera

ROUNDS = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 0.03)
LEAST_EIGENVALUE = 1e-3  # of a patch that can be followed, as OpenCV scales it
BORDER = 2  # px; nearer to the edge half of the patch is made up


class Flow(NamedTuple):
    """Where points went.

    Attributes:
        pixels: (N, 2) float32.
        found: (N,) bool.
    """

    pixels: np.ndarray
    found: np.ndarray


class FlowFinder:
    """Pyramidal Lucas-Kanade flow.

    Args:
        window: side of the patches, px.
        levels: halvings of the image.
        return_distance: largest distance of the way back from its start, px; 0: not checked.
    """

    def __init__(self, window: int, levels: int, return_distance: float):
        self._size, self._levels, self._limit = (window, window), levels, return_distance

    def find(
        self, before: np.ndarray, now: np.ndarray, pixels: np.ndarray, guess: np.ndarray
    ) -> Flow:
        """Follow (N, 2) pixels of one image into another from an (N, 2) guess."""
        if not len(pixels):
            return Flow(np.zeros((0, 2), np.float32), np.zeros(0, bool))
        pixels = np.ascontiguousarray(pixels, np.float32)
        there, status = self._flow(before, now, pixels, guess, self._levels)
        found = (status > 0) & within(there, now.shape)
        if self._limit > 0 and found.any():
            back, status = self._flow(now, before, there[found], pixels[found], 0)
            away = np.hypot(*(back - pixels[found]).T)
            found[found] = (status > 0) & (away < self._limit)
        return Flow(there, found)

    def _flow(
        self, before: np.ndarray, now: np.ndarray, start: np.ndarray, guess: np.ndarray, levels: int
    ) -> tuple[np.ndarray, np.ndarray]:
        there, status, _ = cv2.calcOpticalFlowPyrLK(
            before,
            now,
            start[:, None],
            np.array(guess[:, None], np.float32),  # a copy: the guess is overwritten
            winSize=self._size,
            maxLevel=levels,
            criteria=ROUNDS,
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
            minEigThreshold=LEAST_EIGENVALUE,
        )
        return there[:, 0], status[:, 0]


def within(pixels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return (N,) bool: the pixels that lie in an image of ``shape``, its edge left out."""
    height, width = shape[:2]
    x, y = pixels[:, 0], pixels[:, 1]
    return (x >= BORDER) & (y >= BORDER) & (x < width - BORDER) & (y < height - BORDER)


def rays(points: np.ndarray) -> np.ndarray:
    """Return (N, 3) unit rays of (N, 2) normalised points."""
    directions = np.concatenate([points, np.ones((len(points), 1))], 1)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def expected(
    points: np.ndarray,
    distance: np.ndarray | float,
    T_b_a: np.ndarray,
    camera: Camera,
    fallback: np.ndarray,
) -> np.ndarray:
    """Return (N, 2) pixels at which camera b should see what camera a saw.

    Args:
        points: (N, 2) normalised points of camera a.
        distance: metres from camera a, (N,) or one for all.
        T_b_a: (4, 4) maps points of camera a into camera b.
        camera: b.
        fallback: (N, 2) pixels, taken where the place lies outside the image of b.
    """
    seen = rays(points) * np.reshape(distance, (-1, 1))
    pixels = camera.project(seen @ T_b_a[:3, :3].T + T_b_a[:3, 3])
    good = within(pixels, (camera.height, camera.width))
    return np.where(good[:, None], pixels, fallback).astype(np.float32)
