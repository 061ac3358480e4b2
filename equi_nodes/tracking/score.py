"""How much a cluster looks like a person: a small logistic score that can be read.

Each feature is zero for a typical person and grows with what is odd; its weight is how many units
of log odds it costs. The weights were fitted on simulated runs of seeds that no evaluation uses.
How many points a cluster has for its distance was tried too and told nothing that these do not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.tracking.candidates import Candidates

FEATURES = ("wide", "deep", "bulky", "flat", "low", "high", "tall")
WEIGHTS = np.array([-8.5, -3.3, -3.8, -6.0, -2.1, -0.8, -4.6])
BIAS = 3.8
MOST = 3.0  # log odds that one sweep may say
SHOULDERS, DEPTH = 0.45, 0.36  # m, of a person, and how much of the depth is seen
THICKNESS = 0.06  # m, spread of the points of a round body across their main direction
SHORTEST, TALLEST = 1.4, 2.0  # m
TOP_SLACK, RING_GAP = 0.1, 0.03  # m, and m a metre away: so much of the top may go unseen


@dataclass(frozen=True)
class View:
    """How a sensor sees.

    Attributes:
        height: metres above ground.
        high: tangent of the elevation of its highest beam.
    """

    height: float
    high: float


def view_of(directions: np.ndarray, height: float) -> View:
    """Return how a sensor sees, from where its points (N, 3) lie around it, in level axes."""
    slopes = directions[:, 2] / np.maximum(np.hypot(*directions[:, :2].T), 1e-6)
    return View(height, float(np.quantile(slopes, 0.999)) if len(slopes) else 1.0)


def features(found: Candidates, view: View) -> np.ndarray:
    """Return (D, F) how odd each candidate is as a person, in the order of ``FEATURES``."""
    limit = view.height + view.high * found.distances  # nothing higher can be seen there
    top = np.minimum(np.maximum(limit, 0.0), SHORTEST) - TOP_SLACK - RING_GAP * found.distances
    odd = (
        found.widths - SHOULDERS,
        found.depths - DEPTH,
        found.thicknesses / THICKNESS - 1.0,
        1.0 - found.thicknesses / THICKNESS,
        top - found.tops,
        found.tops - TALLEST,
        found.tall,
    )
    return np.maximum(np.stack(odd, axis=-1), 0.0)


def evidence(found: Candidates, view: View) -> np.ndarray:
    """Return the log odds (D,) that each candidate is a person, by its shape alone."""
    return np.clip(BIAS + features(found, view) @ WEIGHTS, -MOST, MOST)
