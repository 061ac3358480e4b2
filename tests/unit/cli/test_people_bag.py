"""`equi bag make people`: what is in the bag, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.cli.main import main
from equi_nodes.cli.people_bag import CROPS_TOPIC, TRUTH_TOPIC
from equi_nodes.datasets.bags import read_messages
from equi_nodes.ros.clouds import cloud_sample
from equi_nodes.ros.convert import stamp_ns


def test_crops_and_true_bodies_of_every_sweep(recordings, tmp_path):
    recordings("mocap")
    path = tmp_path / "people.mcap"
    arguments = ["--seconds", "0.6", "--people", "3", "--rate", "5"]
    assert main(["bag", "make", "people", str(path), *arguments]) == 0
    crops = [message.message for message in read_messages(path, CROPS_TOPIC)]
    truth = [message.message for message in read_messages(path, TRUTH_TOPIC)]
    assert len(crops) == len(truth) == 3
    for crop, bodies in zip(crops, truth):
        cloud = cloud_sample(crop)
        assert stamp_ns(crop.header.stamp) == stamp_ns(bodies.header.stamp) > 0
        assert crop.header.frame_id == bodies.header.frame_id
        assert set(cloud.instance) == {1, 2, 3} == {body.id for body in bodies.bodies}
        for body in bodies.bodies:
            own = cloud.points[cloud.instance == body.id]
            assert body.points == len(own)
            pelvis = body.joints[0]
            assert np.linalg.norm(own.mean(0) - [pelvis.x, pelvis.y, pelvis.z]) < 0.5


@pytest.mark.parametrize("wrong", [["--people", "9"], ["--seconds", "0"], ["--rate", "1000"]])
def test_numbers_without_sense_are_refused(tmp_path, wrong, capsys):
    assert main(["bag", "make", "people", str(tmp_path / "people.mcap"), *wrong]) == 1
    assert f"{wrong[0]} is out of range" in "".join(capsys.readouterr())
