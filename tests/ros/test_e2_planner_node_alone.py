"""Promise of a planning node of its own: no map or a huge one, its rate, its end."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from equi_msgs.action import ComputePlan
from plan_driver import (
    ABORTED,
    CANCELED,
    NODE,
    SUCCEEDED,
    PlanDriver,
    planar,
    points,
    two_rooms,
)

Code = ComputePlan.Result
THERE = planar(10.0, 2.0, 1.5)


def test_without_a_map_or_a_transform_that_is_said(start, peer_of, weights):
    node = start(NODE, "-r", "__node:=mapless", weights=weights, backend="torch")
    driver = PlanDriver(peer_of("mapless"))
    driver.T_map_odom = None
    driver.until_active()
    status, result = driver.plan(THERE)
    assert (status, result.error_msg) == (ABORTED, "no map has come yet")
    driver.map_arrives(two_rooms())
    status, result = driver.plan(THERE)
    assert (status, result.error_code) == (ABORTED, Code.TF_ERROR)
    assert "joins 'map' of the map and 'odom' of the start" in result.error_msg
    code, seconds = node.end(signal.SIGTERM)
    assert (code, seconds < 2.0) == (0, True)


def test_a_huge_map_is_planned_cancelled_replaced_and_left(start, peer_of, weights):
    node = start(NODE, "-r", "__node:=huge", weights=weights, backend="torch", time_limit=0.05)
    driver = PlanDriver(peer_of("huge"))
    driver.until_active()
    driver.robot = planar(20.0, 20.0)
    huge = np.zeros((4000, 4000), np.int8)
    huge[50:, 500::1000] = huge[:-50, 1000::1000] = 100  # a winding way of kilometres
    driver.map_arrives(huge)
    there = planar(380.0, 20.0)
    _, result = driver.plan(there)
    assert (result.error_code, result.planner) == (Code.TIMEOUT, "none")
    assert "within 0.05 s" in result.error_msg
    handle = driver.ask(there)
    driver.answer(handle.cancel_goal_async())
    assert driver.answer(handle.get_result_async(), "an end").status == CANCELED
    handle = driver.ask(there)
    driver.send_map(two_rooms())
    assert driver.answer(handle.get_result_async(), "an end").status in (SUCCEEDED, ABORTED)
    driver.robot = planar(1.0, 1.0)
    driver.peer.until(lambda: driver.plan(THERE)[0] == SUCCEEDED, "a plan on the newer map")
    driver.map_arrives(huge)
    driver.robot = planar(20.0, 20.0)
    driver.ask(there)
    code, seconds = node.end()
    assert (code, seconds < 2.0) == (0, True)
    assert "Traceback" not in node.text


def test_it_plans_at_its_rate_on_an_older_map_with_the_pose_from_tf(start, peer_of, weights):
    driver = PlanDriver(peer_of("rated"))
    driver.send_map(two_rooms())  # before there is a node
    node = start(
        NODE, "-r", "__node:=rated", weights=weights, backend="torch", replan_rate=5.0,
        base_frame="base_link",
    )  # fmt: skip
    peer = driver.peer
    peer.until(lambda: peer.statuses and peer.statuses[-1].message.startswith("active"), "active")
    driver.send_goal(THERE)

    def has_path() -> bool:  # a transform that is sent before the node listens is lost
        driver.send_transform("map", "base_link", planar(2.0, 1.0))
        return bool(driver.paths and driver.paths[-1].poses)

    peer.until(has_path, "a path")
    driver.paths.clear()
    for step in range(20):
        driver.send_transform("map", "base_link", planar(2.0 + 0.05 * step, 1.0))
        peer.spin(0.1)
    starts = [points(path)[0, 0] for path in driver.paths if path.poses]
    assert 6 <= len(starts) <= 15
    assert starts[-1] == pytest.approx(2.95, abs=0.3)
    code, seconds = node.end()
    assert (code, seconds < 2.0) == (0, True)
