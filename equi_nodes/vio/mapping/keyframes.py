"""Keyframes: the frames that the map remembers, and what was seen in them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from equi_nodes.geometry.camera import Camera

PATCH = 31.0  # px, of a descriptor at its level
LEVEL, LEVEL_SCALE = 2, 1.2
MOST_CORNERS, CORNER_QUALITY, CORNER_DISTANCE = 1000, 0.002, 6  # the last in px
BORDER = 50  # px, where no descriptor fits


@dataclass
class Keyframe:
    """One remembered frame.

    Attributes:
        index: rising number, never used again.
        stamp_ns: of the frame. resets: of the filter until then.
        T_w_b: (4, 4) as the filter had it. T_map_b: (4, 4) as the map has it.
        covariance: (6, 6) of the filter's orientation and position, rad and m, in its world.
        travelled: metres of the path until here.
        ids: (N,) points of the map that were seen.
        left, right: (N, 2) normalised; right is NaN where it did not see them.
        descriptors: (N, 32) uint8. described: (N,) where there is one.
        corners: (E, 2) normalised, more points to be recognised by.
        corner_descriptors: (E, 32) uint8.
    """

    index: int
    stamp_ns: int
    resets: int
    T_w_b: np.ndarray
    T_map_b: np.ndarray
    covariance: np.ndarray
    travelled: float
    ids: np.ndarray
    left: np.ndarray
    right: np.ndarray
    descriptors: np.ndarray
    described: np.ndarray
    corners: np.ndarray
    corner_descriptors: np.ndarray


def tilt_spread(covariance: np.ndarray) -> float:
    """Return the larger standard deviation of roll and pitch, rad, of a state's covariance."""
    return float(np.sqrt(np.diag(covariance)[:2].max()))


class Describer:
    """Computes ORB descriptors that are turned so that gravity points the same way in all."""

    def __init__(self, camera: Camera):
        self._camera = camera
        self._orb = cv2.ORB_create(nlevels=8, scaleFactor=LEVEL_SCALE)

    def describe(
        self, image: np.ndarray, points: np.ndarray, R_w_b: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return descriptors (N, 32) of normalised points (N, 2), and where there is one (N,)."""
        down = self._camera.T_b_c[:3, :3].T @ R_w_b.T @ np.array([0.0, 0.0, -1.0])
        towards = down[:2] - points * down[2]  # gravity's vanishing point, seen from each point
        angles = np.degrees(np.arctan2(towards[:, 1], towards[:, 0])) % 360
        pixels = self._camera.pixels(points)
        size = PATCH * LEVEL_SCALE**LEVEL
        height, width = image.shape[:2]
        inside = ((pixels > BORDER) & (pixels < np.array([width, height]) - BORDER)).all(1)
        keypoints = [
            cv2.KeyPoint(float(x), float(y), size, float(angle), 0.0, LEVEL, int(row))
            for row, ((x, y), angle) in enumerate(zip(pixels, angles))
            if inside[row]
        ]
        kept, found = self._orb.compute(image, keypoints)
        descriptors, described = np.zeros((len(points), 32), np.uint8), np.zeros(len(points), bool)
        if found is not None:
            rows = [keypoint.class_id for keypoint in kept]
            descriptors[rows], described[rows] = found, True
        return descriptors, described

    def corners(self, image: np.ndarray) -> np.ndarray:
        """Return corners of an image, (E, 2) normalised, of the kind that the tracker follows."""
        found = cv2.goodFeaturesToTrack(image, MOST_CORNERS, CORNER_QUALITY, CORNER_DISTANCE)
        pixels = np.zeros((0, 2)) if found is None else found[:, 0].astype(np.float64)
        points = self._camera.normalise(pixels)
        return points[np.isfinite(points).all(1)]
