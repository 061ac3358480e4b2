"""Points on surfaces."""

from __future__ import annotations

import pytest
import torch

from equi_nodes.body.model import load_body
from equi_nodes.body.surface import face_normals, interpolate, part_labels, sample_surface

TENT = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 3]]])
TENT_FACES = torch.tensor([[0, 1, 2], [0, 2, 3]])  # of 0.5 and 1.5 m^2


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_triangles_are_met_as_often_as_they_are_large():
    samples = sample_surface(TENT, TENT_FACES, 20_000, generator())
    assert (samples.faces == 1).float().mean() == pytest.approx(0.75, abs=0.01)


def test_points_spread_evenly_over_a_triangle():
    samples = sample_surface(TENT, TENT_FACES[:1], 20_000, generator())
    centre = samples.points[0].mean(0)
    assert torch.allclose(centre, torch.tensor([1 / 3, 1 / 3, 0.0]), atol=0.01)
    is_near_corner = samples.points[0].sum(1) < 0.5
    assert is_near_corner.float().mean() == pytest.approx(0.25, abs=0.01)


def test_every_part_of_a_body_gets_its_share_of_the_points():
    body = load_body()
    vertices = body.template[None]
    samples = sample_surface(vertices, body.faces, 50_000, generator())
    areas = face_normals(vertices, body.faces)[0].norm(dim=-1)
    parts = body.vertex_part[body.faces[:, 0]]
    wanted = torch.zeros(22).index_add_(0, parts, areas) / areas.sum()
    drawn = torch.bincount(parts[samples.faces[0]], minlength=22) / 50_000
    assert torch.allclose(drawn, wanted, atol=0.006)


def test_points_are_where_their_weights_say():
    samples = sample_surface(TENT.expand(3, -1, -1), TENT_FACES, 50, generator())
    assert torch.allclose(samples.weights.sum(-1), torch.ones(3, 50))
    assert (samples.weights >= 0).all()
    corners = TENT[0][TENT_FACES[samples.faces]]
    assert torch.allclose(samples.points, (corners * samples.weights[..., None]).sum(2), atol=1e-6)


def test_the_same_seed_draws_the_same_points():
    first, second = (sample_surface(TENT, TENT_FACES, 9, generator(5)).points for _ in range(2))
    assert torch.equal(first, second)


def test_points_move_with_the_vertices():
    vertices = TENT.clone().requires_grad_()
    sample_surface(vertices, TENT_FACES, 10, generator()).points.sum().backward()
    assert vertices.grad.sum() == pytest.approx(30.0, rel=1e-5)


def test_a_label_is_that_of_the_nearest_corner():
    faces, parts = torch.tensor([[0, 1, 2]]), torch.tensor([7, 8, 9])
    weights = torch.tensor([[[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8]]])
    chosen = torch.zeros(1, 3, dtype=torch.int64)
    assert part_labels(faces, parts, chosen, weights).tolist() == [[7, 8, 9]]
    values = torch.tensor([[[1.0], [2.0], [4.0]]])
    assert torch.allclose(
        interpolate(values, faces, chosen, weights)[0, :, 0], torch.tensor([1.9, 2.4, 3.5])
    )
