"""The shipped parameter files of mapper and follower are what their settings declare."""

from __future__ import annotations

import pytest

from equi_nodes.config.load import refusal
from equi_nodes.config.node import NodeConfig
from equi_nodes.config.occupancy_mapper import OccupancyMapperConfig
from equi_nodes.config.parameter import parameters_of
from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.config.paths import share_dir
from equi_nodes.config.render import parameter_file

NODES = {
    "occupancy_mapper": (
        "Maps the space around a robot from a LiDAR or a laser scanner, without the people in it.",
        OccupancyMapperConfig,
    ),
    "path_follower": (
        "An example that drives a simulated robot along its paths; robots have Nav2's controllers.",
        PathFollowerConfig,
    ),
}


@pytest.mark.parametrize("node", NODES)
def test_the_shipped_file_is_the_declaration(node):
    text, config = NODES[node]
    shipped = share_dir() / "config" / "nodes" / f"{node}.param.yaml"
    assert shipped.read_text() == parameter_file(text, NodeConfig, config)


@pytest.mark.parametrize("node", NODES)
def test_every_default_is_accepted_and_explained_once(node):
    declared = parameters_of(NodeConfig, NODES[node][1])
    assert len({one.name for one in declared}) == len(declared)
    for one in declared:
        assert refusal(one, one.default) == ""
        assert one.doc.endswith(".")
