"""Promise of the planning node beside Nav2: its planner server can be replaced by this one."""

from __future__ import annotations

import array

import numpy as np
import pytest

nav2 = pytest.importorskip("nav2_msgs.action", reason="nav2_msgs is not installed")

from plan_driver import (  # noqa: E402
    ABORTED,
    NODE,
    SUCCEEDED,
    PlanDriver,
    planar,
    points,
    two_rooms,
    write_weights,
)

from equi_nodes.ros import qos  # noqa: E402

THERE = planar(10.0, 2.0, 1.5)


@pytest.fixture(scope="module")
def driver(shared_start, shared_peer_of, tmp_path_factory):
    """Start one node, and speak to it as Nav2's behaviour tree does."""
    weights = write_weights(tmp_path_factory.mktemp("weights"))
    shared_start(NODE, weights=weights, backend="torch", log_period=0.0)
    driver = PlanDriver(
        shared_peer_of("e2_planner"), nav2.ComputePathToPose, "compute_path_to_pose"
    )
    driver.until_active()
    driver.map_arrives(two_rooms())
    return driver


def test_a_path_is_computed(driver):
    status, result = driver.plan(THERE, planner_id="equiv")
    assert status == SUCCEEDED
    assert np.allclose(points(result.path)[[0, -1]], [[1.0, 1.0], [10.0, 2.0]], atol=0.1)
    assert result.planning_time.nanosec > 0


def test_codes_and_sentences_are_given_as_far_as_the_action_has_them(driver):
    status, result = driver.plan(THERE, planner_id="GridBased")
    assert (status, len(result.path.poses)) == (ABORTED, 0)
    fields = result.get_fields_and_field_types()
    assert getattr(result, "error_code", 201) == 201
    assert "error_msg" not in fields or "choose one of equiv" in result.error_msg


def test_an_update_of_the_map_counts(driver):
    map_msgs = pytest.importorskip("map_msgs.msg", reason="map_msgs is not installed")
    driver.map_arrives(two_rooms())
    updates = driver.peer.create_publisher(
        map_msgs.OccupancyGridUpdate, "e2_planner/input/map_updates", qos.RESULT
    )
    driver.peer.until(lambda: updates.get_subscription_count() > 0, "updates connected")
    wall = np.full((10, 1), 100, np.int8)
    msg = map_msgs.OccupancyGridUpdate(x=60, y=80, width=1, height=10)
    msg.header.frame_id = "map"
    msg.data = array.array("b", wall.tobytes())
    updates.publish(msg)
    driver.peer.until(lambda: driver.plan(THERE)[0] == ABORTED, "the door is closed")
