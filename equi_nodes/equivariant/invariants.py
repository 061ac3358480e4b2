"""What no rotation changes of vectors and of the velocities along a track."""

from __future__ import annotations

import torch
from torch import Tensor

SPEED_FLOOR = 0.08  # metres per nominal step; slower motion has no direction
JITTER_FLOOR = 0.02  # metres per nominal step; a smaller change of velocity counts as none


def length(vectors: Tensor) -> Tensor:
    """Return the lengths of (..., d, C), (..., C), with a finite slope at zero."""
    return (vectors.square().sum(-2) + 1e-12).sqrt()


def turnings(velocities: Tensor, smooth: bool, chiral: bool) -> Tensor:
    """Return how each velocity (B, A, T, d) turned from the one before.

    Args:
        velocities: metres per nominal step.
        smooth: the cosine, fading out at rest, where an angle is ill-conditioned; else the angle.
        chiral: the sine as well, which tells left from right; only where smooth.

    Returns:
        (B, A, T), or (B, A, 2 T) where chiral.
    """
    before = _delayed(velocities)
    along = (before * velocities).sum(-1)
    lengths = before.norm(dim=-1), velocities.norm(dim=-1)
    if not smooth:
        return torch.acos((along / ((lengths[0] + 1e-6) * (lengths[1] + 1e-6))).clamp(-1, 1))
    scale = lengths[0] * lengths[1] + SPEED_FLOOR**2
    if not chiral:
        return along / scale
    across = before[..., 0] * velocities[..., 1] - before[..., 1] * velocities[..., 0]
    return torch.cat([along, across], -1) / torch.cat([scale, scale], -1)


def changes(velocities: Tensor, known: Tensor) -> Tensor:
    """Return the lengths of the first and second change of velocity, (B, A, 2 T), as logarithms.

    People change their velocity little and smoothly, the noise of a tracker does neither.

    Args:
        velocities: (B, A, T, d) metres per nominal step.
        known: (B, A, T) bool; a change from or to an unknown velocity counts as none.
    """
    change, lengths = velocities, []
    for _ in range(2):
        known = known & _delayed(known)
        change = torch.where(known[..., None], change - _delayed(change), 0.0)
        lengths.append(change.norm(dim=-1))
    return torch.log1p(torch.cat(lengths, -1) / JITTER_FLOOR)


def _delayed(values: Tensor) -> Tensor:
    """Return the values (B, A, T, ...) of the step before; the first step stands for its own."""
    return torch.cat([values[:, :, :1], values[:, :, :-1]], 2)
