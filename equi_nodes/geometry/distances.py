"""How far the cells of a mask are from its nearest empty one."""

from __future__ import annotations

import cv2
import numpy as np


def distances(mask: np.ndarray) -> np.ndarray:
    """Return float32 cells from the middle of each cell of a mask (H, W) to the nearest empty one.

    The last bit of what OpenCV returns depends on where the array lies in memory. The squares are
    whole numbers, so rounding them makes it the same in each run.
    """
    away = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    np.square(away, out=away)
    return np.sqrt(np.rint(away, out=away), out=away)
