"""Learning to find parts: batches hold the truth, and a few steps lower the loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equi_nodes.datasets.part_batches import NO_PART, Labelled, batch
from equi_nodes.evaluation.segmentation import Confusion, purity
from equi_nodes.models.apen import APEN, Architecture
from equi_nodes.models.segmenters import PointNet
from equi_nodes.training.apen import loss, validate

LABELS, POINTS, SEEDS = 3, 90, 24
SMALL = Architecture(labels=LABELS, cells=SEEDS, scalars=16, vectors=4, moments=2, steps=4)


def cloud(rng):
    """Return a long, a flat and a round part side by side, and outliers."""
    shape = np.array([(0.02, 0.02, 0.2), (0.1, 0.1, 0.01), (0.05, 0.05, 0.05)])
    parts = np.repeat(np.arange(LABELS), 40)
    points = rng.normal(size=(120, 3)) * shape[parts] + (0.4 * parts)[:, None]
    labels = parts.copy()
    parts[:5] = NO_PART
    return Labelled(points.astype(np.float32), labels, parts)


def clouds(seed=0, count=4):
    rng = np.random.default_rng(seed)
    return batch(rng, [cloud(rng) for _ in range(count)], POINTS, SEEDS)


def test_a_batch_is_turned_thinned_and_knows_the_centres():
    found = clouds()
    assert found.points.shape == (4, POINTS, 3) and found.mask.all()
    for row in range(4):
        for part in range(LABELS):
            own = found.parts[row] == part
            centre = found.points[row, own].mean(0)
            assert torch.allclose(found.centres[row, own], centre.expand(int(own.sum()), 3))
    none = found.parts == NO_PART
    assert torch.equal(found.centres[none], found.points[none])


def test_a_cloud_of_few_points_is_padded():
    rng = np.random.default_rng(0)
    few = Labelled(*(part[::6] for part in cloud(rng)))
    found = batch(rng, [few], POINTS, SEEDS)
    assert int(found.mask.sum()) == len(few.points)
    assert (found.parts[~found.mask] == NO_PART).all()


@pytest.mark.parametrize("make", [lambda: APEN(SMALL), lambda: PointNet(LABELS, 32)])
def test_a_few_steps_lower_the_loss(make):
    torch.manual_seed(0)
    model, same = make(), clouds()
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(30):
        value = loss(model, same, 0.0)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.item())
    assert min(losses[-3:]) < 0.9 * losses[0]
    figures = validate(model.eval(), [same], LABELS)
    assert 0 <= figures["miou"] <= 1 and figures["criterion"] == 1 - figures["miou"]


def test_iou_counts_labels_that_are_there_and_purity_forgives_fine_parts():
    confusion = Confusion(3)
    confusion.add(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
    assert np.allclose(confusion.iou()[:2], [1 / 2, 2 / 3]) and np.isnan(confusion.iou()[2])
    assert np.isclose(confusion.figures()["miou"], 7 / 12)
    assert purity(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 3])) == 1
    assert purity(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0])) == 0.5
