"""How well a feature's place is known, from the structure of the image around it."""

from __future__ import annotations

import numpy as np
from numba import njit

HALF = 7  # px, half the side of the patch that is looked at
GOOD_GRADIENT = 12.0  # grey levels a pixel along the weaker direction of a good corner
LEAST, MOST = 0.7, 3.0  # bounds of the spread, relative to that of a good corner


def pixel_covariance(
    image: np.ndarray, pixels: np.ndarray, returned: np.ndarray, pixel_noise: float
) -> np.ndarray:
    """Return (N, 2, 2) px^2: the inverse structure tensor, and the error of the way back.

    Args:
        image: (H, W) uint8.
        pixels: (N, 2); a NaN gives NaN.
        returned: (N,) px, distance of flow there and back from its start.
        pixel_noise: standard deviation of a good corner, px.
    """
    known = np.isfinite(pixels).all(1)
    covariance = np.full((len(pixels), 2, 2), np.nan)
    tensors = _structure(image, np.round(pixels[known]).astype(np.int64), HALF)
    gradients, axes = np.linalg.eigh(tensors)
    spread = GOOD_GRADIENT / np.sqrt(np.maximum(gradients, 1e-6))
    variance = np.square(np.clip(spread, LEAST, MOST) * pixel_noise)
    variance += np.square(returned[known])[:, None]
    covariance[known] = (axes * variance[:, None]) @ np.swapaxes(axes, 1, 2)
    return covariance


def normalised_covariance(pixel_covariance: np.ndarray, jacobian: np.ndarray) -> np.ndarray:
    """Return (N, 2, 2) of normalised points, from that of pixels and the lens' Jacobian."""
    return jacobian @ pixel_covariance @ np.swapaxes(jacobian, 1, 2)


@njit(cache=True)
def _structure(image: np.ndarray, centres: np.ndarray, half: int) -> np.ndarray:
    """Return (N, 2, 2): the mean outer product of the gradient over patches."""
    height, width = image.shape
    out = np.zeros((len(centres), 2, 2))
    for row in range(len(centres)):
        cx, cy = centres[row]
        xx, xy, yy, count = 0.0, 0.0, 0.0, 0
        for y in range(max(cy - half, 1), min(cy + half, height - 2) + 1):
            for x in range(max(cx - half, 1), min(cx + half, width - 2) + 1):
                gx = 0.5 * (float(image[y, x + 1]) - float(image[y, x - 1]))
                gy = 0.5 * (float(image[y + 1, x]) - float(image[y - 1, x]))
                xx += gx * gx
                xy += gx * gy
                yy += gy * gy
                count += 1
        scale = 1.0 / max(count, 1)
        out[row, 0, 0], out[row, 1, 1] = xx * scale, yy * scale
        out[row, 0, 1] = out[row, 1, 0] = xy * scale
    return out
