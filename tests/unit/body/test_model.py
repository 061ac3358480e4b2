"""The body: posing against the plain recipe of its data, its frame, its files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from equi_nodes.body.model import SHIPPED, Body, load_body
from equi_nodes.body.skeleton import JOINTS, PARENTS, joint
from equi_nodes.errors import EquiError
from equi_nodes.geometry.rotations import exp_so3, rotation

PER_VERTEX = ("template", "shape_dirs", "skin_indices", "skin_weights", "vertex_part")


@pytest.fixture(scope="module")
def body() -> Body:
    return load_body()


def some_pose(seed: int, count: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    rotations = exp_so3(rng.normal(size=(count, 22, 3)))
    betas, translation = rng.normal(size=(count, 10)), rng.normal(size=(count, 3))
    return tuple(torch.from_numpy(values) for values in (rotations, betas, translation))


def posed_plainly(archive, rotations, betas, translation) -> tuple[np.ndarray, np.ndarray]:
    """The recipe of the shared data, one body, joint after joint and vertex after vertex."""
    v = archive["v_template"] + archive["shape_dirs"].astype(float) @ betas
    j = archive["j_template"] + archive["j_shape_dirs"].astype(float) @ betas
    turns = rotations @ archive["rest_to_tpose"]
    places = np.zeros((22, 3))
    places[0] = translation
    for i, parent in enumerate(archive["parents"]):
        if parent >= 0:
            places[i] = places[parent] + turns[parent] @ (j[i] - j[parent])
    out = np.zeros_like(v)
    for slot in range(4):
        i, w = archive["skin_indices"][:, slot].astype(int), archive["skin_weights"][:, slot]
        moved = np.einsum("vab,vb->va", turns[i], v - j[i]) + places[i]
        out += w[:, None] * moved
    return out, places


@pytest.mark.parametrize("name", ["body_lod1_1k.npz", "body_lod0_13k.npz"])
def test_posing_follows_the_recipe_of_the_data(recordings, name):
    path = recordings("body_model") / name
    body, archive = load_body(path).to(torch.float64), np.load(path)
    rotations, betas, translation = some_pose(0)
    posed = body.pose(rotations, betas, translation)
    for index in range(2):
        vertices, joints = posed_plainly(
            archive, rotations[index].numpy(), betas[index].numpy(), translation[index].numpy()
        )
        assert np.allclose(posed.vertices[index], vertices, atol=1e-6)
        assert np.allclose(posed.joints[index], joints, atol=1e-6)


def test_the_shipped_body_is_that_of_the_data_to_millimetres(recordings, body):
    archive = np.load(recordings("body_model") / "body_lod1_1k.npz")
    nearest = torch.cdist(body.template, torch.from_numpy(archive["v_template"])).min(1)
    assert nearest.values.max() < 0.005
    labels = torch.from_numpy(archive["vertex_part"].astype(int))[nearest.indices]
    assert (labels == body.vertex_part).float().mean() > 0.99
    assert np.allclose(body.joint_template, archive["j_template"], atol=0.005)
    assert np.allclose(body.rest_to_tpose, archive["rest_to_tpose"], atol=1e-3)
    assert tuple(archive["joint_names"]) == JOINTS
    assert tuple(archive["parents"]) == PARENTS


def test_the_shapes_of_the_data_lie_in_the_space_of_the_shipped_body(recordings, body):
    archive = np.load(recordings("body_model") / "body_lod1_1k.npz")
    people = archive["v_template"] + np.einsum(
        "vck,bk->bvc", archive["shape_dirs"], archive["beta_samples"]
    )
    nearest = torch.cdist(body.template, torch.from_numpy(archive["v_template"])).min(1).indices
    wanted = torch.from_numpy(people[:, nearest]).double() - body.template.double()
    directions = body.shape_dirs.double().flatten(0, 1)
    flat = wanted.flatten(1).T
    left = (flat - directions @ torch.linalg.lstsq(directions, flat).solution).T
    error = left.unflatten(1, (-1, 3)).norm(dim=-1)
    assert error.mean() < 0.003


def test_the_identity_is_a_t_pose_that_faces_x(body):
    still = torch.eye(3).expand(1, 22, 3, 3)
    posed = body.pose(still, torch.zeros(1, 10), torch.tensor([[1.0, 2.0, 3.0]]))
    at = {name: posed.joints[0, index] for index, name in enumerate(JOINTS)}
    assert torch.allclose(at["pelvis"], torch.tensor([1.0, 2.0, 3.0]))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        arm = at[f"{side}_wrist"] - at[f"{side}_shoulder"]
        leg = at[f"{side}_ankle"] - at[f"{side}_hip"]
        assert torch.allclose(arm / arm.norm(), torch.tensor([0.0, sign, 0.0]), atol=1e-3)
        assert torch.allclose(leg / leg.norm(), torch.tensor([0.0, 0.0, -1.0]), atol=1e-3)
        assert (at[f"{side}_foot"] - at[f"{side}_ankle"])[0] > 0.05
    assert at["head"][2] > at["neck"][2] > at["pelvis"][2]


def test_turning_all_parts_turns_the_body_exactly(body):
    exact = body.to(torch.float64)
    rotations, betas, translation = some_pose(1)
    turn = torch.from_numpy(rotation(np.array([0.3, -0.5, 0.2, 0.9])))
    straight = exact.pose(rotations, betas, translation)
    turned = exact.pose(turn @ rotations, betas, translation @ turn.T)
    assert torch.allclose(turned.vertices, straight.vertices @ turn.T, atol=1e-12)
    assert torch.allclose(turned.joints, straight.joints @ turn.T, atol=1e-12)


def test_posing_has_true_gradients_in_all_it_is_given(body):
    exact = body.to(torch.float64)
    few = {name: getattr(exact, name)[:5] for name in PER_VERTEX}
    corner = replace(exact, **few)
    inputs = [values[:1].requires_grad_() for values in some_pose(2)]
    assert torch.autograd.gradcheck(lambda *given: corner.pose(*given).vertices, inputs)


def test_people_have_the_volume_of_people(body):
    adults = body.betas[body.ages > 20][:100]
    vertices, joints = body.rest(adults)
    a, b, c = (vertices[:, body.faces[:, corner]] for corner in range(3))
    litres = 1000 * (a * torch.linalg.cross(b, c, dim=-1)).sum((1, 2)) / 6
    assert 45 < litres.mean() < 95
    heights = vertices[..., 2].amax(1) - vertices[..., 2].amin(1)
    assert 1.6 < heights.mean() < 1.78
    assert (joints[:, joint("head"), 2] > joints[:, 0, 2]).all()


def test_weights_of_every_vertex_add_up_to_one(body):
    assert torch.allclose(body.skin.sum(1), torch.ones(len(body.template)), atol=1e-5)
    assert torch.equal(body.skin.argmax(1), body.vertex_part)


def test_no_such_body(tmp_path):
    with pytest.raises(EquiError, match="There is no body"):
        load_body(tmp_path / "none.npz")


def test_a_file_that_is_no_archive(tmp_path):
    (tmp_path / "body.npz").write_text("not a body")
    with pytest.raises(EquiError, match="is no body"):
        load_body(tmp_path / "body.npz")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"faces": None}, "lacks faces"),
        ({"shape_dirs": np.zeros((3, 3, 10))}, "shape_dirs .* must be"),
        ({"vertex_part": np.full(1158, 22)}, r"vertex_part .* 0\.\.21"),
        ({"rest_to_tpose": np.full((22, 3, 3), np.nan)}, "not finite"),
    ],
)
def test_a_wrong_archive_is_named(tmp_path, change, words):
    archive = dict(np.load(SHIPPED)) | change
    kept = {name: values for name, values in archive.items() if values is not None}
    np.savez(tmp_path / "body.npz", **kept)
    with pytest.raises(EquiError, match=words):
        load_body(tmp_path / "body.npz")
