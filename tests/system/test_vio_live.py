"""The odometry through a live node by the command line, beside the offline run of the recording."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from equi_nodes.config.graph import read_graph
from equi_nodes.datasets.bags import read_messages, write_bag
from equi_nodes.datasets.euroc import open_euroc
from equi_nodes.errors import EquiError
from equi_nodes.ros.sensor_player import play

FRAMES = 50  # of the recording


@pytest.fixture(scope="module")
def short(clip, clip_bag, tmp_path_factory):
    """The same from just before its first frame."""
    path = tmp_path_factory.mktemp("short") / "clip.mcap"
    start = open_euroc(clip).frames[0].stamp_ns - 200_000_000
    messages = read_messages(clip_bag)
    write_bag(path, (m for m in messages if m.topic == "/tf_static" or m.stamp_ns > start))
    return path


@pytest.fixture
def replay(replay_of):
    """Replays the odometry through a live node."""
    return replay_of("vio", "--online")


def frames_before_a_gap(folder, first_ns):
    """How many poses of a trajectory come before a frame without one."""
    lines = (folder / "trajectory.tum").read_text().splitlines()
    stamps = [Decimal(first_ns - 50_000_000).scaleb(-9), *(Decimal(x.split()[0]) for x in lines)]
    gaps = [i for i in range(1, len(stamps)) if stamps[i] - stamps[i - 1] > Decimal("0.06")]
    return (gaps[0] if gaps else len(stamps)) - 1


@pytest.mark.parametrize("options", [(), ("--slam", "--set", "filter.trail=12")])
def test_a_live_node_gives_what_the_offline_replay_gives(clip, short, replay, options):
    code, figures, folder = replay(short, "live", "--rate", "0.5", *options)
    assert (code, figures["mode"]) == (0, "online")
    node, difference = figures["node"], figures["difference_to_offline"]
    frames = node["frames"]
    assert frames["sent"] == FRAMES
    assert frames["answered"] == figures["answered"] == difference["matched"] > 0
    assert frames["lost"] >= 0 and frames["processed"] >= frames["answered"]
    assert (node["imu"]["sent"] > 500, node["imu"]["lost"]) == (True, 0)
    assert 0.0 < node["age_ms"]["p50"] <= node["age_ms"]["p99"]
    assert (node["exit_code"], node["cpu"] > 0.0, node["rss_mb"] > 50.0) == (0, True, True)
    first_ns = open_euroc(clip).frames[0].stamp_ns
    assert difference["equal"] >= frames_before_a_gap(folder, first_ns)
    assert difference["position_max_mm"] < 100.0
    page = (folder / "report.html").read_text()
    assert "through DDS" in page and "Beside offline" in page


def test_a_live_node_that_never_answers_is_reported(short, tmp_path, replay):
    messages = list(read_messages(short))
    end = messages[-1].stamp_ns - 1_000_000_000  # one camera needs more time to start
    write_bag(tmp_path / "second.mcap", (m for m in messages if m.stamp_ns < end))
    code, figures, folder = replay(tmp_path / "second.mcap", "mono", "--mono")
    assert (code, figures["answered"]) == (0, 0)
    assert figures["node"]["frames"]["sent"] > 10
    assert figures["difference_to_offline"]["matched"] == 0
    assert "odometry: initialising" in " ".join(figures["node"]["warnings"])
    assert (folder / "report.html").exists()


def test_a_node_that_does_not_become_active_is_named(tmp_path):
    start = read_graph("vio").node("vio")
    missing = {"calibration": str(tmp_path / "none.yaml"), "stereo": True, "slam": False}
    start = replace(start, parameters=missing)
    with pytest.raises(EquiError, match="The node cannot work: .*none.yaml"):
        play(start, iter(()), rate=1.0, log=tmp_path / "node.log")


@pytest.mark.parametrize("rate", ["0", "-1", "nan"])
def test_a_rate_that_cannot_be_played_is_refused(short, tmp_path, complain, rate):
    options = ["--node", "vio", "--out", tmp_path / "out", "--online", f"--rate={rate}"]
    assert "cannot be played" in complain("replay", short, *options)
