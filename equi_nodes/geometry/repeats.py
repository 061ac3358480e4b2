"""A LiDAR that is stuck: it gives one sweep again and again."""

from __future__ import annotations

import numpy as np

from equi_nodes.samples import CloudSample


def repeats(before: CloudSample | None, cloud: CloudSample) -> bool:
    """Return whether a sweep has all points of the one before, which noise never allows."""
    if before is None or not len(cloud.points):
        return False
    return np.array_equal(before.points, cloud.points)
