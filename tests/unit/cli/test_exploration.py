"""`equi eval e2_planner --explore` runs from end to end, on one small map."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from PIL import Image

from equi_nodes.cli.main import main

SIDES = ("ours", "baseline", "usual")


@pytest.fixture
def two_rooms(tmp_path):
    """Write a map of two rooms with a door, 6 x 4 m, and return its path."""
    cells = np.full((40, 60), 254, np.uint8)
    cells[[0, -1]] = cells[:, [0, 29, -1]] = 0
    cells[25:35, 29] = 254
    Image.fromarray(cells).save(tmp_path / "rooms.pgm")
    path = tmp_path / "rooms.yaml"
    path.write_text(
        "image: rooms.pgm\nresolution: 0.1\norigin: [0, 0, 0]\n"
        "negate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.25\n"
    )
    return path


def test_every_side_drives_the_same_trips(two_rooms, tmp_path, capsys):
    out, picture = tmp_path / "found.json", tmp_path / "trips.png"
    options = ["--trips", "3", "--workers", "1", "--json", str(out), "--picture", str(picture)]
    assert main(["eval", "e2_planner", "--explore", str(two_rooms), *options]) == 0
    found, said = json.loads(out.read_text()), capsys.readouterr().out
    assert found["episodes"] == 3 and len(found["trips"]) == 3
    for side in SIDES:
        ratios = [trip[side] for trip in found["trips"]]
        assert math.isclose(found[side]["mean"], np.mean(ratios)) and found[side]["failed"] == 0
        assert found["maps"]["rooms"][side] == found[side]
        assert min(ratios) > 0.99
    assert "mean/median/p90" in said and picture.is_file()


@pytest.mark.parametrize(
    "options, said",
    [
        (["--range", "0.1"], "A range of 0.1 m"),
        (["--trips", "0"], "--trips and --workers"),
        (["--workers", "0"], "--trips and --workers"),
    ],
)
def test_trips_that_cannot_be_driven_are_refused(two_rooms, options, said, capsys):
    assert main(["eval", "e2_planner", "--explore", str(two_rooms), *options]) != 0
    assert said in capsys.readouterr().err
