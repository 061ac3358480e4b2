"""Promise of the Foxglove layouts: each panel is shown and its topics are in the recording."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from equi_nodes.config.graph import read_graph
from equi_nodes.config.paths import share_dir

LAYOUTS = sorted((share_dir() / "config" / "foxglove").glob("*.json"))
PATHS = ("value", "topicPath", "topicToRender", "imageTopic", "calibrationTopic")


@pytest.mark.parametrize("path", LAYOUTS, ids=lambda path: path.stem)
def test_each_topic_of_a_layout_is_recorded(path):
    layout = json.loads(path.read_text())
    recorded = {topic.name for topic in read_graph(path.stem).record}
    shown = {re.split(r"[.\[{]", name)[0].lstrip("/") for name in topics(layout["configById"])}
    assert shown <= recorded
    assert set(leaves(layout["layout"])) == set(layout["configById"])


def topics(panel: object) -> Iterator[str]:
    """Yield the topics that a part of a layout names."""
    for key, value in panel.items() if isinstance(panel, dict) else ():
        if key in PATHS:
            yield value
        elif key == "topics":
            yield from value
        elif key == "paths":
            yield from (line["value"] for line in value)
        else:
            yield from topics(value)


def leaves(part: object) -> Iterator[str]:
    """Yield the panels of a mosaic."""
    if isinstance(part, str):
        yield part
    else:
        yield from leaves(part["first"])
        yield from leaves(part["second"])
