"""Bodies as messages and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from equi_nodes.body.model import load_body
from equi_nodes.datasets.bags import Make
from equi_nodes.geometry.rotations import exp_so3
from equi_nodes.pipelines.body_results import no_bodies
from equi_nodes.ros.bodies import body_array, skeletons
from equi_nodes.samples import CloudSample


def test_joints_and_turns_come_back_from_a_message():
    rng, people = np.random.default_rng(0), 2
    each = np.ones(people)
    turns = exp_so3(rng.normal(0, 1, (people, 22, 3)))
    sample = replace(
        no_bodies(CloudSample(5, "odom", np.zeros((0, 3))), load_body(), {}, ()),
        ids=np.array([4, 9]), accepted=each > 0, reasons=("", ""), rotations=turns,
        local_rotations=turns, rotation_sigmas=np.ones((people, 22)),
        joints=rng.normal(0, 1, (people, 22, 3)),
        joint_covariances=np.zeros((people, 22, 3, 3)), shapes=np.zeros((people, 10)),
        part_confidences=np.ones((people, 22)), residuals=each, coverages=each,
        counts=np.array([7, 8]),
    )  # fmt: skip
    back = skeletons(body_array(sample, Make()))
    assert list(back) == [4, 9]
    for row, one in enumerate(back.values()):
        assert np.array_equal(one.joints, sample.joints[row])
        assert np.allclose(one.rotations, turns[row], atol=1e-12)
