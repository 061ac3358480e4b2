"""`equi replay --node arteq`: bodies of a bag beside the truth, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from equi_nodes.cli.main import main
from equi_nodes.cli.people_bag import CROPS_TOPIC, TRUTH_TOPIC
from equi_nodes.datasets.bags import BagMessage, Make, read_messages, write_bag
from equi_nodes.ros.clouds import cloud_message
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.runtime.weights import shipped_weights

SECONDS, RATE, PEOPLE = 2, 4, 2


@pytest.fixture
def weights():
    if not shipped_weights("arteq").exists():
        pytest.skip("no weights of arteq are shipped")


@pytest.fixture
def people(recordings, tmp_path):
    """Make a bag of walking people."""
    recordings("mocap")
    pytest.importorskip("open3d", reason="open3d is not installed")
    numbers = {"--seed": 1, "--seconds": SECONDS, "--rate": RATE, "--people": PEOPLE}
    words = [str(word) for pair in numbers.items() for word in pair]
    assert main(["bag", "make", "people", str(tmp_path / "people.mcap"), *words]) == 0
    return tmp_path / "people.mcap"


@pytest.fixture
def replay(tmp_path):
    """Replay a bag; return the exit code and the figures, if there are any."""

    def run(bag, *options):
        file = tmp_path / "out" / "metrics.json"
        file.unlink(missing_ok=True)
        words = ["--node", "arteq", "--out", str(file.parent), *options]
        code = main(["replay", str(bag), *words])
        return code, json.loads(file.read_text()) if file.exists() else None

    return run


def write_clouds(path, *clouds: np.ndarray, topics=("/points",)):
    messages = [
        BagMessage(topic, k, cloud_message(k, "lidar", cloud, Make()))
        for k, cloud in enumerate(clouds, 1)
        for topic in topics
    ]
    write_bag(path, messages)
    return path


def test_people_who_walk_are_found_and_judged_the_same_every_time(weights, people, replay):
    (code, first), (_, second) = replay(people), replay(people)
    assert code == 0
    assert first["clouds"] == SECONDS * RATE and first["topic"] == CROPS_TOPIC
    assert first["people"]["answered"] == SECONDS * RATE * PEOPLE == first["truth"]["people"]
    assert first["truth"]["scored"] == first["people"]["accepted"] > 0
    assert first["truth"]["mpjpe_cm"]["median"] < 6
    assert sum(row["scored"] for row in first["truth"]["by_second"]) == first["truth"]["scored"]
    assert (first["hash"], first["truth"]) == (second["hash"], second["truth"])


def test_the_bag_holds_the_bodies_of_every_cloud(weights, people, replay, tmp_path):
    assert replay(people)[0] == 0
    truth = list(read_messages(people, TRUTH_TOPIC))
    bodies = list(read_messages(tmp_path / "out" / "bodies.mcap", "/bodies"))
    assert [item.stamp_ns for item in truth] == [item.stamp_ns for item in bodies]
    for one, other in zip(truth, bodies, strict=True):
        assert stamp_ns(one.message.header.stamp) == stamp_ns(other.message.header.stamp)
        assert one.message.header.frame_id == other.message.header.frame_id
        ours, true = ({body.id for body in item.message.bodies} for item in (other, one))
        assert ours == true


def test_a_room_without_instances_has_nobody_and_says_why(weights, tmp_path, replay, capsys):
    room = np.random.default_rng(0).uniform(-5, 5, (500, 3))
    code, figures = replay(write_clouds(tmp_path / "in.mcap", room, room[:0]))
    assert code == 0 and figures["clouds"] == 2
    assert sum(figures["unreadable"].values()) == 1
    assert (figures["people"]["answered"], figures["people"]["share_accepted"]) == (0, 0.0)
    (reason,) = figures["people"]["rejected"]
    assert "from its middle" in reason and "truth" not in figures
    assert "field instance" in " ".join(capsys.readouterr().out.split())


def test_what_cannot_be_replayed_gets_one_sentence(tmp_path, replay, capsys):
    cloud = np.zeros((50, 3))
    one = write_clouds(tmp_path / "one.mcap", cloud)
    two = write_clouds(tmp_path / "two.mcap", cloud, topics=("/a", "/b"))
    none = tmp_path / "none.mcap"
    header = cloud_message(1, "lidar", cloud, Make()).header
    write_bag(none, [BagMessage("/tick", 1, header)])
    for words, said in (
        ((none,), "has no clouds"),
        ((two,), "clouds on /a, /b"),
        ((one, "--topic", "/other"), "clouds on /points"),
        ((one, "--online"), "offline only"),
        ((one, "--weights", str(tmp_path / "missing.safetensors")), "no weights at"),
        ((tmp_path / "missing.mcap",), "There is no bag"),
    ):
        code, figures = replay(*words)
        shown = "".join(capsys.readouterr())
        assert code == 1 and figures is None
        assert said in " ".join(shown.split()) and "Traceback" not in shown
