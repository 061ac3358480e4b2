"""Thinning and labelling of clouds: what is kept, and that every point gets its nearest's label."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from labelled_body import labelled_body

from equi_nodes.body.skeleton import JOINTS
from equi_nodes.config.apen import ApenConfig
from equi_nodes.models.apen import APEN, Architecture
from equi_nodes.pipelines.pieces import connected_pieces
from equi_nodes.pipelines.segment import Segmenter
from equi_nodes.pipelines.thinning import nearest_of, thin
from equi_nodes.runtime.weights import save_model
from equi_nodes.samples import NO_LABEL, CloudSample

SMALL = Architecture(labels=3, cells=16, scalars=8, vectors=4, moments=2, steps=2)


def cloud(points):
    return CloudSample(5, "lidar", np.asarray(points, np.float32))


def points(count=4000, seed=0):
    return np.random.default_rng(seed).uniform(-2, 2, (count, 3)).astype(np.float32)


def by_half(cloud, mask):
    """Stand in for a network: label by the sign of x."""
    positive = cloud > 0
    logits = np.where(positive[..., :1] == [False, True, True], [3.0, 3.0, -9.0], 0.0)
    return logits, np.zeros((1, 1)), None, None, np.zeros((1, 4)), None


@pytest.fixture
def network():
    by_half.name, by_half.dtype = "stand-in", np.float32
    by_half.architecture = SimpleNamespace(labels=3, seeds=8)
    return by_half


@pytest.mark.parametrize("count", [100, 1000])
def test_thinning_keeps_at_most_so_many_and_one_near_every_point(count):
    cloud = points()
    kept = thin(cloud, 0.01, count)
    assert count / 4 < len(kept) <= count and len(set(kept)) == len(kept)
    away = np.linalg.norm(cloud - cloud[kept][nearest_of(cloud[kept], cloud, 1)], axis=1)
    assert away.max() < 4 * (64 / count) ** (1 / 3)


def test_a_coarse_cloud_is_kept_whole():
    cloud = points(300)
    assert np.array_equal(thin(cloud, 1e-4, 1000), np.arange(300))


def test_every_point_is_labelled_as_the_nearest_kept_one_and_the_largest_part_is_first(network):
    own = points()
    result = Segmenter(network, ("a", "b", "c"), ApenConfig(points=2000, threads=1)).step(
        cloud(own)
    )
    assert result.stamp_ns == 5 and result.frame_id == "lidar"
    inside = np.abs(own[:, 0] - np.median(own[:, 0])) > 0.5  # of a half, so that all agree
    assert np.array_equal(result.labels[inside], (own[inside, 0] > 0).astype(int))
    counts = np.bincount(result.instances)
    assert len(counts) == 2 and counts[0] >= counts[1]
    assert np.array_equal(result.parts.counts, counts)
    for part in range(2):
        mine = own[result.instances == part]
        assert np.array_equal(result.parts.low[part], mine.min(0))
        assert np.array_equal(result.parts.high[part], mine.max(0))


def test_pieces_are_of_one_label_and_hang_together():
    lattice = np.indices((6, 6, 6)).reshape(3, -1).T * 0.1
    own = np.concatenate([lattice, lattice + (2, 0, 0), lattice + (4, 0, 0)])
    true = np.repeat([0, 2, 3], len(lattice)) + (own[:, 0] < 0.25)  # the first has two halves
    labels = np.array([5, 7, 8, 8])[true]
    order = np.random.default_rng(0).permutation(len(own))
    found = connected_pieces(own[order], labels[order])
    assert found.max() == 3
    assert len(set(zip(found, true[order]))) == 4


def test_points_beyond_the_radius_have_no_label(network):
    own = np.concatenate([points(), [[50.0, 0, 0]]])
    result = Segmenter(network, ("a", "b", "c"), ApenConfig(threads=1)).step(cloud(own))
    assert result.labels[-1] == NO_LABEL and result.confidences[-1] == 0
    assert (result.labels[:-1] != NO_LABEL).all()


def test_an_untrained_network_runs_from_its_file_with_the_names_of_its_card(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "apen.safetensors"
    save_model(path, "apen", APEN(SMALL), {"labels": ["floor", "wall", "box"]})
    config = ApenConfig(weights=str(path), backend="torch", points=256, threads=1)
    segmenter = Segmenter.from_config(config)
    assert segmenter.names == ("floor", "wall", "box") and segmenter.backend_name == "torch"
    segmenter.warm_up()
    result = segmenter.step(cloud(points(1500)))
    assert (result.labels < 3).all() and result.figures["kept"] <= 256
    assert ((result.confidences > 0) & (result.confidences <= 1)).all()


def test_the_shipped_network_names_the_parts_of_bodies():
    segmenter = Segmenter.from_config(ApenConfig(backend="torch", threads=1))
    assert segmenter.names == (*JOINTS, "outside")
    skin, parts = labelled_body(3000)
    assert (segmenter.step(cloud(skin)).labels == parts).mean() > 0.6
