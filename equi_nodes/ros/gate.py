"""The last check before anything is published: what is not sound does not leave the node."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

QUATERNION_TOLERANCE = 1e-4
COVARIANCE_TOLERANCE = 1e-6  # of a matrix's largest entry, what float32 makes of an exact one


@dataclass(frozen=True)
class Content:
    """What a result says, as far as it can be checked.

    Attributes:
        stamp_ns: time it is valid for, nanoseconds.
        frame_id: frame of its vectors.
        numbers: arrays that must be finite.
        covariances: arrays (..., n, n) that must be symmetric and positive semi-definite.
        quaternions: arrays (..., 4) that must have unit length.
    """

    stamp_ns: int
    frame_id: str
    numbers: tuple[np.ndarray, ...] = ()
    covariances: tuple[np.ndarray, ...] = ()
    quaternions: tuple[np.ndarray, ...] = ()


class Gate:
    """Refuses unsound results of one output and counts them by reason.

    Attributes:
        refused: count by reason.
        last_refusal: reason of the newest refusal.
    """

    def __init__(self) -> None:
        self.refused: Counter[str] = Counter()
        self.last_refusal = ""
        self._epoch = 0
        self._last_ns = -1

    def passes(self, content: Content, epoch: int) -> bool:
        """Return whether a result may be published.

        Args:
            content: what is to be checked.
            epoch: number of restarts of time so far; stamps are only compared within one.
        """
        reason = self._refusal(content, epoch)
        if reason:
            self.refused[reason] += 1
            self.last_refusal = reason
            return False
        self._epoch, self._last_ns = epoch, content.stamp_ns
        return True

    def _refusal(self, content: Content, epoch: int) -> str:
        if not content.frame_id or content.frame_id.startswith("/"):
            return "frame"
        if epoch < self._epoch or (epoch == self._epoch and content.stamp_ns <= self._last_ns):
            return "stamp_order"
        if not all(np.isfinite(numbers).all() for numbers in content.numbers):
            return "not_finite"
        if not all(is_covariance(matrices) for matrices in content.covariances):
            return "covariance"
        return "" if all(is_unit(rotations) for rotations in content.quaternions) else "quaternion"


def is_unit(quaternions: np.ndarray) -> bool:
    """Return whether all quaternions (..., 4) have unit length."""
    errors = np.abs(np.linalg.norm(quaternions, axis=-1) - 1.0)
    return bool((errors < QUATERNION_TOLERANCE).all())


def is_covariance(matrices: np.ndarray) -> bool:
    """Return whether all matrices (..., n, n) are finite, symmetric, positive semi-definite."""
    if not np.isfinite(matrices).all():
        return False
    tolerance = COVARIANCE_TOLERANCE * np.abs(matrices).max(axis=(-1, -2), initial=0.0)
    asymmetry = np.abs(matrices - np.swapaxes(matrices, -1, -2)).max(axis=(-1, -2), initial=0.0)
    is_definite = _smallest_eigenvalues(matrices) >= -tolerance
    return bool((is_definite & (asymmetry <= tolerance)).all())


def _smallest_eigenvalues(matrices: np.ndarray) -> np.ndarray:
    """Return the smallest eigenvalue of symmetric matrices; in closed form for 2 x 2."""
    if matrices.shape[-1] != 2:
        return np.linalg.eigvalsh(matrices)[..., 0]
    mean = (matrices[..., 0, 0] + matrices[..., 1, 1]) / 2
    half = (matrices[..., 0, 0] - matrices[..., 1, 1]) / 2
    return mean - np.hypot(half, matrices[..., 0, 1])
