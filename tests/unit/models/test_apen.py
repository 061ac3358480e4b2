"""APEN's shapes, masks, partitions and gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from equi_nodes.equivariant.partition import cells_of, cluster, voronoi
from equi_nodes.geometry.neighbours import farthest_first, seeds_first
from equi_nodes.models.apen import APEN, Architecture

SMALL = Architecture(labels=5, categories=3, cells=32, scalars=16, vectors=4, moments=2)
FIGURE = replace(SMALL, tokens=(32,), width=24, blocks=4, figure=True)


@pytest.fixture(params=[SMALL, FIGURE], ids=["pieces", "figure"])
def model(request) -> APEN:
    torch.manual_seed(0)
    return APEN(request.param).eval()


def test_shapes(model):
    found = model(*model.example_inputs(2, 100))
    layers = len(SMALL.sigmas)
    assert found.logits.shape == (2, 100, SMALL.labels)
    assert found.category.shape == (2, SMALL.categories)
    assert found.instance.shape == found.confidence.shape == (2, 100)
    assert found.votes.shape == (layers, 2, 100, 3)
    assert found.delta.shape == found.live.shape == (layers, 2)
    guesses = 3 if model.architecture.figure else 0
    assert found.rest.shape == (guesses, 2, 100, 3)


def test_only_the_largest_parts_are_kept():
    torch.manual_seed(0)
    votes, mask = torch.randn(1, 100, 3), torch.ones(1, 100, dtype=torch.bool)
    cells = cells_of(torch.arange(100)[None] // 5 % 20, mask, 20, votes.dtype)
    uneven = cells_of(cells.index.clamp(max=9), mask, 20, votes.dtype)
    for given, kept in ((cells, 20), (cells, 7), (uneven, 4)):
        found = cluster(votes, given, 0.3, 4, kept)
        assert found.shape == (1, 100, kept)
        assert torch.allclose(found.sum(-1), torch.ones(1, 100))


def test_frames_that_are_told_are_looked_from():
    torch.manual_seed(0)
    model = APEN(replace(SMALL, whole=True, chiral=True)).eval()
    points, mask = model.example_inputs(2, 100)
    axes = torch.eye(3)[:, ::2].expand(2, 100, 3, 2)
    told = axes.clone()
    told[0] = 0
    before, after = model(points, mask), model(points, mask, taught=told)
    assert torch.equal(before.logits[0], after.logits[0])
    assert not torch.allclose(before.logits[1], after.logits[1])
    assert torch.equal(before.axes[0], after.axes[0])  # that is where they are found


def test_a_figure_is_looked_at_alone_as_within_the_whole():
    torch.manual_seed(0)
    model = APEN(replace(FIGURE, whole=True, chiral=True))
    points, mask = model.example_inputs(2, 100)
    found = model(points, mask)
    alone = model.look_from(points, mask, found.axes[0])
    assert torch.allclose(found.logits[mask], alone.logits[mask], atol=1e-4)
    other = model.look_from(points, mask, torch.eye(3)[:, ::2].expand(2, 100, 3, 2))
    assert not torch.allclose(found.logits[mask], other.logits[mask], atol=1e-2)


def test_each_look_takes_the_frames_and_places_of_the_one_before():
    torch.manual_seed(0)
    model = APEN(replace(FIGURE, whole=True, chiral=True, passes=2)).eval()
    points, mask = model.example_inputs(2, 100)
    found = model(points, mask)
    once, twice = (model.look_from(points, mask, found.axes[0], looks) for looks in (1, 2))
    assert torch.allclose(found.axes[1], once.axes, atol=1e-5)
    assert torch.allclose(found.logits[mask], twice.logits[mask], atol=1e-4)
    torch.nn.init.zeros_(model.look.aim.bias)  # so that frames stay
    once, twice = (model.look_from(points, mask, found.axes[0], looks) for looks in (1, 2))
    assert not torch.allclose(once.rest, twice.rest, atol=1e-4)


def test_what_is_masked_changes_nothing_and_belongs_to_no_part(model):
    points, mask = model.example_inputs()
    before = model(points, mask)
    after = model(torch.where(mask[..., None], points, 50.0), mask)
    assert torch.allclose(before.logits[mask], after.logits[mask], atol=1e-4)
    assert torch.allclose(before.category, after.category, atol=1e-4)
    assert (before.instance[~mask] == -1).all() and (before.confidence[~mask] == 0).all()


def test_a_cloud_does_not_see_the_others_of_its_batch(model):
    points, mask = model.example_inputs(3)
    alone = model(points[1:2], mask[1:2])
    assert torch.allclose(model(points, mask).logits[1:2], alone.logits, atol=1e-4)


@pytest.mark.parametrize("count", [1, 2, 31])
def test_few_points_equal_points_and_none_give_numbers(model, count):
    points, mask = model.example_inputs(2, count)
    for cloud, seen in ((points, mask), (torch.ones_like(points), ~mask), (points, mask & False)):
        assert all(part.isfinite().all() for part in model(cloud, seen))


def test_parts_never_become_more_with_depth(model):
    for seed in range(5):
        torch.manual_seed(seed)
        points, mask = model.example_inputs(4)
        live = model(points, mask).live
        assert (live.diff(dim=0) <= 0).all() and (live >= 1).all()
        assert (live[-1] < live[0]).any()


def test_a_spread_that_goes_to_zero_leaves_no_doubt():
    torch.manual_seed(0)
    votes, mask = torch.randn(2, 100, 3).double(), torch.ones(2, 100, dtype=torch.bool)
    cells = voronoi(votes, mask, 20)
    delta = [
        float((1 - cluster(votes, cells, sigma, 8, 20).amax(-1)).mean())
        for sigma in (0.5, 0.1, 0.01)
    ]
    assert delta[0] > delta[1] > delta[2] and delta[2] < 1e-3
    assert cluster(votes, cells, 1e-4, 8, 20).amax(-1).min() == 1


def test_parts_that_vote_for_the_same_place_merge():
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 0, 0], [1.0, 0, 0]]).repeat_interleave(40, 0)
    votes = (centres + 0.01 * torch.randn(80, 3))[None]
    mask = torch.ones(1, 80, dtype=torch.bool)
    cells = cells_of((torch.arange(80) // 10)[None], mask, 12, votes.dtype)
    parts = cells_of(cluster(votes, cells, 0.1, 8, 12).argmax(-1), mask, 12, votes.dtype)
    assert int(parts.live()) == 2
    assert parts.index[0, :40].unique().numel() == parts.index[0, 40:].unique().numel() == 1


def test_cells_average_and_hand_out():
    mask = torch.tensor([[True, True, True, False]])
    cells = cells_of(torch.tensor([[2, 0, 2, 1]]), mask, 3, torch.float32)
    mean = cells.mean(torch.tensor([[[1.0], [5.0], [3.0], [9.0]]]))
    assert mean.flatten().tolist() == [5, 0, 2]
    assert cells.spread(mean).flatten()[:3].tolist() == [2, 5, 2]


def test_farthest_points_spread_and_every_point_comes_once():
    torch.manual_seed(0)
    points, mask = torch.randn(2, 50, 3), torch.arange(50).expand(2, 50) < 40
    points[:, :10] = points[:, 10:20]  # twins are left for the end
    seeds = farthest_first(points, mask, 30)
    apart = torch.cdist(points.gather(1, seeds[..., None].expand(-1, -1, 3)), points)
    reached = torch.where(mask[:, None], apart, 0).cummin(1).values.amax(-1)
    assert (reached.diff(dim=1) <= 0).all() and (reached[:, -1] < 1e-2).all()
    order = seeds_first(points, mask, 45)
    assert torch.equal(order.sort(1).values, torch.arange(50).expand(2, 50))
    assert mask.gather(1, order)[:, :40].all()


def test_everything_learns(model):
    points, mask = model.train().example_inputs()
    found = model(points, mask)
    votes = (found.votes - points).square()[:, mask].sum()
    doubt = found.confidence.sum() + found.axes.square().sum()
    told = found.logits[mask].square().sum() + found.category.square().sum()
    (told + votes + doubt + found.rest.square().sum()).backward()
    assert all(part.grad.isfinite().all() and part.grad.any() for part in model.parameters())
