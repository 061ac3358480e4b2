"""Promises of the first half: the ground goes, walls do not swallow people, pairs come apart."""

from __future__ import annotations

import numpy as np
import pytest
from lidar_scene import HEIGHT, Scene, room

from equi_nodes.geometry.pose_trail import laid_out
from equi_nodes.tracking.background import Background
from equi_nodes.tracking.clusters import cluster
from equi_nodes.tracking.ground import Ground
from equi_nodes.tracking.splitting import split
from equi_nodes.tracking.visibility import Horizon

SENSOR = np.array([0.0, 0.0, HEIGHT])


def standing(scene):
    """Return the points of a sweep that stand on the ground."""
    points = laid_out(scene.sweep())
    heights = Ground().heights(points, SENSOR)
    return points[(heights > 0.15) & (heights < 2.0)]


def middles(points, labels):
    return np.array([points[labels == label, :2].mean(0) for label in range(labels.max() + 1)])


@pytest.mark.parametrize("slope", [0.0, 0.1, 0.2, -0.15])
def test_heights_are_above_the_ground_also_on_slopes(slope):
    scene = Scene(people=[(3.0, 1.0), (5.0, -2.0)], boxes=room(), slope=slope)
    points = laid_out(scene.sweep())
    heights = Ground().heights(points, SENSOR)
    true = points[:, 2] - slope * points[:, 0]
    assert np.quantile(np.abs(heights - true)[true < 0.05], 0.99) < 0.1
    assert np.abs(heights - true).max() < 0.25


def test_a_ramp_is_ground_too():
    x = np.tile(np.linspace(0.5, 8.0, 76), 41)
    y = np.repeat(np.linspace(-2.0, 2.0, 41), 76)
    ramp = np.column_stack([x, y, 0.12 * np.maximum(x - 3.0, 0.0)])
    assert np.abs(Ground().heights(ramp, SENSOR)).max() < 0.12


def test_where_no_ground_is_seen_that_of_before_holds():
    ground = Ground()
    ground.heights(laid_out(Scene(boxes=room(), slope=0.1).sweep()), SENSOR)
    wall = np.array([[2.0, 0.0, 0.7], [2.0, 0.0, 1.2]])
    assert ground.heights(wall, SENSOR) == pytest.approx([0.5, 1.0], abs=0.1)


@pytest.mark.parametrize("gap", [0.05, 0.2, 0.5])
def test_a_wall_does_not_swallow_who_stands_before_it(gap):
    people = [(5.8 - gap, 2.0), (-3.0, 5.8 - gap)]
    points = standing(Scene(people=people, boxes=room()))
    found = middles(points, cluster(points, SENSOR))
    away = np.linalg.norm(found[:, None] - np.array(people), axis=-1)
    assert (away.min(0) < 0.3).all()


def test_walls_are_no_clusters():
    points = standing(Scene(boxes=room()))
    labels = cluster(points, SENSOR)
    assert (labels < 0).mean() > 0.99


def test_three_abreast_are_no_wall():
    points = standing(Scene(people=[(4.0, y) for y in (-0.6, 0.0, 0.6)], boxes=room()))
    labels = cluster(points, SENSOR)
    assert ((labels >= 0) & (np.abs(points[:, 0] - 4.0) < 0.3)).sum() > 100


@pytest.mark.parametrize("expected", [np.zeros((0, 2)), np.array([[3.0, -0.22], [3.0, 0.22]])])
def test_a_pair_shoulder_to_shoulder_is_taken_apart(expected):
    points = standing(Scene(people=[(3.0, -0.22), (3.0, 0.22)], boxes=room()))
    labels = cluster(points, SENSOR)
    points = points[labels >= 0]
    labels = split(points[:, :2], labels[labels >= 0], expected, SENSOR[:2])
    found = middles(points, labels)
    assert len(found) == 2
    assert sorted(found[:, 1]) == pytest.approx([-0.22, 0.22], abs=0.08)


def test_one_person_is_not_split():
    points = standing(Scene(people=[(3.0, 0.0)], boxes=room()))
    labels = cluster(points, SENSOR)
    rows = labels >= 0
    assert split(points[rows, :2], labels[rows], np.zeros((0, 2)), SENSOR[:2]).max() == 0


def test_nothing_gives_nothing():
    assert len(cluster(np.zeros((0, 3)), SENSOR)) == 0
    assert len(Ground().heights(np.zeros((0, 3)), SENSOR)) == 0


def test_who_is_behind_somebody_cannot_be_seen():
    points = standing(Scene(people=[(2.0, 0.0)], boxes=room()))
    places = np.array([[4.0, 0.0], [2.0, 0.0], [4.0, 2.0], [9.0, 0.0]])
    assert Horizon(points, SENSOR).hides(places).tolist() == [True, False, False, True]


def test_what_stays_is_background_and_what_is_gone_is_forgotten():
    background, places = Background(), np.array([[1.0, 2.0], [-3.0, 0.5]])
    for sweep in range(10):
        background.add(places, 0.1 * sweep)
    assert background.stands(places).all()
    assert not background.stands(places + 1.0).any()
    background.add(places[:1], 30.0)
    assert background.stands(places).tolist() == [True, False]


def test_who_walks_by_is_no_background():
    background = Background()
    for sweep in range(40):
        background.add(np.array([[0.13 * sweep, 0.0]]), 0.1 * sweep)
    assert not background.stands(np.array([[0.13 * 20, 0.0]])).any()
