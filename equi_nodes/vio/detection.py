"""New features where there are none: the best corner of each block, spread over the image."""

from __future__ import annotations

import cv2
import numpy as np
from numba import njit

BLOCK = 32  # px, side of the blocks of which the best corner is a candidate
PATCH = 3  # px, side of the patch of the structure tensor
START_RADIUS = 0.0667  # of the shorter side
RADIUS_STEP = 1.3
MOST_STEPS = 5.0
WEAKER = 0.1  # of the quality, where corners stand as near as allowed and are still too few
EDGE = 6  # px left free at the edge of the image


class Detector:
    """Shi-Tomasi corners at a distance from each other that adapts to how many there are.

    Args:
        shape: (height, width) of the images.
        quality: least eigenvalue of the structure tensor, grey levels 0..1.
    """

    def __init__(self, shape: tuple[int, int], quality: float):
        self._shape, self._quality = shape, quality
        self.reset()

    def reset(self) -> None:
        """Return to the first distance."""
        self._steps = 0.0

    @property
    def radius(self) -> float:
        """Return the least distance between features, px."""
        return START_RADIUS * min(self._shape) * RADIUS_STEP**self._steps

    def detect(self, image: np.ndarray, taken: np.ndarray, most: int) -> np.ndarray:
        """Return (M, 2) float32 pixels of new features so that there are ``most`` at the most.

        Args:
            image: (H, W) uint8.
            taken: (N, 2) float32 pixels to stay away from.
            most: features wanted, those taken included.
        """
        candidates = self._candidates(image)
        chosen = _spread(candidates, taken.astype(np.float32), self.radius, most - len(taken))
        used = len(taken) + len(chosen)
        change = -1.0 if used < 0.75 * most else 0.5 if used >= most else 0.0
        self._steps = float(np.clip(self._steps + change, -MOST_STEPS, MOST_STEPS))
        return candidates[chosen]

    def _candidates(self, image: np.ndarray) -> np.ndarray:
        """Return (C, 2) float32 pixels, the best of each block, the strongest first."""
        height, width = image.shape
        top, left = ((side - 2 * EDGE) % BLOCK // 2 + EDGE for side in image.shape)
        rows = range(top, height - EDGE - BLOCK + 1, BLOCK)
        found = [_best_of_row(image, row, left, (width - 2 * EDGE) // BLOCK) for row in rows]
        if not found:
            return np.zeros((0, 2), np.float32)
        pixels = np.concatenate([pixels for pixels, _ in found])
        strength = np.concatenate([strength for _, strength in found])
        least = self._quality * (WEAKER if self._steps <= -MOST_STEPS else 1.0)
        order = np.argsort(-strength, kind="stable")
        return pixels[order[strength[order] > least]]


def _best_of_row(
    image: np.ndarray, top: int, left: int, columns: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return (C, 2) float32 pixels and (C,) strengths, the best of each block of one row.

    A row at a time needs little memory, which is several times faster than the whole image.
    """
    right = left + columns * BLOCK
    around = image[top - EDGE : top + BLOCK + EDGE, left - EDGE : right + EDGE]
    strength = cv2.cornerMinEigenVal(around, PATCH)[EDGE:-EDGE, EDGE:-EDGE]
    blocks = strength.reshape(BLOCK, columns, BLOCK).swapaxes(0, 1).reshape(columns, -1)
    best = blocks.argmax(1)
    y, x = np.divmod(best, BLOCK)
    column = np.arange(columns)
    pixels = np.stack([left + column * BLOCK + x, top + y], 1).astype(np.float32)
    return pixels, blocks[column, best]


@njit(cache=True)
def _spread(candidates: np.ndarray, taken: np.ndarray, radius: float, most: int) -> np.ndarray:
    """Return the rows of candidates, in order, that are not nearer than radius to another."""
    kept = np.empty((len(taken) + max(most, 0), 2), np.float32)
    kept[: len(taken)] = taken
    count = len(taken)
    rows = np.empty(max(most, 0), np.int64)
    for row in range(len(candidates)):
        if count - len(taken) >= most:
            break
        free = True
        for other in range(count):
            dx = candidates[row, 0] - kept[other, 0]
            dy = candidates[row, 1] - kept[other, 1]
            if dx * dx + dy * dy < radius * radius:
                free = False
                break
        if free:
            rows[count - len(taken)] = row
            kept[count] = candidates[row]
            count += 1
    return rows[: count - len(taken)]


@njit(cache=True)
def merged(pixels: np.ndarray, distance: float) -> np.ndarray:
    """Return (N,) bool: features nearer than ``distance`` px to an earlier one in the list."""
    found = np.zeros(len(pixels), np.bool_)
    for row in range(len(pixels)):
        for other in range(row):
            dx = pixels[row, 0] - pixels[other, 0]
            dy = pixels[row, 1] - pixels[other, 1]
            if not found[other] and dx * dx + dy * dy < distance * distance:
                found[row] = True
                break
    return found
