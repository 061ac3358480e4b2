"""How much a cluster looks like a person: a small logistic score that can be read.

Each feature is zero for a typical person and grows with what is odd; its weight is how many units
of log odds it costs. The weights were fitted on simulated scenarios that are not used to evaluate
(``equi eval lidar_tracker --fit``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.tracking.candidates import BODY, Candidates

FEATURES = ("wide", "deep", "low", "high", "dense", "flat", "tall", "standing")
WEIGHTS = np.array([-6.0, -2.3, -2.3, -0.6, -0.7, -3.4, -4.3, -4.2])
BIAS = 3.5
MOST = 3.0  # log odds that one sweep may say
SHOULDERS = 0.45  # m
SHORTEST, TALLEST = 1.4, 2.0  # m


@dataclass(frozen=True)
class View:
    """How a sensor sees.

    Attributes:
        height: metres above ground.
        low, high: tangents of the elevations of its lowest and its highest beam.
        density: rays a steradian.
    """

    height: float
    low: float
    high: float
    density: float


def view_of(directions: np.ndarray, height: float) -> View:
    """Return how a sensor sees, from where its points (N, 3) lie around it, in level axes."""
    slopes = directions[:, 2] / np.maximum(np.hypot(*directions[:, :2].T), 1e-6)
    low, high = np.quantile(slopes, (0.001, 0.999)) if len(slopes) else (-1.0, 1.0)
    band = 2 * np.pi * (np.sin(np.arctan(high)) - np.sin(np.arctan(low)))
    return View(height, float(low), float(high), len(slopes) / max(float(band), 1e-3))


def features(found: Candidates, view: View) -> np.ndarray:
    """Return (D, F) how odd each candidate is as a person, in the order of ``FEATURES``."""
    limit = view.height + view.high * found.distances  # nothing higher can be seen there
    floor = np.maximum(view.height + view.low * found.distances, 0.0)
    top = np.minimum(np.maximum(limit, 0.1), SHORTEST)
    seen = np.minimum(np.maximum(limit, 0.1), 1.7) - floor
    distance = np.maximum(found.distances, 0.3)
    expected = view.density * 2 * BODY * np.maximum(seen, 0.1) / distance**2
    fill = np.log(found.counts / np.maximum(expected, 1.0))
    odd = (
        found.widths - 1.3 * SHOULDERS,
        found.depths - 1.3 * SHOULDERS,
        top - 0.1 - 0.03 * found.distances - found.tops,
        found.tops - TALLEST,
        fill - 0.5,
        1.0 - found.thicknesses / 0.06,
        found.tall,
        found.standing,
    )
    return np.maximum(np.stack(odd, axis=-1), 0.0)


def evidence(found: Candidates, view: View) -> np.ndarray:
    """Return the log odds (D,) that each candidate is a person, by its shape alone."""
    return np.clip(BIAS + features(found, view) @ WEIGHTS, -MOST, MOST)
