"""Maps, poses and plans as messages: read, refused with the reason, written."""

from __future__ import annotations

import array
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed")

from plan_driver import planar, points, stamped, two_rooms, yaw  # noqa: E402
from visualization_msgs.msg import Marker  # noqa: E402

from equi_nodes.ros.convert import header  # noqa: E402
from equi_nodes.ros.guard import EventGuard  # noqa: E402
from equi_nodes.ros.messages import make  # noqa: E402
from equi_nodes.ros.plan_markers import plan_markers  # noqa: E402
from equi_nodes.ros.plan_steps import PlanDesk  # noqa: E402
from equi_nodes.ros.planning import (  # noqa: E402
    grid_message,
    grid_problem,
    grid_sample,
    is_blocked,
    people_in,
    place_problem,
    plan_path,
    update_problem,
    updated,
)
from equi_nodes.samples import (  # noqa: E402
    GridSample,
    PlanCode,
    PlanGraph,
    PlanSample,
    PredictionSample,
)

FREE = np.zeros((20, 30), np.int8)


def map_message(cells=FREE, origin=(1.0, 2.0, 0.0), resolution=0.1):
    """Return a map as a message."""
    return grid_message(GridSample(5, "map", resolution, np.array(origin), cells), make)


def update_message(cells, x=0, y=0, frame="map"):
    """Return what ``map_msgs/OccupancyGridUpdate`` has, which is not installed everywhere."""
    height, width = cells.shape
    return SimpleNamespace(
        header=header(7, frame, make), x=x, y=y, width=width, height=height,
        data=array.array("b", cells.tobytes()),
    )  # fmt: skip


def grid(cells=FREE, origin=(0.0, 0.0, 0.0)):
    """Return a map of 0.1 m a cell."""
    return GridSample(5, "map", 0.1, np.array(origin), cells)


def plan(poses=((1.0, 2.0, 0.5), (1.1, 2.0, -3.0)), **fields):
    """Return a plan."""
    return PlanSample(9, "map", PlanCode.NONE, "", np.array(poses).reshape(-1, 3), **fields)


def test_a_map_is_read_as_it_lies():
    cells = FREE.copy()
    cells[3, 4], cells[19, 29] = 100, -1
    sample = grid_sample(map_message(cells, (1.0, 2.0, 0.3)))
    assert (sample.stamp_ns, sample.frame_id) == (5, "map")
    assert sample.resolution == pytest.approx(0.1)
    assert np.allclose(sample.origin, [1.0, 2.0, 0.3])
    assert (sample.cells == cells).all()


def test_a_map_is_written_as_it_is_read():
    cells = np.arange(-1, 5, dtype=np.int8).reshape(2, 3)
    grid = GridSample(12, "odom", 0.05, np.array([-3.0, 2.5, 0.4]), cells)
    back = grid_sample(grid_message(grid, make))
    np.testing.assert_allclose(back.origin, grid.origin)
    np.testing.assert_array_equal(back.cells, cells)
    assert (back.stamp_ns, back.frame_id) == (12, "odom")
    assert back.resolution == pytest.approx(0.05)


def test_a_sound_map_has_no_problem():
    assert grid_problem(map_message()) == ""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: setattr(m.info, "width", 31), "it has 600 cells, 31 x 20 are 620"),
        (lambda m: setattr(m.info, "width", 0), "it has no cells: 0 x 20"),
        (lambda m: setattr(m.info, "height", 2**31), "are more than the limit"),
        (lambda m: setattr(m.info, "resolution", -0.1), "its resolution is -0.1 m"),
        (lambda m: setattr(m.info, "resolution", float("inf")), "its resolution is inf m"),
        (lambda m: setattr(m.info.origin.position, "x", float("nan")), "its origin: its position"),
        (lambda m: setattr(m.info.origin.orientation, "w", 0.0), "its orientation has the length"),
        (lambda m: setattr(m.info.origin, "orientation", _leaning()), "its origin is tilted"),
        (lambda m: m.data.__setitem__(0, 101), "it has cells outside -1..100"),
        (lambda m: m.data.__setitem__(0, -2), "it has cells outside -1..100"),
    ],
)
def test_what_is_wrong_with_a_map_is_said(change, sentence):
    msg = map_message()
    change(msg)
    assert sentence in grid_problem(msg)


def _leaning():
    return make("geometry_msgs/msg/Quaternion", x=np.sin(0.2), y=0.0, z=0.0, w=np.cos(0.2))


def test_an_update_is_laid_on_a_copy_of_the_map():
    before = grid()
    patch = np.full((2, 3), 100, np.int8)
    after = updated(before, update_message(patch, x=4, y=5))
    assert after.stamp_ns == 7
    assert (after.cells[5:7, 4:7] == 100).all()
    assert after.cells.sum() == 600
    assert not before.cells.any()


@pytest.mark.parametrize(
    ("msg", "known", "sentence"),
    [
        (update_message(FREE), None, "no map has come before it"),
        (update_message(FREE, frame="odom"), grid(), "its frame is 'odom', that of the map is"),
        (update_message(FREE, x=1), grid(), "its cells lie outside the map of 30 x 20"),
        (update_message(FREE, y=-1), grid(), "its cells lie outside the map of 30 x 20"),
        (update_message(FREE - 3), grid(), "it has cells outside -1..100"),
        (update_message(FREE), grid(), ""),
    ],
)
def test_what_is_wrong_with_an_update_is_said(msg, known, sentence):
    assert sentence in update_problem(msg, known)
    assert bool(sentence) == bool(update_problem(msg, known))


