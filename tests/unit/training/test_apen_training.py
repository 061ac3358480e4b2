"""Learning to find parts: batches hold the truth, and a few steps lower the loss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from equi_nodes.datasets import part_batches
from equi_nodes.datasets.part_batches import NO_PART, Labelled, batch, rearranged
from equi_nodes.evaluation.segmentation import Confusion, matched_iou, purity
from equi_nodes.geometry.rotations import rotation
from equi_nodes.models.apen import APEN, Architecture
from equi_nodes.models.segmenters import PointNet
from equi_nodes.training import part_lessons
from equi_nodes.training.apen import loss, validate
from equi_nodes.training.part_lessons import DRAWN, KEPT, Lesson, Lessons, lesson

LABELS, POINTS, SEEDS = 3, 90, 24
SMALL = Architecture(labels=LABELS, cells=SEEDS, scalars=16, vectors=4, moments=2, steps=4)


def cloud(rng):
    """Return a long, a flat and a round part side by side, and outliers."""
    shape = np.array([(0.02, 0.02, 0.2), (0.1, 0.1, 0.01), (0.05, 0.05, 0.05)])
    parts = np.repeat(np.arange(LABELS), 40)
    points = rng.normal(size=(120, 3)) * shape[parts] + (0.4 * parts)[:, None]
    labels = parts.copy()
    parts[:5] = NO_PART
    turns = np.stack([rotation(rng.normal(size=4)) for _ in range(LABELS)])
    return Labelled(points.astype(np.float32), labels, parts, turns)


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
    few = Labelled(*(part[::6] for part in cloud(rng)[:3]))
    found = batch(rng, [few], POINTS, SEEDS)
    assert int(found.mask.sum()) == len(few.points)
    assert (found.parts[~found.mask] == NO_PART).all()


def test_axes_turn_with_the_points_and_are_zero_where_none_are_known():
    rng = np.random.default_rng(0)
    known, unknown = cloud(rng), cloud(rng)._replace(turns=None)
    found = batch(rng, [known, unknown], POINTS, SEEDS)
    is_part = found.parts != NO_PART
    norms = found.axes.norm(dim=2)
    assert torch.allclose(norms[0][is_part[0]], torch.ones(()), atol=1e-5)
    assert not norms[0][~is_part[0]].any() and not norms[1].any()
    long = found.points[0][found.parts[0] == 0]
    axis = torch.linalg.svd(long - long.mean(0)).Vh[0]
    own = known.points[known.parts == 0]
    before = np.linalg.svd(own - own.mean(0))[2][0] @ known.turns[0][:, ::2]
    after = axis @ found.axes[0][found.parts[0] == 0][0]
    assert np.allclose(np.abs(before), after.abs().numpy(), atol=0.2)


def test_pieces_of_a_room_are_put_elsewhere_as_they_are():
    rng = np.random.default_rng(0)
    parts = np.repeat(np.arange(4), 50)
    points = rng.uniform((0, 0, 0), (4, 3, 1), (200, 3)).astype(np.float32)
    scan = Labelled(points, parts, parts, np.tile(np.eye(3), (4, 1, 1)))
    found = rearranged(rng, scan)
    assert np.array_equal(found.points[:100], points[:100])
    for part in (2, 3):
        before, after = (c.points[parts == part].astype(float) for c in (scan, found))
        turn = found.turns[part]
        rebuilt = (before - before.mean(0)) @ turn.T + after.mean(0)
        assert np.allclose(rebuilt, after, atol=1e-5) and np.allclose(turn[2], (0, 0, 1))
        assert np.abs(before.mean(0) - after.mean(0)).max() > 1e-2


def test_some_clouds_hold_nobody(monkeypatch):
    pytest.importorskip("open3d")
    monkeypatch.setattr(part_batches, "EMPTY", 1.0)
    rng = np.random.default_rng(0)
    found = batch(rng, [part_batches.draw_cloud(rng, "people") for _ in range(2)], POINTS, SEEDS)
    assert (found.labels[found.mask] == part_batches.OUTSIDE).all()
    assert (found.parts == NO_PART).all() and not found.rest.any()
    assert found.whole.any()  # it can be looked at from somewhere


def test_lessons_tell_parts_at_times_and_axes_of_every_second_cloud():
    rng = np.random.default_rng(0)
    drawn, sizes = [cloud(rng) for _ in range(4)], replace(SMALL, whole=True)
    told = lesson(rng, drawn, POINTS, 0.3, sizes, 0)
    assert torch.equal(told.partition, told.clouds.parts + 1)
    assert torch.equal(told.axes, told.clouds.axes)
    free = lesson(rng, drawn, POINTS, 0.3, sizes, 1)
    assert free.partition is None and free.clouds.points.shape[1] == POINTS // 2
    assert torch.equal(free.axes[:, 0], free.clouds.whole)
    assert not free.taught[::2].any()
    cosine = (free.taught * free.axes).sum(2)[1::2]
    assert 0.5 < cosine.mean() < 0.99


def test_figures_are_looked_at_alone_half_of_the_time_and_then_all_of_it(monkeypatch):
    monkeypatch.setattr(part_lessons, "BATCHES", 4)
    monkeypatch.setattr(part_lessons, "DRAWN", 2)
    lessons = Lessons("people", replace(SMALL, whole=True, figure=True), cloud, seed=0)
    first, later = list(lessons.wholly(0)), list(lessons.looks(1))
    assert [told.looks for told in first] == [0, 0, 1, 1]
    assert [told.looks for told in later] == [1, 1, 1, 1, 2, 2, 2, 2]
    assert [bool(told.taught.any()) for told in first] == [False, False, True, True]
    assert [told.partition is not None for told in first] == [True, False, False, False]
    assert [told.partition is not None for told in later] == [True] + 7 * [False]
    points = [told.clouds.points.shape[1] for told in later]
    assert points[:2] == points[4:6] == [1024, 1024] and points[2:4] == [512, 512]
    off = (later[2].taught - later[2].axes)[:, 0].flatten(1).norm(dim=1)
    assert off[:7].max() > 2 * off[:7].min()  # some are told better than others
    assert off[7] > 2 * off[:7].max() and later[2].lost.tolist() == 7 * [False] + [True]
    lost = torch.cat([told.lost for told in later])
    assert lost.tolist() == len(lost) // 8 * (7 * [False] + [True])


def test_clouds_serve_for_some_epochs_and_are_drawn_again_the_same():
    counted = []

    def draw(rng):
        counted.append(1)
        return cloud(rng)

    lessons = [Lessons("people", SMALL, draw, seed=0) for _ in range(2)]
    one, two = (next(own.wholly(3)).clouds.points for own in lessons)
    assert torch.equal(one, two) and len(counted) == 2 * DRAWN * KEPT
    next(lessons[0].wholly(4))
    assert len(counted) == (2 * KEPT + 1) * DRAWN


def test_where_points_lie_at_rest_is_learned_where_it_is_known():
    torch.manual_seed(0)
    model = APEN(replace(SMALL, figure=True, tokens=(24,), whole=True))
    rng = np.random.default_rng(0)
    known = cloud(rng)
    known = known._replace(rest=known.points - known.points.mean(0))
    both = batch(rng, [known, cloud(rng)], POINTS, SEEDS)
    assert both.rest[0].any() and not both.rest[1].any()
    told = Lesson(both, both.axes)
    loss(model, told, 0.0).backward()
    assert model.look.see.guesses[0].map.weight.grad.any()
    nothing = both._replace(rest=torch.zeros_like(both.rest))
    assert loss(model, Lesson(nothing, both.axes), 0.0) < loss(model, told, 0.0)


def test_of_clouds_that_are_lost_a_look_learns_the_frame_alone():
    torch.manual_seed(0)
    model = APEN(replace(SMALL, figure=True, tokens=(24,), whole=True))
    rng = np.random.default_rng(0)
    drawn = [cloud(rng) for _ in range(4)]
    told = lesson(rng, drawn, POINTS, 0.3, model.architecture, 1, looks=1)
    wrong = told.clouds._replace(labels=told.clouds.labels.clone())
    wrong.labels[told.lost] = (wrong.labels[told.lost] + 1) % LABELS
    numbers = torch.arange(len(told.lost), 2 * len(told.lost))  # of the clouds of this batch
    assert torch.equal(told.lost, numbers % 8 == 7)
    assert loss(model, told, 0.0) == loss(model, told._replace(clouds=wrong), 0.0)
    loss(model, told._replace(axes=told.axes * told.lost[:, None, None, None]), 0.0).backward()
    assert model.look.aim.weight.grad.any()


def test_given_parts_are_looked_at_one_by_one():
    torch.manual_seed(0)
    model = APEN(replace(SMALL, figure=True, tokens=(24,), whole=True)).eval()
    rng = np.random.default_rng(0)
    told = lesson(rng, [cloud(rng) for _ in range(4)], POINTS, 0.0, model.architecture, 0, looks=1)
    points, mask, part = told.clouds.points, told.clouds.mask, told.partition == 1
    before = model.look_from(points, mask, told.axes, 2, told.partition)
    moved = points + 0.5 * (part & mask)[..., None]
    after = model.look_from(moved, mask, told.axes, 2, told.partition)
    assert torch.allclose(before.logits, after.logits, atol=1e-4)
    assert not torch.allclose(before.logits, model.look_from(points, mask, told.axes, 2).logits)


@pytest.mark.parametrize("make", [lambda: APEN(SMALL), lambda: PointNet(LABELS, 32)])
def test_a_few_steps_lower_the_loss(make):
    torch.manual_seed(0)
    model, same = make(), clouds()
    told = Lesson(same, same.axes)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for _ in range(30):
        value = loss(model, told, 0.0)
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
    assert np.array_equal((confusion + confusion).counts, 2 * confusion.counts)


def test_labels_of_unknown_names_are_matched_as_suits_them_best():
    counts = np.array([[0, 8, 0, 2], [6, 0, 0, 0], [5, 0, 0, 0], [0, 0, 0, 0]])
    assert np.allclose(matched_iou(counts), [8 / 10, 6 / 11, 0, np.nan], equal_nan=True)
