"""People of whom front and back were mistaken for each other are turned around, no others."""

from __future__ import annotations

import torch

from equi_nodes.body.model import load_body
from equi_nodes.body.skeleton import JOINTS, joint
from equi_nodes.fitting.evidence import residual
from equi_nodes.fitting.levers import Pose
from equi_nodes.fitting.refine import Crop, refine
from equi_nodes.fitting.turned_around import other_side, second_look, turned_around

PARTS, EACH = len(JOINTS), 5  # of the vertices every fifth is a point
FORWARD = torch.tensor([[0.0, 0.0, -1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # what hung down


def kicking_person() -> tuple[Crop, Pose, torch.Tensor]:
    """Return the skin of a person who kicks with the left leg, its pose, and the turns' sigma."""
    body = load_body()
    rotations = torch.eye(3).repeat(1, PARTS, 1, 1)
    for name in ("left_hip", "left_knee"):
        rotations[:, joint(name)] = FORWARD
    pose = Pose(rotations, torch.zeros(1, 10), torch.zeros(1, 3))
    skin = body.pose(*pose).vertices[:, ::EACH]
    parts = torch.nn.functional.one_hot(body.vertex_part[::EACH], PARTS).float()[None]
    sigma = torch.full(skin.shape[:2], 0.05)
    crop = Crop(skin, torch.ones(skin.shape[:2]), parts, body.template[None, ::EACH], sigma)
    return crop, pose, torch.full((1, PARTS), 0.3)


def looked_at(
    crop: Crop, pose: Pose, sigma: torch.Tensor, doubtful: bool = True
) -> tuple[Crop, Pose, torch.Tensor]:
    """Return what a second look makes of a first fit."""
    body = load_body()
    first = residual(refine(body, crop, pose, sigma), crop.weights > 0)
    return second_look(body, crop, pose, sigma, torch.tensor([doubtful]), first)


def test_turning_around_twice_changes_nothing() -> None:
    body = load_body()
    crop, pose, _ = kicking_person()
    again, pose_again = turned_around(body, *turned_around(body, crop, pose))
    torch.testing.assert_close(pose_again.rotations, pose.rotations)
    torch.testing.assert_close(again.parts, crop.parts)
    torch.testing.assert_close(again.rest, crop.rest)


def test_left_becomes_right_and_what_is_no_part_stays() -> None:
    numbers = torch.arange(PARTS + 1.0)
    swapped = other_side(numbers)
    assert swapped[joint("left_knee")] == joint("right_knee")
    assert swapped[joint("head")] == joint("head") and swapped[-1] == PARTS


def test_who_was_seen_the_wrong_way_round_is_turned() -> None:
    body = load_body()
    crop, pose, sigma = kicking_person()
    wrong_crop, wrong = turned_around(body, crop, pose)
    right_crop, right, is_turned = looked_at(wrong_crop, wrong, sigma)
    assert is_turned.all()
    joints = refine(body, right_crop, right, sigma).posed.joints
    assert (joints - body.pose(*pose).joints).norm(dim=-1).max() < 0.01


def test_who_was_seen_right_or_is_not_doubtful_stays() -> None:
    body = load_body()
    crop, pose, sigma = kicking_person()
    assert not looked_at(crop, pose, sigma)[2].any()
    wrong = turned_around(body, crop, pose)
    assert not looked_at(*wrong, sigma, doubtful=False)[2].any()
