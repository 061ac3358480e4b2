"""Promises of reading a demo's bag: everything is in the frame of the odometry, and in order."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.cli.demo_run import read_run
from equi_nodes.datasets.bags import Make, bag_writer, read_messages, summarize, typestore
from equi_nodes.errors import EquiError
from equi_nodes.geometry.rotations import exp_so3, rigid
from equi_nodes.ros.convert import track_array
from equi_nodes.ros.heard import Heard
from equi_nodes.ros.planning import grid_message
from equi_nodes.ros.simulation import odometry_message
from equi_nodes.samples import GridSample, TrackSample

make = Make()
SECOND = 1_000_000_000
TURN = rigid(exp_so3(np.array([0.0, 0.0, np.pi / 2])), np.array([3.0, 4.0, -0.1]))  # T_odom_w
RECORD = {
    "scenario": "office", "seed": 3,
    "goals": [{"place": [2.0, 0.0, 0.0], "sent_ns": SECOND, "arrived_ns": None, "reached_ns": None},
              {"place": [2.0, 1.0, 0.0], "sent_ns": None, "arrived_ns": None, "reached_ns": None}],
    "collisions": [{"stamp_ns": 2 * SECOND, "other": "wall", "is_robot_at_fault": True,
                    "place": [1.0, 0.0]}],
}  # fmt: skip


@pytest.fixture
def bag(tmp_path):
    """A bag of a robot that drives one metre along x, seen by an odometry in a turned frame."""
    cells = np.zeros((40, 80), np.int8)
    cells[[0, -1]], cells[:, [0, -1]] = 100, 100
    grid = GridSample(SECOND, "odom", 0.1, np.array([-2.0, -2.0, 0.0]), cells)
    people = TrackSample.of_positions(SECOND, "odom", [1], [(1.0, 1.0)])
    with bag_writer(tmp_path / "bag", is_compressed=True) as writer:

        def write(topic, stamp, message, **options):
            kind = message.__msgtype__
            data = bytes(typestore().serialize_cdr(message, kind))
            writer.write(topic, kind, stamp, data, **options)

        write("/ground_truth/map", SECOND, grid_message(grid, make), is_latched=True)
        write("/ground_truth/people", SECOND, track_array(people, make))
        for step in range(11):
            stamp = SECOND + step * SECOND // 10
            T = rigid(np.eye(3), np.array([0.1 * step, 0.0, 0.0]))
            for topic, pose in (("/ground_truth/odometry", T), ("/odom", TURN @ T)):
                message = odometry_message(stamp, "odom", pose, np.zeros(6), np.eye(6), make)
                write(topic, stamp, message)
    return tmp_path / "bag"


def test_a_bag_written_as_it_came_reads_as_any_other(bag):
    counts = {topic.name: topic.count for topic in summarize(bag).topics}
    assert counts["/odom"] == 11 and counts["/ground_truth/map"] == 1
    assert sum(1 for _ in read_messages(bag, "/odom")) == 11


def test_truth_is_brought_into_the_frame_of_the_odometry(bag):
    run = read_run(bag, Heard(record=RECORD, notes=["said"]))
    np.testing.assert_allclose(run.truth.poses, run.estimate.poses, atol=1e-9)
    np.testing.assert_allclose(run.people[0].positions[0, :2], [2.0, 5.0], atol=1e-9)
    np.testing.assert_allclose(run.goals[0].place, [3.0, 6.0, np.pi / 2], atol=1e-9)
    np.testing.assert_allclose(run.collisions[0].place, [3.0, 5.0], atol=1e-9)
    np.testing.assert_allclose(run.true_map.origin, [5.0, 2.0, np.pi / 2], atol=1e-9)
    assert run.goals[0].shortest_m == pytest.approx(2.0, abs=0.1)
    assert run.goals[1].shortest_m is None and run.goals[1].sent_ns is None
    assert (run.scenario, run.seed, run.notes) == ("office", 3, ("said",))
    assert run.map is None and not run.tracks and not run.plans


def test_a_run_that_did_not_begin_is_told_in_a_sentence(bag):
    with pytest.raises(EquiError, match="The run was over before the robot moved"):
        read_run(bag, Heard())
