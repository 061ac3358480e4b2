"""Who can be seen from a sensor: what stands nearer hides what is behind it."""

from __future__ import annotations

import numpy as np

SECTORS = 360
MARGIN = 0.4  # m; what is nearer by less does not hide a body
BODY = 0.2  # m
HIDDEN = 0.6  # share of the sectors of a body that hide it


class Horizon:
    """How far one can see from a sensor, direction by direction."""

    def __init__(self, points: np.ndarray, sensor: np.ndarray) -> None:
        """Look at obstacles (N, 2 or more) from a sensor (2 or more,), metres."""
        self._sensor = sensor[:2]
        away = points[:, :2] - self._sensor
        self._nearest = np.full(SECTORS, np.inf)
        np.minimum.at(self._nearest, _sector(away), np.hypot(*away.T))

    def hides(self, places: np.ndarray) -> np.ndarray:
        """Return which bodies (K,) at places (K, 2) cannot be seen."""
        away = places - self._sensor
        distance = np.hypot(*away.T)
        width = np.arctan2(BODY, np.maximum(distance, BODY))
        spread = np.linspace(-1.0, 1.0, 7) * width[:, None]
        angle = np.arctan2(away[:, 1], away[:, 0])[:, None] + spread
        sectors = _sector(np.stack([np.cos(angle), np.sin(angle)], axis=-1))
        return (self._nearest[sectors] < distance[:, None] - MARGIN).mean(1) > HIDDEN


def _sector(away: np.ndarray) -> np.ndarray:
    share = np.arctan2(away[..., 1], away[..., 0]) / (2 * np.pi) + 0.5
    return np.minimum((share * SECTORS).astype(np.int64), SECTORS - 1)
