"""Sweeps wait for the odometry of their time, and what is missing is named."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.ros import odometry as to_message
from equi_nodes.ros.convert import header
from equi_nodes.ros.messages import make
from equi_nodes.ros.posed_clouds import CloudPoser
from equi_nodes.samples import CloudSample

SECOND = 1_000_000_000
T_BASE_LIDAR = rigid(np.eye(3), np.array([0.1, 0.0, 0.5]))


def where(seconds):
    return rigid(exp_so3(np.array([0.0, 0.0, 0.5 * seconds])), np.array([0.7 * seconds, 0.0, 0.0]))


def odometry(seconds):
    return make(
        "nav_msgs/msg/Odometry",
        header=header(round(seconds * SECOND), "odom", make),
        child_frame_id="base_link",
        pose=make(
            "geometry_msgs/msg/PoseWithCovariance", pose=to_message.pose(where(seconds), make)
        ),
    )


def sweep(seconds):
    times = np.linspace(0.0, 0.1, 5, dtype=np.float32)
    return CloudSample(round(seconds * SECOND), "lidar", np.zeros((5, 3), np.float32), times)


@pytest.fixture
def poser():
    poser = CloudPoser(patience=0.3)
    items = [("base_link", "lidar", T_BASE_LIDAR)]
    poser.tree.add(to_message.transforms(1, items, make))
    return poser


def test_a_sweep_waits_for_the_odometry_of_its_last_point(poser):
    poser.odometry(odometry(1.0))
    assert poser.cloud(sweep(1.0)) == []
    assert poser.odometry(odometry(1.02)) == []
    (posed,) = poser.odometry(odometry(1.1))
    assert posed.frame_id == "odom"
    np.testing.assert_allclose(posed.poses[0], where(1.0) @ T_BASE_LIDAR, atol=1e-9)
    np.testing.assert_allclose(posed.poses[-1], where(1.1) @ T_BASE_LIDAR, atol=1e-9)
    assert (posed.times[0], posed.times[-1]) == (0.0, pytest.approx(0.1))


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda poser: None, "no odometry has come"),
        (lambda poser: poser.odometry(odometry(5.0)), "no odometry of the time of the sweep"),
        (
            lambda poser: (setattr(poser, "tree", CloudPoser(0.3).tree), *follow(poser)),
            "tf_static does not join base_link of the odometry and lidar",
        ),
    ],
)
def test_a_sweep_that_cannot_be_posed_is_given_up_with_the_reason(poser, break_it, sentence):
    break_it(poser)
    for number in range(10, 20):
        assert poser.cloud(sweep(number / 10)) == []
    assert sentence in poser.problem
    assert poser.lost == 6


def follow(poser):
    return [poser.odometry(odometry(number / 20)) for number in range(20, 42)]


def test_time_that_went_back_is_forgotten_by_hand(poser):
    poser.odometry(odometry(5.0))
    poser.cloud(sweep(5.0))
    poser.clear()
    poser.odometry(odometry(1.0))
    assert len(poser.cloud(sweep(1.0))) == 0
    assert len(poser.odometry(odometry(1.1))) == 1