def test_a_place_without_a_frame_or_with_a_bad_pose_is_refused():
    assert place_problem(stamped(planar(1.0, 2.0)), "goal") == ""
    assert "the frame_id of the goal" in place_problem(stamped(planar(1.0, 2.0), ""), "goal")
    msg = stamped(planar(1.0, 2.0))
    msg.pose.orientation.w = msg.pose.orientation.z = 0.0
    assert "length 0, it must be 1" in place_problem(msg, "goal")


def test_a_path_carries_its_poses_frame_and_stamp():
    msg = plan_path(plan(), make)
    assert np.allclose(points(msg), [[1.0, 2.0], [1.1, 2.0]])
    assert [yaw(p) for p in msg.poses] == pytest.approx([0.5, -3.0])
    assert (msg.header.frame_id, msg.poses[1].header.stamp.nanosec) == ("map", 9)
    assert not plan_path(PlanSample(9, "map", PlanCode.TIMEOUT), make).poses


@pytest.mark.parametrize("turn", [0.0, np.pi / 2, 2.0])
def test_a_path_is_blocked_by_an_obstacle_on_it_in_any_map_frame(turn):
    T = planar(5.0, -3.0, turn)
    way = np.stack([np.linspace(1.0, 9.0, 80), np.full(80, 5.0), np.zeros(80)], axis=-1)
    poses = way.copy()
    poses[:, :2] = way[:, :2] @ T[:2, :2].T + T[:2, 3]
    origin = (5.0, -3.0, turn)
    assert is_blocked(poses, grid(two_rooms(), origin), 65, 0.2)
    assert not is_blocked(poses, grid(two_rooms(door=(45, 55)), origin), 65, 0.2)
    assert is_blocked(poses, grid(two_rooms(door=(49, 51)), origin), 65, 0.4)


def test_a_path_outside_a_map_is_not_blocked_by_it():
    far = np.full((3, 3), 1e4)
    assert not is_blocked(far, grid(two_rooms()), 65, 0.2)
    assert not is_blocked(np.full((3, 3), -50.0), grid(two_rooms()), 65, 0.2)


def test_people_are_turned_with_their_covariances():
    people = PredictionSample(
        0, "odom", 1, np.zeros(1, int), np.array([[1.0, 0.0, 0.0]]), np.ones(1, int),
        np.array([[[[2.0, 0.0]]]]), np.ones((1, 1)), np.diag([4.0, 1.0])[None, None, None],
        np.eye(1),
    )  # fmt: skip
    turned = people_in(people, "map", planar(10.0, 0.0, np.pi / 2))
    assert turned.frame_id == "map"
    assert np.allclose(turned.positions[0], [10.0, 1.0, 0.0])
    assert np.allclose(turned.paths[0, 0, 0], [10.0, 2.0])
    assert np.allclose(turned.covariances[0, 0, 0], np.diag([1.0, 4.0]))


def test_the_guard_of_events_takes_any_stamp_and_frame():
    guard = EventGuard("", grid_problem)
    for stamp, frame in ((5, "map"), (5, "map"), (0, "odom"), (3, "map")):
        msg = map_message()
        msg.header = header(stamp, frame, make)
        assert guard.check(msg, 100, is_sim_time=False).is_accepted
    msg = map_message()
    msg.header.frame_id = ""
    assert guard.check(msg, 100, is_sim_time=False).reason == "frame_empty"


def test_markers_show_the_graph_the_scores_and_who_planned():
    graph = PlanGraph(
        np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0]]), np.array([[0, 1], [1, 2]]), np.ones(2),
        np.array([False, False, True]), np.array([5.0, np.nan, 2.0]),
    )  # fmt: skip
    sample = plan(planner="network", length=0.1, graph=graph)
    layers = {(m.ns, m.id): m for m in plan_markers(sample, np.array([3.0, 4.0])).markers}
    assert len(layers["graph", 0].points) == 4
    assert [len(layers[name, 0].points) for name in ("values", "frontiers")] == [2, 1]
    assert layers["planner", 0].text == "network, 0.1 m"
    assert layers["frontier_scores", 0].text == "2.0 m"
    assert layers["frontier_scores", 1].action == Marker.DELETE


def test_markers_of_no_plan_say_why():
    failed = PlanSample(9, "map", PlanCode.TIMEOUT, "no path was found within 1 s")
    layers = {m.ns: m for m in plan_markers(failed, np.zeros(2)).markers}
    assert layers["planner"].text == "TIMEOUT: no path was found within 1 s"
    assert {layers[name].action for name in ("path", "graph", "values")} == {Marker.DELETE}


class Ordered:
    """An order that remembers its answers."""

    def __init__(self):
        self.answers = []

    def answer(self, plan, took_ns):
        self.answers.append(plan.reason)


def test_the_desk_keeps_the_newest_goal_and_answers_the_one_before():
    desk, first, second, kept = PlanDesk(), Ordered(), Ordered(), Ordered()
    desk.stand(kept)
    desk.put(first)
    desk.put(second)
    assert first.answers == ["replaced by a newer goal"]
    assert [desk.take(), desk.take(), desk.take()] == [second, kept, None]
    assert desk.due() and desk.take() is kept
    desk.put(second)
    assert desk.withdraw(second) and not desk.withdraw(second)
    assert desk.take() is None
