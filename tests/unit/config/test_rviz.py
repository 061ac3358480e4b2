"""Promise of the RViz views: they show topics the graphs publish, in a way that arrives."""

from __future__ import annotations

import pytest
import yaml

from equi_nodes.config.graph import graph_names, read_graph
from equi_nodes.config.paths import share_dir

VIEWS = sorted((share_dir() / "config" / "rviz").glob("*.rviz"))


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.stem)
def test_each_display_shows_a_topic_of_its_graph(path):
    assert path.stem in graph_names()
    published = {t for node in read_graph(path.stem).nodes for t in node.remap.values()}
    displays = yaml.safe_load(path.read_text())["Visualization Manager"]["Displays"]
    topics = [display["Topic"] for display in displays if "Topic" in display]
    assert topics
    for topic in topics:
        assert topic["Value"] in published
        assert topic["Reliability Policy"] in ("Reliable", "Best Effort")
