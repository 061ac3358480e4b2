"""Recordings of motion: what a file says, in the axes and joints of the body."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from equi_nodes.body.model import load_body
from equi_nodes.body.skeleton import joint
from equi_nodes.datasets.bvh import read_bvh
from equi_nodes.errors import EquiError

LIMBS = ("Collar", "Shldr", "ForeArm", "Hand"), ("Buttock", "Thigh", "Shin", "Foot")
JOINTS = [f"{side}{part}" for side in "lr" for limb in LIMBS for part in limb]


def nested(names: list[str]) -> str:
    """One joint in the other, the last one with an end."""
    if not names:
        return "End Site { OFFSET 0 0 1 }"
    rest = nested(names[1:])
    channels = "CHANNELS 3 Zrotation Xrotation Yrotation"
    return f"JOINT {names[0]} {{ OFFSET 0 1 0 {channels} {rest} }}"


def recording(frames: list[dict[str, list[float]]], left_out: str = "") -> str:
    """A file whose frames give some joints their numbers, the others zero."""
    limbs = [nested([f"{side}{part}" for part in limb]) for side in "lr" for limb in LIMBS]
    trunk = nested(["abdomen", "chest", "neck", "head"])
    place = "CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation"
    text = f"HIERARCHY ROOT hip {{ OFFSET 0 0 0 {place} {trunk} {' '.join(limbs)} }}"
    order = ["abdomen", "chest", "neck", "head", *JOINTS]
    rows = [
        " ".join(map(str, row.get("hip", [0] * 6) + sum((row.get(j, [0] * 3) for j in order), [])))
        for row in frames
    ]
    text += f"\nMOTION\nFrames: {len(rows)}\nFrame Time: 0.05\n" + "\n".join(rows) + "\n"
    return text.replace(left_out, "other") if left_out else text


def read(tmp_path, text: str):
    (tmp_path / "some.bvh").write_text(text)
    return read_bvh(tmp_path / "some.bvh")


def test_axes_and_units_are_those_of_robots(tmp_path):
    motion = read(tmp_path, recording([{"hip": [100, 200, 300, 0, 90, 0]}]))
    assert np.allclose(motion.translation, [[3.0, 1.0, 2.0]])  # forward, left, up
    left = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # a quarter turn about up
    assert np.allclose(motion.rotations, left, atol=1e-6)
    assert (motion.period, motion.name) == (0.05, "some")


def test_single_turns_are_multiplied_in_the_order_of_the_channels(tmp_path):
    motion = read(tmp_path, recording([{"abdomen": [90, 90, 0]}]))  # about z, then about x
    # In the file's axes x goes to y; y goes to z, then stays: x, y, z there are y, z, x here.
    turned = motion.rotations[0, joint("spine2")]
    assert np.allclose(turned @ [0, 1, 0], [0, 0, 1], atol=1e-6)
    assert np.allclose(turned @ [0, 0, 1], [1, 0, 0], atol=1e-6)


def test_a_joint_turns_all_after_it_and_nothing_before(tmp_path):
    motion = read(tmp_path, recording([{"lThigh": [0, -90, 0]}]))
    turned = {name for name in ("left_hip", "left_knee", "left_ankle", "left_foot")}
    for name in ("pelvis", "right_hip", "spine3", "left_wrist", *turned):
        is_turned = not np.allclose(motion.rotations[0, joint(name)], np.eye(3), atol=1e-6)
        assert is_turned == (name in turned)
    # The thigh hangs down at rest and is lifted to the front.
    assert np.allclose(motion.rotations[0, joint("left_hip")] @ [0, 0, -1], [1, 0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not a recording", "is no BVH"),
        (recording([{}, {}]).replace("Frames: 2", "Frames: 3"), "numbers for 3 frames"),
        (recording([{"hip": [float("nan")] * 6}]), "not finite"),
        (recording([{}], left_out="lThigh"), "no joint lThigh"),
    ],
)
def test_a_bad_file_is_named(tmp_path, text, words):
    with pytest.raises(EquiError, match=words):
        read(tmp_path, text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(EquiError, match="is no BVH"):
        read_bvh(tmp_path / "none.bvh")


def test_in_the_first_frame_of_every_clip_the_body_stands_in_a_t_pose(recordings):
    body = load_body()
    clips = sorted(recordings("mocap").glob("*.bvh"))
    assert len(clips) == 63
    first = torch.from_numpy(np.stack([read_bvh(clip).rotations[0] for clip in clips]))
    count = len(clips)
    joints = body.pose(first, torch.zeros(count, 10), torch.zeros(count, 3)).joints
    chains = {"left_shoulder": "left_elbow", "left_elbow": "left_wrist", "left_hip": "left_knee",
              "left_knee": "left_ankle"}  # fmt: skip
    for start, end in chains.items():
        for side, sign in (("left", 1.0), ("right", -1.0)):
            a, b = (joint(name.replace("left", side)) for name in (start, end))
            limb = torch.nn.functional.normalize(joints[:, b] - joints[:, a], dim=-1)
            is_leg = "hip" in start or "knee" in start
            wanted = torch.tensor([0.0, 0.0, -1.0] if is_leg else [0.0, sign, 0.0])
            off = torch.rad2deg((limb @ wanted).clamp(-1, 1).acos())
            assert off.mean() < (5 if is_leg else 2)  # the recordings keep legs a little bent
            assert off.max() < (10 if is_leg else 4)
