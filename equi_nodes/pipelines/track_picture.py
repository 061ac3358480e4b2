"""The picture that shows what the odometry sees: features, by what is known of them."""

from __future__ import annotations

import cv2
import numpy as np

from equi_nodes.geometry.camera import Camera
from equi_nodes.samples import OdometrySample, Tracks

USED, STEREO, MONO = (60, 160, 20), (214, 111, 31), (46, 87, 228)  # blue, green, red


def draw(
    image: np.ndarray, tracks: Tracks | None, camera: Camera, sample: OdometrySample | None
) -> np.ndarray:
    """Return (H, W, 3) bgr8: filled green features moved the estimate in this step.

    Those seen by both cameras are blue, by the left one alone orange.

    Args:
        image: (H, W) uint8 of the left camera.
        tracks: of that image.
        camera: the left one.
        sample: what the filter made of them.
    """
    picture = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_GRAY2BGR)
    if tracks is None or not len(tracks.ids):
        return picture
    pixels = camera.pixels(tracks.left)
    used = set(sample.landmark_ids.tolist()) if sample else set()
    is_stereo = np.isfinite(tracks.right[:, 0])
    for name, pixel, stereo in zip(tracks.ids.tolist(), pixels, is_stereo.tolist()):
        if not np.isfinite(pixel).all():
            continue
        is_used = name in used
        colour = USED if is_used else STEREO if stereo else MONO
        centre = (round(float(pixel[0])), round(float(pixel[1])))
        cv2.circle(picture, centre, 4, colour, -1 if is_used else 1, cv2.LINE_AA)
    return picture
