"""Which tracks are worth an update."""

from __future__ import annotations

import numpy as np

from equi_nodes.vio.trail import Trail


def select_tracks(
    trail: Trail,
    rng: np.random.Generator,
    most: int,
    min_points: int,
    refused: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose tracks that moved more than half of them do, in random order.

    Of a track, the points that no update has used count, and its oldest one, which gives the
    baseline. Random order keeps neither long nor early tracks from the others' place.

    Args:
        trail: holds the tracks.
        rng: draws the order.
        most: tracks to return at most.
        min_points: poses that must have seen a track.
        refused: ids to leave out.

    Returns:
        (T,) columns of the trail's table and (K, M) which of its points to take.
    """
    seen = trail.seen()
    chosen = seen & (trail.uses == 0)
    columns = np.arange(len(trail.ids))
    chosen[np.argmax(seen, 0), columns] = seen.any(0)
    eligible = (chosen.sum(0) >= min_points) & ~np.isin(trail.ids, refused)
    columns = columns[eligible]
    if not len(columns):
        return columns, chosen
    motion = _motion(trail, chosen)[columns]
    columns = columns[motion >= np.median(motion)]
    return rng.permutation(columns)[:most], chosen


def _motion(trail: Trail, chosen: np.ndarray) -> np.ndarray:
    """Return for each track (M,) how far its chosen points moved to the next newer pose."""
    steps = np.abs(np.diff(trail.points[:, 0], axis=0)).sum(-1)
    return np.nansum(np.where(chosen[:-1], steps, 0.0), 0)
