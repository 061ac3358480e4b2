"""Promise of the planning action: every goal ends, with Nav2's code and one sentence."""

from __future__ import annotations

import numpy as np
import pytest
from equi_msgs.action import ComputePlan
from lifecycle_msgs.msg import Transition
from plan_driver import (
    ABORTED,
    CANCELED,
    NODE,
    SUCCEEDED,
    PlanDriver,
    planar,
    points,
    two_rooms,
    yaw,
)

from equi_nodes.samples import PlanCode

Code = ComputePlan.Result
THERE = planar(10.0, 2.0, 1.5)


@pytest.fixture(scope="module")
def driver(shared_start, shared_peer_of, weights):
    """Start one node for all goals and faults: each has to leave it planning for the next."""
    shared_start(NODE, weights=weights, backend="torch", log_period=0.0)
    driver = PlanDriver(shared_peer_of("e2_planner"))
    driver.until_active()
    driver.map_arrives(two_rooms())
    return driver


@pytest.fixture(autouse=True)
def plans_before_and_after(request):
    """See the shared node plan before and after each goal or fault."""
    if "driver" not in request.fixturenames:
        yield
        return
    driver = request.getfixturevalue("driver")
    yield
    status, result = driver.plan(THERE)
    assert (status, result.error_code, result.error_msg) == (SUCCEEDED, Code.NONE, "")


def test_codes_are_those_of_the_planner():
    assert {code.name: code.value for code in PlanCode} == {
        name: getattr(Code, name) for name in PlanCode.__members__
    }


def test_a_path_is_complete(driver):
    status, result = driver.plan(THERE)
    assert (status, result.planner) == (SUCCEEDED, "known_map")
    way = points(result.path)
    assert np.allclose(way[[0, -1]], [[1.0, 1.0], [10.0, 2.0]], atol=0.1)
    assert np.hypot(*np.diff(way, axis=0).T).max() < 0.3
    assert way[np.abs(way[:, 0] - 6.05).argmin(), 1] == pytest.approx(8.5, abs=0.5)
    assert yaw(result.path.poses[-1]) == pytest.approx(1.5)
    assert {pose.header.frame_id for pose in result.path.poses} == {"map"}
    assert result.path.header.stamp.sec > 0
    assert result.planning_time.sec + result.planning_time.nanosec > 0


def test_start_equal_to_goal_gives_one_pose(driver):
    status, result = driver.plan(planar(1.0, 1.0, 0.7))
    assert (status, len(result.path.poses)) == (SUCCEEDED, 1)
    assert yaw(result.path.poses[0]) == pytest.approx(0.7)


def test_a_given_start_is_taken(driver):
    _, result = driver.plan(THERE, start=planar(8.0, 5.0))
    assert np.allclose(points(result.path)[0], [8.0, 5.0], atol=0.1)


@pytest.mark.parametrize("planner", ["equiv", "a_star"])
def test_planners_are_chosen_by_name(driver, planner):
    assert driver.plan(THERE, planner_id=planner)[0] == SUCCEEDED


@pytest.mark.parametrize(
    ("goal", "fields", "code", "sentence"),
    [
        (THERE, {"planner_id": "NavfnPlanner"}, Code.INVALID_PLANNER, "choose one of equiv,"),
        (THERE, {"frame": "moon"}, Code.TF_ERROR, "no transform joins 'map' of the map and 'moon'"),
        (planar(20.0, 2.0), {}, Code.GOAL_OUTSIDE_MAP, "the goal is outside the map"),
        (planar(2.0, 3.0), {"start": planar(-1, 3)}, Code.START_OUTSIDE_MAP, "outside the map"),
        (planar(2.0, 3.0), {"start": planar(6.05, 3)}, Code.START_OCCUPIED, "in an obstacle"),
        (planar(6.05, 3.0), {"tolerance": 0.05}, Code.GOAL_OCCUPIED, "the goal is blocked"),
        (planar(np.nan, 3.0), {}, Code.UNKNOWN, "its position is not a finite number"),
        (THERE, {"frame": ""}, Code.UNKNOWN, "the frame_id of the goal is empty"),
        (THERE, {"tolerance": np.nan}, Code.UNKNOWN, "the tolerance is nan m"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else None,
)  # fmt: skip
def test_what_cannot_be_planned_has_its_code(driver, goal, fields, code, sentence):
    status, result = driver.plan(goal, **fields)
    assert (status, result.error_code, result.planner) == (ABORTED, code, "none")
    assert sentence in result.error_msg
    assert not result.path.poses


def test_no_way_is_said(driver):
    driver.map_arrives(two_rooms(door=(0, 0)))
    status, result = driver.plan(THERE)
    assert (status, result.error_code) == (ABORTED, Code.NO_VALID_PATH)
    driver.map_arrives(two_rooms())


def test_a_blocked_goal_is_approached_within_the_tolerance(driver):
    _, result = driver.plan(planar(6.05, 3.0), tolerance=1.0)
    assert result.error_code == Code.NONE
    assert 0.1 < np.hypot(*(points(result.path)[-1] - (6.05, 3.0))) <= 1.0


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"shape": (99, 120)}, "it has 12000 cells, 120 x 99 are 11880"),
        ({"resolution": 0.0}, "its resolution is 0 m"),
        ({"resolution": float("nan")}, "its resolution is nan m"),
        ({"shape": (0, 120)}, "it has no cells"),
        ({"origin": (float("nan"), 0.0, 0.0)}, "its origin: its position is not a finite number"),
    ],
)
def test_a_bad_map_is_named_and_the_last_good_one_stays(driver, fields, sentence):
    def send() -> None:
        driver.send_map(two_rooms(), **fields)

    send()
    driver.peer.until_says("input map", sentence, again=send)
    assert driver.plan(THERE)[0] == SUCCEEDED


