"""How well points are told apart: intersection over union, and parts without names."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment


class Confusion:
    """Counts points by true and by found label."""

    def __init__(self, labels: int) -> None:
        """Begin with no point of so many labels."""
        self.counts = np.zeros((labels, labels), np.int64)

    def add(self, true: np.ndarray, found: np.ndarray) -> None:
        """Count points (N,) of both."""
        np.add.at(self.counts, (true, found), 1)

    def __add__(self, other: Confusion) -> Confusion:
        """Return the counts of both together."""
        both = Confusion(len(self.counts))
        both.counts = self.counts + other.counts
        return both

    def iou(self) -> np.ndarray:
        """Return intersection over union of each label, NaN of those that no point has."""
        hit = np.diag(self.counts).astype(float)
        union = self.counts.sum(0) + self.counts.sum(1) - hit
        return np.where(self.counts.sum(1) > 0, hit / np.maximum(union, 1), np.nan)

    def figures(self) -> dict[str, float]:
        """Return the mean over labels that are there, and the share of points that is right."""
        right = np.diag(self.counts).sum() / max(self.counts.sum(), 1)
        return {"miou": float(np.nanmean(self.iou())), "accuracy": float(right)}


def matched_iou(counts: np.ndarray) -> np.ndarray:
    """Return the IoU (P,) of parts whose names are unknown to what found them, NaN if not seen.

    Each part takes the label that makes the mean the largest, no label twice: what is found is
    judged as kindly as can be.

    Args:
        counts: (P, L) points by true part and found label.
    """
    union = counts.sum(1, keepdims=True) + counts.sum(0) - counts
    iou = counts / np.maximum(union, 1)
    part, label = linear_sum_assignment(iou, maximize=True)
    best = np.zeros(len(counts))
    best[part] = iou[part, label]
    return np.where(counts.sum(1) > 0, best, np.nan)


def purity(true: np.ndarray, found: np.ndarray) -> float:
    """Return the share of points that lie in the true part that most of their found part has.

    One where every found part lies within a true one, however finely: a subpartition.

    Args:
        true, found: (N,) numbers of parts, from 0 on.
    """
    counts = np.zeros((found.max() + 1, true.max() + 1), np.int64)
    np.add.at(counts, (found, true), 1)
    return float(counts.max(1).sum() / len(true))
