"""The closest rotation in closed form is that of the singular value decomposition."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from equi_nodes.geometry.projection import closest_rotation


def by_svd(matrices: Tensor) -> Tensor:
    u, _, v = torch.linalg.svd(matrices)
    sign = torch.ones(*matrices.shape[:-2], 3, dtype=matrices.dtype)
    sign[..., 2] = torch.linalg.det(u @ v)
    return u * sign[..., None, :] @ v


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_agrees_with_the_decomposition(dtype: torch.dtype) -> None:
    draw = torch.Generator().manual_seed(0)
    matrices = torch.randn(2000, 3, 3, generator=draw).to(dtype)
    found, expected = closest_rotation(matrices), by_svd(matrices)
    cosine = ((found * expected).sum((-2, -1)) - 1) / 2
    degrees = cosine.clamp(-1, 1).acos().rad2deg()
    assert degrees.quantile(0.99) < 0.1 and degrees.max() < 5


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e4])
def test_a_rotation_of_any_size_is_itself(size: float) -> None:
    turns = by_svd(torch.randn(50, 3, 3, generator=torch.Generator().manual_seed(1)))
    assert torch.allclose(closest_rotation(size * turns), turns, atol=1e-5)


def test_always_a_rotation_even_of_nothing() -> None:
    matrices = torch.cat([torch.zeros(1, 3, 3), -torch.eye(3)[None], torch.ones(1, 3, 3)])
    found = closest_rotation(matrices)
    assert torch.allclose(found @ found.transpose(1, 2), torch.eye(3), atol=1e-5)
    assert torch.allclose(torch.linalg.det(found), torch.ones(3), atol=1e-5)