def test_an_unknown_map_is_planned_through(driver):
    driver.map_arrives(np.full((100, 120), -1, np.int8))
    status, result = driver.plan(THERE)
    assert (status, result.planner in ("network", "a_star")) == (SUCCEEDED, True)
    driver.map_arrives(two_rooms())


def test_a_turned_map_gives_the_turned_path(driver):
    way = points(driver.plan(THERE, start=planar(1.0, 1.0))[1].path)
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    driver.map_arrives(two_rooms(), origin=(0.0, 0.0, np.pi / 2))
    _, result = driver.plan(planar(-2.0, 10.0), start=planar(-1.0, 1.0))
    driver.map_arrives(two_rooms())
    assert np.allclose(points(result.path), way @ turn.T, atol=1e-6)


def test_a_goal_and_a_robot_in_other_frames_are_transformed(driver):
    driver.T_map_odom, driver.robot = planar(1.0, 1.0, np.pi / 2), planar(0.5, 0.0)
    driver.peer.spin(0.2)
    _, result = driver.plan(planar(5.0, -2.0), frame="odom")
    driver.T_map_odom, driver.robot = np.eye(4), planar(1.0, 1.0)
    driver.peer.spin(0.2)
    assert np.allclose(points(result.path)[[0, -1]], [[1.0, 1.5], [3.0, 6.0]], atol=0.1)


def test_an_old_pose_is_no_pose(driver):
    driver.robot = None
    driver.peer.spin(1.3)
    status, result = driver.plan(THERE)
    driver.robot = planar(1.0, 1.0)
    driver.peer.spin(0.2)
    assert (status, result.error_code) == (ABORTED, Code.TF_ERROR)
    assert "no odometry for" in result.error_msg


def test_feedback_tells_what_is_done(driver):
    driver.feedback.clear()
    driver.plan(THERE)
    driver.peer.until(lambda: set(driver.feedback) == {"waiting", "planning"}, "both feedbacks")


def test_a_goal_cancelled_at_once_ends(driver):
    for _ in range(10):
        handle = driver.ask(THERE)
        cancel = handle.cancel_goal_async()
        answer = driver.answer(handle.get_result_async(), "an end")
        driver.answer(cancel)
        assert answer.status in (SUCCEEDED, CANCELED)
        if answer.status == CANCELED:
            assert answer.result.error_msg == "cancelled by the client"


def test_a_hundred_goals_at_once_all_end(driver):
    goals = [planar(8.0, 1.0 + 0.05 * number) for number in range(100)]
    futures = [driver.send(goal) for goal in goals]
    driver.peer.until(lambda: all(f.done() for f in futures), "all are accepted")
    results = [f.result().get_result_async() for f in futures]
    driver.peer.until(lambda: all(f.done() for f in results), "all end")
    ends = [f.result() for f in results]
    assert ends[-1].status == SUCCEEDED
    assert np.allclose(points(ends[-1].result.path)[-1], goals[-1][:2, 3], atol=0.1)
    for end in ends:
        if end.status != SUCCEEDED:
            assert (end.status, end.result.error_msg) == (ABORTED, "replaced by a newer goal")
    replaced = sum(end.status == ABORTED for end in ends)
    driver.peer.until(
        lambda: int(driver.peer.value("planning", "goals_replaced") or 0) >= replaced, "counted"
    )


def test_plans_are_counted_by_code_and_planner(driver):
    driver.plan(planar(20.0, 2.0))
    peer = driver.peer
    before = len(peer.diagnostics)
    peer.until(lambda: len(peer.diagnostics) > before + 1, "news")
    assert int(peer.value("planning", "code.GOAL_OUTSIDE_MAP")) >= 1
    assert int(peer.value("planning", "planner.known_map")) >= 1
    assert float(peer.value("planning", "planning_ms_p99")) > 0.0


def test_an_inactive_node_rejects_goals_and_plans_again_when_active(driver):
    assert driver.peer.change(Transition.TRANSITION_DEACTIVATE)
    assert not driver.answer(driver.send(THERE)).accepted
    assert driver.peer.change(Transition.TRANSITION_CLEANUP)
    assert not driver.answer(driver.send(THERE)).accepted
    assert driver.peer.change(Transition.TRANSITION_CONFIGURE)
    assert driver.peer.change(Transition.TRANSITION_ACTIVATE)
    driver.until_active()
    driver.peer.until(lambda: driver.plan(THERE)[0] == SUCCEEDED, "a plan on the latched map")


def test_a_transform_that_is_no_number_is_no_place(driver):
    driver.T_map_odom = planar(np.nan, 0.0)
    driver.peer.spin(0.2)
    status, result = driver.plan(THERE)
    driver.T_map_odom = np.eye(4)
    driver.peer.spin(0.2)
    assert (status, result.error_code) == (ABORTED, Code.TF_ERROR)
