"""Cameras: pixels to rays and back. A ray is given as its normalised point (x/z, y/z)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from equi_nodes.errors import EquiError
from equi_nodes.geometry.rotations import inverse

MODELS = {"pinhole": (0,), "radtan": (4, 5, 8), "kannala_brandt": (4,)}  # distortion's sizes
WIDEST_ANGLE = np.radians(70.0)  # from the axis: beyond it x/z runs away
WIDEST_RADIUS = np.tan(WIDEST_ANGLE)
LARGEST_RESIDUAL = 1e-5  # of a normalised point put through the lens again
STEP = 1e-6  # of numerical derivatives
CRITERIA = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 40, 1e-9)


@dataclass(frozen=True, eq=False)
class Camera:
    """One calibrated camera on the body.

    Attributes:
        model: ``pinhole``, ``radtan`` (radial-tangential) or ``kannala_brandt`` (fisheye).
        width, height: of the image, pixels.
        intrinsics: fx, fy, cx, cy, pixels; the centre of the first pixel is (0, 0).
        distortion: none; k1, k2, p1, p2[, k3[, k4, k5, k6]]; or k1, k2, k3, k4.
        T_b_c: (4, 4) maps points of the camera (x right, y down, z forward) into the body.

    Raises:
        EquiError: the numbers cannot be those of a camera.
    """

    model: str
    width: int
    height: int
    intrinsics: tuple[float, float, float, float]
    distortion: tuple[float, ...]
    T_b_c: np.ndarray

    def __post_init__(self) -> None:
        for wrong in _complaints(self):
            raise EquiError(wrong)

    @cached_property
    def focal(self) -> float:
        """Return the mean focal length, pixels."""
        return 0.5 * (self.intrinsics[0] + self.intrinsics[1])

    @cached_property
    def T_c_b(self) -> np.ndarray:
        """Return (4, 4), which maps points of the body into the camera."""
        return inverse(self.T_b_c)

    @cached_property
    def reach(self) -> float:
        """Return the largest radius of a normalised point that this lens can show.

        It ends where the distortion folds back: there a second ray falls on the same pixel.
        """
        angles = np.linspace(0.0, WIDEST_ANGLE, 2000)
        radii = np.stack([np.tan(angles), np.zeros_like(angles)], 1)
        shown = self._distort(radii)[:, 0]
        folds = np.flatnonzero(np.diff(shown) <= 0)
        return float(radii[folds[0], 0] if len(folds) else WIDEST_RADIUS)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Return (N, 2) pixels of (N, 3) points of the camera frame.

        NaN behind the camera and outside the usable field (140 degrees, or where the lens folds).
        """
        points = np.asarray(points, np.float64).reshape(-1, 3)
        depth = np.where(points[:, 2:] > 0, points[:, 2:], np.nan)
        return self.pixels(points[:, :2] / depth)

    def pixels(self, normalised: np.ndarray) -> np.ndarray:
        """Return (N, 2) pixels of (N, 2) normalised points, NaN outside the usable field."""
        within = np.hypot(normalised[:, 0], normalised[:, 1]) <= self.reach
        fx, fy, cx, cy = self.intrinsics
        pixels = self._distort(normalised) * (fx, fy) + (cx, cy)
        pixels[~within] = np.nan
        return pixels

    def normalise(self, pixels: np.ndarray) -> np.ndarray:
        """Return (N, 2) normalised points of (N, 2) pixels, NaN outside the usable field."""
        fx, fy, cx, cy = self.intrinsics
        distorted = (np.asarray(pixels, np.float64).reshape(-1, 2) - (cx, cy)) / (fx, fy)
        if not len(distorted) or self.model == "pinhole":
            normalised = distorted.copy()
        elif self.model == "radtan":
            normalised = self._undistort_radtan(distorted)
        else:
            normalised = self._undistort_fisheye(distorted)
        with np.errstate(invalid="ignore"):
            within = np.hypot(normalised[:, 0], normalised[:, 1]) <= self.reach
            residual = np.abs(self._distort(normalised) - distorted).max(1)
        normalised[~(within & (residual < LARGEST_RESIDUAL))] = np.nan
        return normalised

    def jacobian(self, normalised: np.ndarray) -> np.ndarray:
        """Return (N, 2, 2): the change of normalised points (N, 2) with their pixels, 1/pixel."""
        steps = STEP * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
        moved = (normalised[:, None] + steps).reshape(-1, 2)
        shown = self._distort(moved).reshape(-1, 4, 2) * self.intrinsics[:2]
        (a, c), (b, d) = np.moveaxis((shown[:, :2] - shown[:, 2:]) / (2 * STEP), 0, -1)
        adjugate = np.moveaxis(np.array([[d, -b], [-c, a]]), -1, 0)
        return adjugate / (a * d - b * c)[:, None, None]

    def _distort(self, normalised: np.ndarray) -> np.ndarray:
        """Return the points as the lens shows them, before focal length and centre."""
        if self.model == "pinhole":
            return normalised
        if self.model == "kannala_brandt":
            radius = np.maximum(np.hypot(normalised[:, :1], normalised[:, 1:]), 1e-12)
            return normalised * (self._fisheye_radius(np.arctan(radius)) / radius)
        k1, k2, p1, p2, k3, k4, k5, k6 = (*self.distortion, 0.0, 0.0, 0.0, 0.0)[:8]
        x, y = normalised[:, 0], normalised[:, 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        if k4 or k5 or k6:
            radial = radial / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
        across = 2 * x * y
        return np.stack(
            [
                x * radial + p1 * across + p2 * (r2 + 2 * x * x),
                y * radial + p2 * across + p1 * (r2 + 2 * y * y),
            ],
            1,
        )

    def _fisheye_radius(self, angle: np.ndarray) -> np.ndarray:
        k1, k2, k3, k4 = self.distortion
        a2 = angle * angle
        return angle * (1 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))

    def _undistort_radtan(self, distorted: np.ndarray) -> np.ndarray:
        coefficients = np.array(self.distortion)
        points = distorted[:, None]
        return cv2.undistortPoints(points, np.eye(3), coefficients, criteria=CRITERIA)[:, 0]

    def _undistort_fisheye(self, distorted: np.ndarray) -> np.ndarray:
        """Solve for the angle from the axis by Newton's method."""
        k1, k2, k3, k4 = self.distortion
        shown = np.hypot(distorted[:, 0], distorted[:, 1])
        angle = np.minimum(shown, WIDEST_ANGLE)
        for _ in range(10):
            a2 = angle * angle
            slope = 1 + a2 * (3 * k1 + a2 * (5 * k2 + a2 * (7 * k3 + a2 * 9 * k4)))
            step = (self._fisheye_radius(angle) - shown) / np.maximum(slope, 0.1)
            angle = np.clip(angle - step, 0.0, WIDEST_ANGLE)
        return distorted * (np.tan(angle) / np.maximum(shown, 1e-12))[:, None]


