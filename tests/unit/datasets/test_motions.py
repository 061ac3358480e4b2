"""Splits of the recorded motions, and what is cut out of them."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.datasets.bvh import Motion
from equi_nodes.datasets.motions import FASTEST, SPLITS, category, clean, joint_speeds, motions
from equi_nodes.errors import EquiError
from equi_nodes.geometry.rotations import exp_so3

PERIOD = 1 / 30


def elbow_motion(angles: np.ndarray) -> Motion:
    rotations = np.tile(np.eye(3), (len(angles), 22, 1, 1))
    rotations[:, 18] = exp_so3(np.stack([0 * angles, 0 * angles, angles], 1))
    return Motion(rotations.astype(np.float32), np.zeros((len(angles), 3), np.float32), PERIOD, "a")


def test_speed_is_that_of_the_joint_alone():
    speeds = joint_speeds(elbow_motion(np.arange(5) * 0.1))
    assert speeds.shape == (4, 22)
    assert speeds[:, 18] == pytest.approx(3.0, rel=1e-3)
    assert speeds[:, 20] == pytest.approx(3.0, rel=1e-3)  # the hand stayed where it was
    assert speeds[:, :18].max() < 0.02


def test_a_motion_is_cut_at_a_flip_and_both_its_frames_are_left_out():
    angles = np.concatenate([np.zeros(10), np.full(8, 2.0)])
    parts = list(clean(elbow_motion(angles)))
    assert [len(part.rotations) for part in parts] == [9, 7]
    assert all(joint_speeds(part).max() < FASTEST for part in parts)
    assert all(part.name == "a" and part.period == PERIOD for part in parts)


def test_what_is_short_between_two_flips_is_left_out():
    angles = np.concatenate([np.zeros(10), np.full(4, 2.0), np.zeros(10)])
    assert [len(part.rotations) for part in clean(elbow_motion(angles))] == [9, 9]


def test_an_unknown_split_is_named():
    with pytest.raises(EquiError, match="take train, test, ood"):
        motions("validation")


def test_splits_share_no_recording_and_keep_nearly_all_of_it(recordings):
    recordings("mocap")
    names = {split: {motion.name for motion in motions(split)} for split in SPLITS}
    assert [len(names[split]) for split in SPLITS] == [36, 12, 15]
    assert not set.intersection(names["train"], names["test"] | names["ood"])
    kept = {split: sum(len(m.rotations) for m in motions(split)) for split in SPLITS}
    assert kept["train"] > 0.98 * 10418
    assert kept["test"] > 0.98 * 2599
    assert kept["ood"] > 0.9 * 5792


def test_no_joint_of_the_motions_flips(recordings):
    recordings("mocap")
    assert all(joint_speeds(motion).max() <= FASTEST for motion in motions("ood"))


def test_walking_goes_forward(recordings):
    recordings("mocap")
    walk = next(m for m in motions("train") if m.name == "02_01")
    assert category(walk) == "walk"
    ahead = walk.rotations[:, 0, :, 0].mean(0)
    assert (walk.translation[-1] - walk.translation[0]) @ ahead > 2.0
