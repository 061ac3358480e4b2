"""The networks that APEN is compared with: of its size, and blind to padding."""

from __future__ import annotations

import pytest
import torch

from equi_nodes.models.apen import APEN
from equi_nodes.models.segmenters import DGCNN, PointNet

LABELS = 23


def size(model):
    return sum(parameters.numel() for parameters in model.parameters())


@pytest.mark.parametrize("kind", [PointNet, DGCNN])
def test_padding_changes_nothing_and_the_size_is_that_of_apen(kind):
    torch.manual_seed(0)
    model, points = kind(LABELS).eval(), torch.randn(2, 60, 3)
    mask = torch.arange(60).expand(2, 60) < 50
    found = model(points, mask)
    other = model(torch.where(mask[..., None], points, 7.0), mask)
    assert found.shape == (2, 60, LABELS)
    assert torch.allclose(found[mask], other[mask], atol=1e-5)
    assert 0.7 < size(model) / size(APEN()) < 1.5


@pytest.mark.parametrize("kind", [PointNet, DGCNN])
def test_everything_learns(kind):
    model, mask = kind(LABELS), torch.ones(2, 40, dtype=torch.bool)
    model(torch.randn(2, 40, 3), mask).square().sum().backward()
    assert all(part.grad.isfinite().all() and part.grad.any() for part in model.parameters())
