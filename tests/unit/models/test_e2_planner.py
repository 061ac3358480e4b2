"""The planning network's shapes, masks, iterations and gradients."""

from __future__ import annotations

import pytest
import torch

from equi_nodes.models.e2_planner import MASKED, Architecture, E2Planner, plain_twin

SMALL = Architecture(fields=4, value_fields=2, actions=2, iterations=4)


@pytest.fixture
def model() -> E2Planner:
    torch.manual_seed(0)
    return E2Planner(SMALL).eval()


def test_shapes_and_masked_edges(model):
    given = model.example_inputs(2, 9, 4)
    scores = model(*given)
    assert scores.edges.shape == (2, 9, 4)
    assert scores.readouts.shape == (2, 9, SMALL.readouts)
    assert (scores.edges[~given[-1]] == MASKED).all()


def test_vectors_and_views_may_be_left_out(model):
    given = model.example_inputs()
    without = (given[0], None, None, *given[3:])
    assert torch.equal(model(*given).edges, model(*without).edges)


def test_what_is_masked_changes_nothing(model):
    scalars, vectors, views, positions, neighbours, edge_scalars, mask = model.example_inputs()
    before = model(scalars, vectors, views, positions, neighbours, edge_scalars, mask)
    neighbours = torch.where(mask, neighbours, 0)
    edge_scalars = torch.where(mask[..., None], edge_scalars, 100.0)
    after = model(scalars, vectors, views, positions, neighbours, edge_scalars, mask)
    assert torch.allclose(before.edges, after.edges, atol=1e-5)


def test_a_graph_does_not_see_the_others_of_its_batch(model):
    given = model.example_inputs(3)
    one = model(*(part[1:2] for part in given))
    assert torch.allclose(model(*given).edges[1:2], one.edges, atol=1e-5)


def test_a_goal_is_felt_as_far_as_there_are_iterations(model):
    """On a chain, three encoding steps and k iterations reach k + 3 hops."""
    nodes = 20
    along = torch.arange(nodes, dtype=torch.float32)
    positions = torch.stack([along, torch.zeros(nodes)], -1)[None]
    neighbours = torch.stack([along - 1, along + 1], -1).clamp(0, nodes - 1).long()[None]
    mask = torch.ones(1, nodes, 2, dtype=torch.bool)
    mask[0, 0, 0] = mask[0, -1, 1] = False
    scalars = torch.zeros(1, nodes, 1)
    goal = scalars.clone()
    goal[0, 0] = 1
    edges = torch.ones(1, nodes, 2, 3)

    def reach(iterations: int) -> int:
        with_goal, without = (
            model(flags, None, None, positions, neighbours, edges, mask, iterations).readouts
            for flags in (goal, scalars)
        )
        return int((with_goal != without).any(-1).nonzero()[:, 1].max())

    assert reach(2) < reach(5) < reach(12)
    assert reach(12) <= 14


def test_isolated_nodes_and_empty_graphs_give_numbers(model):
    given = list(model.example_inputs())
    given[-1] = torch.zeros_like(given[-1])
    scores = model(*given)
    assert scores.edges.eq(MASKED).all()
    assert scores.readouts.isfinite().all()


def test_everything_learns(model):
    given = model.train().example_inputs()
    scores = model(*given)
    (scores.edges[given[-1]].square().sum() + scores.readouts.square().sum()).backward()
    assert all(part.grad.isfinite().all() and part.grad.any() for part in model.parameters())


@pytest.mark.parametrize("name", ["D4", "D8"])
def test_the_plain_twin_has_about_as_many_parameters(name):
    ours = Architecture(group=name, views=8, view_width=2)
    one, two = (
        sum(part.numel() for part in E2Planner(sizes).parameters())
        for sizes in (ours, plain_twin(ours))
    )
    assert plain_twin(ours).group == "C1"
    assert 0.75 < two / one < 1.25
