"""Made-up rooms and objects: same seed same scan, only furniture moves, and it moves rigidly."""

from __future__ import annotations

import numpy as np
import pytest

from equi_nodes.datasets import objects, rooms
from equi_nodes.datasets.boxes import SIGNS, thinned

pytest.importorskip("open3d", reason="open3d is not installed")


def rng(seed=0):
    return np.random.default_rng(seed)


def distances(boxes):
    """Return the metres (8 K, 8 K) between all corners of some boxes."""
    corners = (SIGNS * boxes.sizes[:, None]) @ boxes.poses[:, :3, :3].swapaxes(1, 2)
    corners = (corners + boxes.poses[:, None, :3, 3]).reshape(-1, 3)
    return np.linalg.norm(corners[:, None] - corners, axis=-1)


def test_the_same_seed_makes_the_same_scan():
    one, other = (rooms.scan(rng(1), rooms.draw_room(rng())) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(one, other))


@pytest.mark.parametrize("lidar", [False, True])
def test_a_scan_shows_the_floor_the_walls_and_nearly_all_things(lidar):
    for seed in range(3):
        room = rooms.draw_room(rng(seed))
        seen = rooms.scan(rng(seed), room, lidar)
        assert len(seen.points) == len(seen.parts) > 2000
        count = np.bincount(seen.parts, minlength=len(room.kinds))
        assert count[0] > 100 and count[1] > 100 and (count > 0).mean() > 0.7
        floor = seen.points[seen.parts == 0]
        assert np.abs(np.median(floor[:, 2])) < 0.02
        inside = (seen.points[:, :2] > -0.2) & (seen.points[:, :2] < room.size + 0.2)
        assert inside.all(1).mean() > 0.99


def test_moving_changes_places_but_no_thing_and_nothing_of_the_shell():
    room = rooms.draw_room(rng())
    after = rooms.moved(rng(1), room)
    for number, (one, other) in enumerate(zip(room.things, after.things)):
        here, there = one.boxes(number), other.boxes(number)
        assert np.allclose(distances(here), distances(there), atol=1e-9)
        assert not np.allclose(one.place, other.place)
    assert np.array_equal(room.kinds, after.kinds)
    assert np.array_equal(room.size, after.size)


def test_no_two_things_are_alike():
    for seed in range(5):
        things = rooms.draw_room(rng(seed)).things
        volumes = [np.prod(thing.sizes, 1).sum() for thing in things]
        assert len(set(np.round(volumes, 6))) == len(things)


@pytest.mark.parametrize("kind", objects.KINDS)
def test_objects_have_parts_that_are_seen_and_a_joint_each(kind):
    for seed in range(3):
        thing = objects.draw_object(rng(seed), kind)
        seen = objects.scan(rng(seed), thing)
        parts = len(thing.classes)
        assert set(np.unique(seen.parts)) <= set(range(parts))
        assert len(np.unique(seen.parts)) >= min(2, parts)
        assert len(thing.axes.kinds) == parts and thing.axes.kinds[0] == objects.FIXED
        assert np.allclose(np.linalg.norm(thing.axes.directions, axis=1), 1)
        assert (thing.axes.kinds[1:] != objects.FIXED).all()


def test_a_door_turns_about_its_axis():
    """The leaf keeps its distance from every point of the axis, however far it is open."""
    leaf = [objects.draw_object(rng(seed), "door") for seed in range(4)]
    for thing in leaf:
        middle = thing.boxes.poses[thing.boxes.parts == 1][0, :3, 3]
        offset = middle - thing.axes.points[1]
        width = thing.boxes.sizes[thing.boxes.parts == 1][0, 1]
        away = offset - offset @ thing.axes.directions[1] * thing.axes.directions[1]
        assert np.isclose(np.linalg.norm(away), width / 2)


def test_thinning_leaves_one_point_a_cube():
    seen = rooms.scan(rng(), rooms.draw_room(rng()))
    again = thinned(rng(1), seen, 0.3)
    cubes = np.unique(np.floor(seen.points / 0.3), axis=0)
    assert len(again.points) == len(cubes)
