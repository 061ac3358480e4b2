"""People get where they want to, keep out of walls and of the robot, and do what they are told."""

from __future__ import annotations

import numpy as np
from sim_room import room_scenario

from equi_nodes.sim.boxes import Obstacles
from equi_nodes.sim.contacts import Contacts
from equi_nodes.sim.crowd import BODY_RADIUS, STOPPING, Crowd, Person

RADIUS = 0.22  # m
FAR = np.array([50.0, 50.0])
ROOM = Obstacles.of_floor(room_scenario(8.0, 6.0, 0.0).floor)


def walker(start, *corners, **extras):
    route = np.array([start, *corners], float)
    options = {"leg": min(1, len(corners)), "speed": 1.3, "group": 0, **extras}
    return Person(route, np.array(start, float), **options)


def watch(people, seconds, robot=FAR, velocity=(0.0, 0.0)):
    """Positions (T, A, 2) of people beside a robot that drives straight on, and their crowd."""
    crowd, robot, velocity = Crowd(people, ROOM, RADIUS), np.array(robot, float), np.array(velocity)
    path = []
    for _ in range(round(seconds * 20)):
        robot = robot + 0.05 * velocity
        crowd.step(0.05, robot, velocity)
        crowd.give_way(robot)
        path.append(crowd.positions.copy())
    return np.array(path), crowd


def test_a_walker_goes_to_and_fro_and_pauses_at_the_ends():
    path, _ = watch((walker([-3.0, 0.0], [3.0, 0.0], pause=2.0),), 20.0)
    x = path[:, 0, 0]
    assert x.max() > 2.3 and x[x.argmax() :].min() < -2.3
    assert 2.0 < (x[:200] > 2.3).sum() / 20 < 5.0  # s, at the far end


def test_nobody_walks_into_walls_others_or_the_standing_robot():
    rng = np.random.default_rng(0)
    ends = rng.uniform([-3.5, -2.5], [3.5, 2.5], (8, 2, 2))
    people = tuple(walker(a, b, group=k) for k, (a, b) in enumerate(ends))
    path, _ = watch(people, 30.0, robot=(0.0, 0.0))
    path = path[20:]
    assert min(ROOM.gaps(p)[0].min() for p in path) > BODY_RADIUS - 0.05
    assert np.linalg.norm(path, axis=-1).min() > RADIUS + BODY_RADIUS - 1e-9
    apart = np.linalg.norm(path[:, :, None] - path[:, None], axis=-1) + 9 * np.eye(8)
    assert apart.min() > BODY_RADIUS


def test_a_standing_person_steps_aside_for_the_robot_and_comes_back():
    path, _ = watch((walker([0.0, 0.1]),), 10.0, robot=(-2.5, 0.0), velocity=(0.6, 0.0))
    gaps = np.linalg.norm(path[:, 0] - [0.0, 0.1], axis=1)
    assert gaps.max() > 0.2 and gaps[-1] < 0.1


def test_somebody_stops_short_in_front_of_the_robot_and_goes_on_later():
    person = walker([-0.5, 0.0], [3.0, 0.0], speed=1.0, stops_short=True)
    path, crowd = watch((person,), 3.0, robot=(-2.8, 0.0), velocity=(0.5, 0.0))
    speed = np.linalg.norm(np.diff(path[:, 0], axis=0), axis=1) * 20
    assert path[:, 0, 0].max() < 0.5 and speed[-1] < 0.4  # but it makes a little way
    for _ in range(round(STOPPING[1] * 20)):
        crowd.step(0.05, FAR, np.zeros(2))
    assert np.linalg.norm(crowd.velocities) > 0.5


def test_who_is_blocked_turns_back():
    wall = ROOM.with_boxes(np.array([[[0.0, -4.0], [0.2, 4.0]]]))
    crowd = Crowd((walker([-2.0, 0.0], [2.0, 0.0]),), wall, RADIUS)
    x = []
    for _ in range(200):
        crowd.step(0.05, FAR, np.zeros(2))
        x.append(crowd.positions[0, 0])
    assert max(x) > -0.6 and min(x[100:]) < -1.0


def test_the_robot_is_to_blame_only_for_what_it_drives_into():
    crowd = Crowd((walker([1.0, 0.0]),), ROOM, RADIUS)
    contacts = Contacts(RADIUS, ROOM, crowd)
    contacts.check(1, np.array([0.3, 0.0]), np.array([0.5, 0.0]))
    assert not contacts.collisions and 0.27 < contacts.nearest_person < 0.29
    contacts.check(2, np.array([0.59, 0.0]), np.array([0.5, 0.0]))
    contacts.check(3, np.array([0.6, 0.0]), np.array([0.5, 0.0]))  # the same touch goes on
    contacts.check(4, np.array([0.0, 0.0]), np.zeros(2))
    contacts.check(5, np.array([0.59, 0.0]), np.zeros(2))
    contacts.check(6, np.array([3.9, 0.0]), np.array([0.3, 0.0]))
    assert [(c.stamp_ns, c.person, c.is_fault) for c in contacts.collisions] == [
        (2, 0, True),
        (5, 0, False),
        (6, None, True),
    ]
