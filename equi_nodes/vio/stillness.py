"""Whether the image stands still: no feature moves, for long enough to exclude a slow motion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from equi_nodes.vio.features import Features

FEWEST = 10  # features of which stillness can be told
SHARE = 95.0  # per cent of the features that must not move


class StillnessWatch:
    """Compares the features with where they were when the body last moved.

    That nothing moves from one frame to the next is not enough: at 20 Hz a robot that creeps moves
    them by less than the noise. So the features must stay near one place for ``time`` seconds. A
    twentieth may move, as one person does in a standing robot's view; a moving crowd makes the
    image count as moving, which loses an update but tells no lie.

    Args:
        distance: largest motion of a still feature, px.
        time: shortest time of a stand, seconds.
    """

    def __init__(self, distance: float, time: float):
        self._distance, self._time_ns = distance, round(time * 1e9)
        self._since_ns: int | None = None

    def judge(
        self, features: Features, stamp_ns: int, turning: np.ndarray
    ) -> tuple[Features, float]:
        """Return the features with their references, and how still they are, 0..1.

        Args:
            features: of this frame.
            stamp_ns: of this frame.
            turning: (N,) bool, features whose motion a rotation alone explains.
        """
        known = np.isfinite(features.reference).all(1)
        moved = np.hypot(*(features.pixels - features.reference)[known].T)
        is_still = known.sum() >= FEWEST and np.percentile(moved, SHARE) < self._distance
        if not is_still or self._since_ns is None:
            self._since_ns = stamp_ns
            return replace(features, reference=features.pixels), 0.0
        if stamp_ns - self._since_ns < self._time_ns:
            return features, 0.0
        return features, float(turning.mean())
