"""Promise of the kept goal: its path is planned anew at a rate, and at once when it must."""

from __future__ import annotations

import time

import numpy as np
import pytest
from plan_driver import NODE, PlanDriver, planar, points, two_rooms, yaw
from visualization_msgs.msg import Marker, MarkerArray

from equi_nodes.ros.convert import stamp_ns

THERE = planar(10.0, 2.0, 1.5)


@pytest.fixture(scope="module")
def driver(shared_start, shared_peer_of, weights):
    """Start one node that plans anew only when it must."""
    shared_start(NODE, weights=weights, backend="torch", log_period=0.0, replan_rate=0.0)
    driver = PlanDriver(shared_peer_of("e2_planner"))
    driver.until_active()
    return driver


@pytest.fixture(autouse=True)
def fresh(driver):
    """Begin with the map of two rooms, the robot at its place and nobody about."""
    driver.robot = planar(1.0, 1.0)
    driver.map_arrives(two_rooms())
    driver.peer.spin(0.2)


def follow(driver, T=THERE, frame="map"):
    """Send a goal and return the first path to it."""
    driver.paths.clear()
    driver.send_goal(T, frame)
    driver.peer.until(lambda: driver.paths, "a path")
    return driver.paths[-1]


def crossing(path, x=6.05):
    """Return the y at which a path crosses the wall."""
    way = points(path)
    return way[np.abs(way[:, 0] - x).argmin(), 1]


def test_a_goal_gives_a_path_at_once(driver):
    began = time.monotonic()
    path = follow(driver)
    assert time.monotonic() - began < 1.0
    assert path.header.frame_id == "map"
    assert stamp_ns(path.header.stamp) <= driver.peer.now_ns()
    assert np.allclose(points(path)[[0, -1]], [[1.0, 1.0], [10.0, 2.0]], atol=0.1)
    assert yaw(path.poses[-1]) == pytest.approx(1.5)


def test_a_map_that_closes_the_path_makes_another_one(driver):
    assert crossing(follow(driver)) == pytest.approx(8.5, abs=0.5)
    driver.send_map(two_rooms(door=(20, 30)))
    driver.send(THERE)  # another goal is planned on that map
    driver.peer.until(lambda: len(driver.paths) > 1, "another path", 3.0)
    assert crossing(driver.paths[-1]) == pytest.approx(2.5, abs=0.5)


def test_a_map_that_leaves_the_path_open_makes_none(driver):
    follow(driver)
    driver.map_arrives(two_rooms(door=(70, 90)))
    driver.peer.spin(0.5)
    assert len(driver.paths) == 1


def test_no_way_gives_an_empty_path_and_says_why(driver):
    follow(driver)
    driver.send_map(two_rooms(door=(0, 0)))
    driver.peer.until(lambda: len(driver.paths) > 1, "another path", 3.0)
    assert not driver.paths[-1].poses
    driver.peer.until_says("planning", "no plan to the goal, NO_VALID_PATH: no path leads", level=1)
    driver.send_map(two_rooms())
    driver.peer.until(lambda: driver.paths[-1].poses, "a path as soon as the door is open", 3.0)


def test_a_goal_of_no_known_frame_says_so(driver):
    assert not follow(driver, frame="moon").poses
    driver.peer.until_says("planning", "TF_ERROR: no transform joins 'map' of the map and 'moon'")


def test_a_goal_in_a_moving_frame_stays_where_it_was(driver):
    driver.send_transform("odom", "base_link", planar(1.0, 1.0))
    driver.peer.spin(0.2)
    assert np.allclose(
        points(follow(driver, planar(2.0, 3.0), "base_link"))[-1], [3.0, 4.0], atol=0.1
    )
    driver.robot = planar(2.0, 1.0)
    driver.send_transform("odom", "base_link", driver.robot)
    driver.peer.spin(0.2)
    cells = two_rooms()
    cells[25, 10:30] = 100
    driver.send_map(cells)
    driver.peer.until(lambda: len(driver.paths) > 1, "another path", 3.0)
    assert np.allclose(points(driver.paths[-1])[[0, -1]], [[2.0, 1.0], [3.0, 4.0]], atol=0.1)


def test_a_kept_goal_is_not_forgotten_among_those_of_the_action(driver):
    driver.paths.clear()
    futures = [driver.send(THERE) for _ in range(10)]
    driver.send_goal(THERE)
    futures += [driver.send(THERE) for _ in range(10)]
    driver.peer.until(lambda: driver.paths, "a path")
    results = [driver.answer(future).get_result_async() for future in futures]
    driver.peer.until(lambda: all(result.done() for result in results), "all end")


def test_a_bad_goal_is_named(driver):
    def send() -> None:
        driver.send_goal(planar(np.nan, 1.0))

    send()
    driver.peer.until_says("input goal", "its position is not a finite number", again=send)


def test_people_are_avoided_as_soon_as_they_come(driver):
    cells = two_rooms(door=(12, 22))
    cells[30:40, 60] = 0
    driver.map_arrives(cells)
    driver.robot = planar(4.8, 1.7)
    driver.peer.spin(0.2)
    assert crossing(follow(driver, planar(8.0, 1.7))) == pytest.approx(1.7, abs=0.5)
    for _ in range(20):
        driver.send_people([[6.0, 1.7]])
        driver.peer.spin(0.1)
        if len(driver.paths) > 1:
            break
    assert crossing(driver.paths[-1]) == pytest.approx(3.5, abs=0.5)


def test_markers_are_drawn_for_those_who_look(driver):
    drawn: list[MarkerArray] = []
    viewer = driver.peer.create_subscription(
        MarkerArray, "e2_planner/output/markers", drawn.append, 10
    )
    cells = two_rooms()
    cells[:, 70:] = -1
    driver.map_arrives(cells)
    driver.peer.until(lambda: driver.plan(THERE) and drawn, "markers")
    layers = {marker.ns: marker for marker in drawn[-1].markers}
    assert set(layers) == {"graph", "values", "frontiers", "path", "planner", "frontier_scores"}
    assert layers["path"].action == Marker.ADD
    assert layers["planner"].text.split(",")[0] in ("network", "a_star")
    driver.peer.destroy_subscription(viewer)
