"""People in batches: still true after thinning, turning and putting far points first."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equi_nodes.body.model import load_body
from equi_nodes.datasets.person_batches import PersonBatch, batches, draw_crowd
from equi_nodes.datasets.person_clouds import OUTSIDE, CloudOptions
from equi_nodes.datasets.person_poses import Poses

OPTIONS = CloudOptions((0.001, 0.001), outliers=0.1)


@pytest.fixture(scope="module")
def batch() -> PersonBatch:
    body = load_body()
    still = np.tile(np.eye(3, dtype=np.float32), (1, 22, 1, 1))
    poses = Poses(still, body.betas.numpy(), body.ages.numpy(), random_share=1.0)
    crowd = draw_crowd(np.random.default_rng(0), poses, ("full",), 6, OPTIONS)
    return next(batches(crowd, 6, np.random.default_rng(1), points=200))


def test_shapes(batch: PersonBatch) -> None:
    assert batch.points.shape == (6, 200, 3) and batch.mask.all()
    assert batch.rotations.shape == (6, 22, 3, 3) and batch.joints.shape == (6, 22, 3)
    assert batch.parts.dtype == torch.int64 and batch.parts.max() <= OUTSIDE


def test_bodies_of_the_truth_lie_at_the_points(batch: PersonBatch) -> None:
    posed = load_body().pose(batch.rotations, batch.betas, batch.joints[:, 0])
    assert torch.allclose(posed.joints, batch.joints, atol=1e-4)
    away = torch.cdist(batch.points, posed.vertices).amin(2)
    assert away[batch.parts < OUTSIDE].max() < 0.08


def test_first_points_are_far_from_each_other(batch: PersonBatch) -> None:
    def spacing(points: torch.Tensor) -> float:
        apart = torch.cdist(points, points) + 9 * torch.eye(points.shape[1])
        return float(apart.amin(2).mean())

    assert spacing(batch.points[:, :64]) > 1.5 * spacing(batch.points[:, 64:128])


def test_frames_are_about_the_pelvis_and_not_it(batch: PersonBatch) -> None:
    cosine = ((batch.frames * batch.rotations[:, 0]).sum((1, 2)) - 1) / 2
    degrees = cosine.clamp(-1, 1).acos().rad2deg()
    assert 5 < degrees.mean() < 90