def _complaints(camera: Camera) -> list[str]:
    """Say what is wrong with the numbers, one sentence each."""
    if camera.model not in MODELS:
        known = ", ".join(MODELS)
        return [f"The camera model {camera.model!r} is not known; use one of {known}."]
    numbers = [*camera.intrinsics, *camera.distortion]
    sizes = " or ".join(map(str, MODELS[camera.model]))
    T_b_c = np.asarray(camera.T_b_c, np.float64)
    checks = {
        "The image size must be positive": camera.width > 0 and camera.height > 0,
        "fx, fy, cx, cy must be four numbers": len(camera.intrinsics) == 4,
        "A number of the calibration is not finite": bool(np.isfinite(numbers).all()),
        "The focal lengths must be positive": min(camera.intrinsics[:2]) > 0,
        f"The model {camera.model} takes {sizes} distortion coefficients": len(camera.distortion)
        in MODELS[camera.model],
        "The camera's pose on the body must be a 4x4 rigid transform": is_rigid(T_b_c),
    }
    return [
        f"{wrong}; correct the camera calibration." for wrong, good in checks.items() if not good
    ]


def is_rigid(T: np.ndarray) -> bool:
    """Return whether ``T`` is a (4, 4) rotation and translation, to rounding in a file."""
    if T.shape != (4, 4) or not np.isfinite(T).all():
        return False
    R = T[:3, :3]
    turned = np.abs(R @ R.T - np.eye(3)).max() < 1e-3 and np.linalg.det(R) > 0
    return bool(turned and np.allclose(T[3], (0, 0, 0, 1), atol=1e-6))
