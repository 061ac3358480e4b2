"""The closest rotation to a matrix, in closed form, so that it exports and needs no library."""

from __future__ import annotations

import torch
from torch import Tensor

SQUARINGS = 10  # of a matrix of trace one, until its largest eigenvector alone is left


def closest_rotation(matrices: Tensor) -> Tensor:
    """Return the rotations R (..., 3, 3) with the largest tr(R^T M) to matrices M (..., 3, 3).

    The quaternion of R is the main eigenvector of a symmetric matrix that is linear in M
    (Davenport, 1968); here it is found by squaring.
    """
    power = _davenport(matrices)
    unit = torch.eye(4, dtype=power.dtype, device=power.device)
    for _ in range(SQUARINGS):
        power = power @ power
        power = power / (power * unit).sum((-2, -1), keepdim=True)
    diagonal = (power * unit).sum(-1)
    largest = torch.arange(4, device=power.device) == diagonal.argmax(-1, keepdim=True)
    column = (power * largest.to(power)[..., None, :]).sum(-1)
    return _rotation(column / (column.square().sum(-1, keepdim=True) + 1e-30).sqrt())


def _davenport(matrices: Tensor) -> Tensor:
    """Return the positive 4 x 4 matrices whose main eigenvectors are the quaternions, w first."""
    size = matrices.square().sum((-2, -1), keepdim=True).sqrt()
    m = matrices / (size + 1e-12)
    unit = torch.eye(3, dtype=m.dtype, device=m.device)
    trace = (m * unit).sum((-2, -1), keepdim=True)
    skew = torch.stack(
        [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], -1
    )
    below = torch.cat([skew[..., None], m + m.transpose(-1, -2) - trace * unit], -1)
    above = torch.cat([trace, skew[..., None, :]], -1)
    return torch.cat([above, below], -2) + 2 * torch.eye(4, dtype=m.dtype, device=m.device)


def _rotation(quaternions: Tensor) -> Tensor:
    w, x, y, z = quaternions.unbind(-1)
    entries = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(entries, -1).unflatten(-1, (3, 3))
