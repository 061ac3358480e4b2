"""Clusters of people who walk side by side, taken apart."""

from __future__ import annotations

import numpy as np

SMALLEST = 0.6  # m, a smaller cluster is one person at most
LARGEST = 3.0  # m, a larger one is no group of people
REACH = 0.3  # m, a person who is expected so near to a point is in its cluster
APART = (0.35, 1.1)  # m between two people side by side
ALONE = 0.75  # m, extent of one of them along the line through both
STRIP = 0.05  # m to each side of the border between them, and of the middle of each
NOTCH = 0.05  # m that the border is farther away than their middles
ROUNDS = 3


def split(
    points: np.ndarray, labels: np.ndarray, expected: np.ndarray, sensor: np.ndarray
) -> np.ndarray:
    """Return labels (N,) in which every person has a cluster of his own, as far as can be told.

    Args:
        points: (N, 2) metres.
        labels: (N,) 0 .. D - 1.
        expected: (K, 2) metres, where people are expected.
        sensor: (2,) where they were seen from.
    """
    if not len(labels):
        return labels
    labels = labels.copy()
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels))
    newest = len(ends)
    for rows in np.split(order, ends[:-1]):
        extent = float(np.hypot(*np.ptp(points[rows], axis=0)))
        if not SMALLEST < extent < LARGEST:
            continue
        parts = _parts(points[rows], expected, sensor)
        for part in range(1, int(parts.max(initial=0)) + 1):
            labels[rows[parts == part]] = newest
            newest += 1
    return labels


def _parts(points: np.ndarray, expected: np.ndarray, sensor: np.ndarray) -> np.ndarray:
    """Return the number (N,) of the person that each point of one cluster belongs to."""
    alone = np.zeros(len(points), np.int64)
    low, high = points.min(0) - REACH, points.max(0) + REACH
    expected = expected[((expected > low) & (expected < high)).all(1)]
    if len(expected) > 1:
        away = np.linalg.norm(points[:, None] - expected[None], axis=-1)
        inside = expected[away.min(0) < REACH]
        if len(inside) > 1:
            parts, _ = _nearest(points, inside)
            return np.unique(parts, return_inverse=True)[1].reshape(-1)
    middle = points.mean(0)
    _, axes = np.linalg.eigh(np.cov(points.T) + 1e-9 * np.eye(2))
    along = (points - middle) @ axes[:, 1]
    ends = middle + np.outer(np.quantile(along, (0.1, 0.9)), axes[:, 1])
    parts, ends = _nearest(points, ends)
    away = np.hypot(*(points - sensor).T)
    return parts if _is_pair(along, away, parts, ends) else alone


def _nearest(points: np.ndarray, middles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the part (N,) of each point and the middles (K, 2) after a few rounds of k-means."""
    parts = np.zeros(len(points), np.int64)
    for _ in range(ROUNDS):
        parts = np.linalg.norm(points[:, None] - middles[None], axis=-1).argmin(1)
        counts = np.bincount(parts, minlength=len(middles))
        sums = [np.bincount(parts, weights=axis, minlength=len(middles)) for axis in points.T]
        means = np.column_stack(sums) / np.maximum(counts, 1)[:, None]
        middles = np.where((counts > 0)[:, None], means, middles)
    return parts, middles


def _is_pair(along: np.ndarray, away: np.ndarray, parts: np.ndarray, middles: np.ndarray) -> bool:
    """Return whether two parts look like two people: of their size, with a notch between.

    Args:
        along: (N,) metres of each point on the line through both.
        away: (N,) metres from the sensor.
        parts: (N,) 0 or 1.
        middles: (2, 2) metres, of both.
    """
    if not APART[0] < np.linalg.norm(middles[1] - middles[0]) < APART[1]:
        return False
    if len(np.unique(parts)) < 2 or max(np.ptp(along[parts == part]) for part in (0, 1)) > ALONE:
        return False
    centres = [along[parts == part].mean() for part in (0, 1)]
    nearest = [_mean_near(along, away, centre) for centre in centres]
    border = _mean_near(along, away, float(np.mean(centres)))
    return not border < np.mean(nearest) + NOTCH  # nothing at all at the border is a notch too


def _mean_near(along: np.ndarray, away: np.ndarray, centre: float) -> float:
    chosen = np.abs(along - centre) < STRIP
    return float(away[chosen].mean()) if chosen.any() else float("nan")
