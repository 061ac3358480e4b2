"""What is wrong with an image, in words, before features are followed into it."""

from __future__ import annotations

import numpy as np

from equi_nodes.geometry.camera import Camera

STRIDE = 4  # px between the pixels that are looked at
FLAT = 2.0  # grey levels: an image that spreads less shows nothing
DARK, BRIGHT = 40, 215  # mean grey levels that have a name
EMPTY_SHARE = 0.2  # of rows or columns of one value each


def complaint(image: np.ndarray, camera: Camera, side: str) -> str:
    """Say why an image of the left or right side cannot be used, empty if it can."""
    if image.shape != (camera.height, camera.width):
        size = "x".join(str(n) for n in image.shape[1::-1])
        known = f"{camera.width}x{camera.height}"
        return f"the {side} image is {size} but its calibration is for {known}"
    if image.dtype != np.uint8:
        return f"the {side} image has pixels of {image.dtype} instead of 8 bits"
    few = image[::STRIDE, ::STRIDE]
    if few.std() < FLAT:
        mean = few.mean()
        look = "black" if mean < DARK else "white" if mean > BRIGHT else "of one grey"
        return f"the {side} image is {look}"
    return ""


def remark(image: np.ndarray, side: str) -> str:
    """Say what is amiss with an image that can still be used, empty if nothing."""
    few = image[::STRIDE, ::STRIDE]
    empty = max((few.min(axis) == few.max(axis)).mean() for axis in (0, 1))
    return f"a part of the {side} image is empty" if empty > EMPTY_SHARE else ""


def are_equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether two images are the same to the bit; most are told apart by a few pixels."""
    few = np.s_[::16, ::16]
    return np.array_equal(one[few], other[few]) and np.array_equal(one, other)
