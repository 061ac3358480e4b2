"""Clouds of people: their truth is true, and nothing is seen that a sensor cannot see."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from scipy.spatial import cKDTree

from equi_nodes.body.model import load_body
from equi_nodes.body.skeleton import PARENT_OR_SELF
from equi_nodes.datasets.person_clouds import (
    OUTSIDE,
    TRAINING,
    VIEWS,
    CloudOptions,
    PersonCloud,
    draw_person,
    pose_one,
)
from equi_nodes.datasets.person_poses import HIGHEST, LOWEST, Poses, poses_of
from equi_nodes.datasets.person_scene import PersonMesh, with_floor
from equi_nodes.datasets.person_views import random_camera, random_lidar, seen
from equi_nodes.errors import EquiError
from equi_nodes.geometry.mesh_rays import cast
from equi_nodes.geometry.rotations import log_so3

COUNT = 300


@pytest.fixture(scope="module")
def poses() -> Poses:
    """Random poses alone, so that no recordings are needed."""
    body = load_body()
    still = np.tile(np.eye(3, dtype=np.float32), (1, 22, 1, 1))
    return Poses(still, body.betas.numpy(), body.ages.numpy(), random_share=1.0)


def true_mesh(cloud: PersonCloud) -> np.ndarray:
    vertices, _ = pose_one(load_body(), cloud.rotations, cloud.betas)
    return vertices + cloud.translation


def distances_to(vertices: np.ndarray, points: np.ndarray) -> np.ndarray:
    open3d = pytest.importorskip("open3d")
    scene = open3d.t.geometry.RaycastingScene()
    faces = load_body().faces.numpy().astype(np.uint32)
    scene.add_triangles(open3d.core.Tensor(vertices), open3d.core.Tensor(faces))
    return scene.compute_distance(open3d.core.Tensor(points)).numpy()


@pytest.mark.parametrize("view", VIEWS)
def test_points_lie_on_the_skin_of_the_true_body(poses, view):
    rng = np.random.default_rng(0)
    for _ in range(5):
        cloud = draw_person(rng, poses, view, COUNT, noise=0.0)
        assert cloud.points.shape == cloud.rest.shape == (COUNT, 3)
        assert distances_to(true_mesh(cloud), cloud.points).max() < 1e-4


@pytest.mark.parametrize("view", VIEWS)
def test_parts_and_rest_points_are_those_of_the_same_skin(poses, view):
    body = load_body()
    cloud = draw_person(np.random.default_rng(1), poses, view, COUNT, noise=0.0)
    assert distances_to(body.template.numpy(), cloud.rest).max() < 1e-4
    at_rest = cKDTree(body.template.numpy()).query(cloud.rest)[1]
    assert (body.vertex_part.numpy()[at_rest] == cloud.parts).mean() > 0.85
    posed = cKDTree(true_mesh(cloud)).query(cloud.points)[1]
    assert np.linalg.norm(body.template.numpy()[posed] - cloud.rest, axis=1).mean() < 0.05


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("count", [96, 4096])
def test_clouds_have_as_many_points_as_asked_for(poses, view, count):
    cloud = draw_person(np.random.default_rng(count), poses, view, count, options=TRAINING)
    assert cloud.points.shape == (count, 3)
    assert cloud.parts.shape == (count,)
    assert len(np.unique(cloud.points, axis=0)) > 0.4 * count


def test_joints_and_translation_are_those_of_the_posed_body(poses):
    cloud = draw_person(np.random.default_rng(2), poses, "full", COUNT)
    _, joints = pose_one(load_body(), cloud.rotations, cloud.betas)
    assert np.allclose(cloud.joints, joints + cloud.translation, atol=1e-5)
    assert np.allclose(cloud.joints[0], cloud.translation, atol=1e-6)


def test_noise_is_as_large_as_asked_for(poses):
    cloud = draw_person(np.random.default_rng(3), poses, "full", 2000, noise=0.02)
    # Noise along the skin does not leave it: a third of the power is across.
    assert 0.014 < np.sqrt((distances_to(true_mesh(cloud), cloud.points) ** 2).mean()) < 0.021


def test_all_directions_are_equally_likely(poses):
    rng = np.random.default_rng(4)
    turns = [draw_person(rng, poses, "full", 32).rotations[0] for _ in range(400)]
    assert np.abs(np.mean(turns, 0)).max() < 0.13
    assert np.abs(np.mean(np.square(turns), 0) - 1 / 3).max() < 0.08


def test_the_same_seed_draws_the_same_cloud(poses):
    for view in VIEWS:
        first, second = (
            draw_person(np.random.default_rng(5), poses, view, COUNT, options=TRAINING)
            for _ in range(2)
        )
        assert all(np.array_equal(a, b) for a, b in zip(first, second))


def test_what_spoils_clouds_does_so_and_is_labelled(poses):
    rng = np.random.default_rng(6)
    clouds = [draw_person(rng, poses, VIEWS[k % 3], COUNT, options=TRAINING) for k in range(60)]
    outside = np.array([(cloud.parts == OUTSIDE).mean() for cloud in clouds])
    assert 0.02 < outside.mean() < 0.3
    for cloud in clouds:
        assert np.isfinite(cloud.points).all()
        assert not cloud.rest[cloud.parts == OUTSIDE].any()
    assert min(len(set(cloud.parts.tolist())) for cloud in clouds) < 18  # limbs are missing


def test_clothes_stand_off_by_what_was_asked_for_at_most(poses):
    rng = np.random.default_rng(7)
    options = CloudOptions(clothing=0.04)
    off = [
        distances_to(true_mesh(cloud), cloud.points)
        for cloud in (draw_person(rng, poses, "full", COUNT, 0.0, options) for _ in range(20))
    ]
    assert np.max(off) < 0.041
    assert np.mean(off) > 0.004


def test_an_unknown_view_is_named(poses):
    with pytest.raises(EquiError, match="take full, single_view, lidar256"):
        draw_person(np.random.default_rng(0), poses, "radar", COUNT)


def some_mesh(seed: int) -> PersonMesh:
    rng, body = np.random.default_rng(seed), load_body()
    poses = Poses(np.zeros((0, 22, 3, 3)), body.betas.numpy(), random_share=1.0)
    vertices, _ = pose_one(body, poses.draw(rng), poses.shape(rng))
    faces = body.faces.numpy()
    return PersonMesh(vertices, faces, np.arange(len(faces)))


@pytest.mark.parametrize("sensor", [random_camera, random_lidar])
def test_no_point_lies_on_a_back_face_or_behind_another(sensor):
    rng, mesh = np.random.default_rng(8), some_mesh(8)
    device = sensor(rng, mesh.size, 512)
    vertices = mesh.vertices + [device.distance, 0, 0]
    hits = seen(vertices, mesh.faces, device.rays(rng, vertices))
    a, b, c = np.swapaxes(vertices[mesh.faces[hits.faces]], 0, 1)
    assert (np.einsum("nc,nc->n", np.cross(b - a, c - a), hits.points) < 0).all()
    assert not any(is_blocked(vertices[mesh.faces], point) for point in hits.points[:100])


def is_blocked(triangles: np.ndarray, point: np.ndarray) -> bool:
    """Whether a triangle lies between the origin and a point: one volume after the other."""
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    sides = [np.einsum("nc,c->n", np.cross(p, q), point) for p, q in ((a, b), (b, c), (c, a))]
    is_through = np.all(np.array(sides) > 0, 0) | np.all(np.array(sides) < 0, 0)
    normal = np.cross(b - a, c - a)
    share = np.einsum("nc,nc->n", normal, a) / np.where(is_through, normal @ point, 1.0)
    return bool((is_through & (share > 0) & (share < 0.999)).any())


@pytest.mark.parametrize("sensor", [random_camera, random_lidar])
def test_sensors_return_about_as_many_points_as_are_wanted(sensor):
    rng = np.random.default_rng(9)
    found = []
    for seed in range(12):
        mesh = some_mesh(seed)
        device = sensor(rng, mesh.size, 400)
        vertices = mesh.vertices + [device.distance, 0, 0]
        found.append(len(seen(vertices, mesh.faces, device.rays(rng, vertices)).points))
    assert 350 < np.median(found) < 800


def test_a_lidar_scans_in_rings():
    rng, mesh = np.random.default_rng(10), some_mesh(10)
    device = random_lidar(rng, mesh.size, 256)
    vertices = mesh.vertices + [device.distance, 0, 0]
    points = seen(vertices, mesh.faces, device.rays(rng, vertices)).points
    elevation = np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1]))
    steps = (elevation - elevation.min()) / device.beam_step
    assert np.abs(steps - np.round(steps)).max() < 0.01


def test_the_floor_lies_below_the_lowest_foot():
    mesh = some_mesh(11)
    up = np.array([0.0, 0.6, 0.8])
    floored = with_floor(np.random.default_rng(0), mesh, up)
    floor = floored.vertices[len(mesh.vertices) :]
    assert np.allclose(floor @ up, (mesh.vertices @ up).min(), atol=1e-6)
    hits = cast(
        floored.vertices, floored.faces, floor.mean(0) + up, np.tile(-up, (1, 1)) + [[0.01, 0, 0]]
    )
    assert hits.is_outside[0]


def test_missing_open3d_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(EquiError, match="pip install open3d"):
        cast(np.zeros((3, 3)), np.array([[0, 1, 2]]), np.zeros(3), np.ones((1, 3)))


def test_random_poses_keep_to_the_limits_of_the_joints(poses):
    rng = np.random.default_rng(12)
    for _ in range(30):
        rotations = poses.draw(rng).astype(float)
        local = np.swapaxes(rotations[list(PARENT_OR_SELF)], -1, -2) @ rotations
        vectors = log_so3(local[1:])
        assert (vectors > LOWEST[1:] - 1e-3).all()
        assert (vectors < HIGHEST[1:] + 1e-3).all()


def test_left_and_right_may_turn_as_far():
    left, right = slice(4, 5), slice(5, 6)  # knees
    assert np.allclose(LOWEST[left, 1], LOWEST[right, 1])
    assert np.allclose(LOWEST[left, ::2], -HIGHEST[right, ::2])


def test_poses_for_tests_share_neither_poses_nor_shapes_with_training(recordings):
    recordings("mocap")
    train, test = poses_of("train", random_share=0.2, mixed_share=0.2), poses_of("test")
    assert not set(map(bytes, train.betas)) & set(map(bytes, test.betas))
    assert len(train.betas) > 3 * len(test.betas)
    assert not set(map(bytes, train.rotations[::50])) & set(map(bytes, test.rotations))
    drawn = [train.draw(np.random.default_rng(k)) for k in range(20)]
    assert np.allclose(np.linalg.det(drawn), 1, atol=1e-4)
    children = train.aged(4, 9)
    assert 0 < len(children.betas) < len(train.betas)
    assert children.ages.max() <= 9
