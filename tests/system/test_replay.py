"""From a bag to a report by the command line: offline, through a live node, and with bad input."""

from __future__ import annotations

import json

import pytest

from equi_nodes.cli.main import main
from equi_nodes.datasets.bags import read_messages, write_bag


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    """Ten seconds of eight people at 5 Hz."""
    path = tmp_path_factory.mktemp("bag") / "crowd.mcap"
    options = ["--seconds", "10", "--agents", "8", "--rate", "5", "--seed", "3"]
    assert main(["bag", "make", "crowd", str(path), *options]) == 0
    return path


@pytest.fixture
def replay(weights, replay_of):
    """Replays the prediction with the small weights."""
    return replay_of("eqmotion", "--weights", str(weights))


def test_three_offline_replays_agree_to_the_last_bit(bag, replay):
    runs = [replay(bag, f"run{number}")[1] for number in range(3)]
    assert len({run["hash"] for run in runs}) == 1
    assert len({(run["ade"], run["fde"], run["calibration_90"]) for run in runs}) == 1
    assert runs[0]["frames"] == 50 and runs[0]["drops"] == 0 and runs[0]["scored"] > 50


def test_a_live_node_gives_what_the_offline_replay_gives(bag, replay):
    code, live, folder = replay(bag, "live", "--online")
    _, offline, _ = replay(bag, "offline")
    assert code == 0
    assert (live["frames"], live["drops"]) == (50, 0)
    assert live["hash"] == offline["hash"]
    assert (live["ade"], live["fde"]) == (offline["ade"], offline["fde"])
    assert live["node"]["exit_code"] == 0
    assert 0.0 < live["latency_ms"]["p50"] < 200.0
    assert "through DDS" in (folder / "report.html").read_text()


def test_a_node_that_cannot_start_says_why(bag, tmp_path, complain):
    missing = tmp_path / "none.safetensors"
    said = complain(
        "replay", bag, "--node", "eqmotion", "--online", "--out", tmp_path / "out",
        "--weights", missing,
    )  # fmt: skip
    assert "no weights" in said and str(missing) in said


def test_a_bag_without_tracks_is_answered_by_its_topics(bag, tmp_path, complain):
    other = tmp_path / "other.mcap"
    truth_only = [item for item in read_messages(bag, "/ground_truth/tracks")]
    write_bag(other, truth_only)
    options = ["--node", "eqmotion", "--out", tmp_path / "out"]
    assert "/ground_truth/tracks" in complain("replay", other, *options)
    said = complain("replay", bag, *options, "--topic", "/people")
    assert "no tracks on /people" in said and "/tracks" in said


@pytest.mark.parametrize(
    ("content", "expected"), [(b"some words", "not a bag"), (None, "damaged or cut off")]
)
def test_a_broken_bag_is_named(bag, tmp_path, complain, content, expected):
    broken = tmp_path / "broken.mcap"
    broken.write_bytes(bag.read_bytes()[:20_000] if content is None else content)
    said = complain("replay", broken, "--node", "eqmotion", "--out", tmp_path / "out")
    assert expected in said and str(broken) in said
    assert expected in complain("bag", "info", broken)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(bag, tmp_path, complain):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    assert "Cannot write to" in complain("replay", bag, "--node", "eqmotion", "--out", out)
    assert "Cannot write" in complain("bag", "make", "crowd", out, "--seconds", "1")


@pytest.mark.parametrize("rate", ["0", "-1", "nan"])
def test_a_rate_that_cannot_be_played_is_refused(bag, tmp_path, complain, rate):
    options = ["--node", "eqmotion", "--out", tmp_path / "out", "--online", f"--rate={rate}"]
    assert "cannot be played" in complain("replay", bag, *options)


def test_an_unknown_scene_is_answered_by_those_there_are(tmp_path, complain):
    said = complain("bag", "make", "eth_ucy", "--scene", "mars", tmp_path / "x.mcap")
    assert "mars" in said and "zara1" in said


@pytest.mark.parametrize("option", ["--agents=0", "--seconds=-3", "--rate=nan", "--noise=9"])
def test_a_crowd_that_makes_no_sense_is_refused(tmp_path, complain, option):
    said = complain("bag", "make", "crowd", tmp_path / "x.mcap", option)
    assert option.partition("=")[0] in said and "out of range" in said


def test_a_real_scene_becomes_a_bag(recordings, tmp_path):
    recordings("eth_ucy")
    path, figures = tmp_path / "zara1.mcap", tmp_path / "figures.json"
    options = ["--scene", "zara1", str(path), "--json", str(figures)]
    assert main(["bag", "make", "eth_ucy", *options]) == 0
    content = json.loads(figures.read_text())
    assert content["topics"] == [
        {"name": "/tracks", "type": "equi_msgs/msg/TrackArray", "messages": 872}
    ]
    tracks = [item.message.tracks for item in read_messages(path)]
    assert sum(map(len, tracks)) == 5153
    assert len({track.id for instant in tracks for track in instant}) == 148
