"""Promise of the tracker's settings: the shipped file is their declaration."""

from __future__ import annotations

from equi_nodes.config.lidar_tracker import LidarTrackerConfig
from equi_nodes.config.load import refusal
from equi_nodes.config.node import NodeConfig
from equi_nodes.config.parameter import parameters_of
from equi_nodes.config.paths import share_dir
from equi_nodes.config.render import parameter_file

TITLE = "Finds the people around a robot in the sweeps of a LiDAR and follows them."


def test_the_shipped_file_is_the_declaration():
    shipped = share_dir() / "config" / "nodes" / "lidar_tracker.param.yaml"
    assert shipped.read_text() == parameter_file(TITLE, NodeConfig, LidarTrackerConfig)


def test_every_default_is_accepted_and_explained():
    for declared in parameters_of(LidarTrackerConfig):
        assert refusal(declared, declared.default) == ""
        assert declared.doc.endswith(".")
