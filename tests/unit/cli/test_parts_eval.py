"""`equi eval`, `train` and `replay` of apen run from end to end, on next to nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from equi_nodes.cli import parts_eval
from equi_nodes.cli.main import main
from equi_nodes.datasets.bags import BagMessage, Make, read_messages, write_bag
from equi_nodes.datasets.part_batches import LABELS
from equi_nodes.models.apen import APEN, Architecture
from equi_nodes.ros.clouds import cloud_message, cloud_sample
from equi_nodes.runtime.weights import save_model
from equi_nodes.training import part_lessons

pytest.importorskip("open3d", reason="open3d is not installed")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(part_lessons, "BATCHES", 1)
    monkeypatch.setattr(part_lessons, "POINTS_A_BATCH", 150)
    monkeypatch.setattr(part_lessons, "DRAWN", 1)
    monkeypatch.setattr(part_lessons, "KEPT", 1)
    monkeypatch.setattr(part_lessons, "VALIDATED", dict.fromkeys(LABELS, 1))
    monkeypatch.setattr(part_lessons, "POINTS", dict.fromkeys(LABELS, 150))
    monkeypatch.setattr(parts_eval, "ROOMS", 1)
    monkeypatch.setattr(parts_eval, "SCANS", 1)


def test_rooms_are_scored_beside_both_baselines(tmp_path):
    out = tmp_path / "figures.json"
    where = ["--folder", str(tmp_path), "--json", str(out), "--length", "1", "--others", "1"]
    assert main(["eval", "apen", "--task", "rooms", *where]) == 0
    found = json.loads(out.read_text())
    assert set(found["baselines"]) == {"pointnet", "dgcnn"}
    for rows in (found["ours"], *found["baselines"].values()):
        assert set(rows) == {"room 0"}
        assert 0 <= rows["room 0"]["miou"] <= 1 and 0 <= rows["room 0"]["changed"] <= 1
    assert found["ours"]["room 0"]["changed_given_parts"] == 0


def test_training_writes_weights_with_the_names_of_their_labels(tmp_path):
    options = ["--task", "objects", "--epochs", "1", "--threads", "1", "--out", str(tmp_path)]
    assert main(["train", "apen", *options]) == 0
    card = json.loads((tmp_path / "apen.json").read_text())
    assert card["labels"] == list(LABELS["objects"])
    assert (tmp_path / "apen.safetensors").is_file()


@pytest.mark.parametrize(
    "words",
    [
        ["eval", "apen", "--task", "grid"],
        ["train", "apen", "--task", "springs"],
        ["eval", "apen", "--task", "rooms", "--length", "-3"],
        ["eval", "apen", "--task", "rooms", "--rooms", "0"],
        ["train", "apen", "--task", "people", "--epochs", "0"],
    ],
)
def test_what_is_not_possible_gets_one_sentence(words, tmp_path, capsys):
    extra = ["--out", str(tmp_path)] if words[0] == "train" else []
    assert main([*words, *extra]) == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.err and (said.out + said.err).strip().endswith(".")


@pytest.fixture
def bag(tmp_path):
    """Write a bag of two good clouds and one in millimetres."""
    points = np.random.default_rng(0).uniform(-1, 1, (900, 3)).astype(np.float32)
    clouds = [points, points[::2], 1e4 * points]
    messages = [
        BagMessage("/points", k, cloud_message(k, "lidar", cloud, Make()))
        for k, cloud in enumerate(clouds, 1)
    ]
    write_bag(tmp_path / "in.mcap", messages)
    return tmp_path / "in.mcap"


def test_a_bag_comes_back_with_labels(bag, tmp_path):
    torch.manual_seed(0)
    weights, out = tmp_path / "apen.safetensors", tmp_path / "out"
    small = Architecture(labels=3, cells=16, scalars=8, vectors=4, moments=2, steps=2)
    save_model(weights, "apen", APEN(small), {})
    options = ["--node", "apen", "--out", str(out), "--weights", str(weights)]
    assert main(["replay", str(bag), *options, "--backend", "torch"]) == 0
    figures = json.loads((out / "metrics.json").read_text())
    assert (figures["clouds"], figures["unlabelled"]) == (3, 1)
    assert 0 <= figures["mean"]["delta"] <= 1
    before, after = (
        [item.message for item in read_messages(path)] for path in (bag, out / "labelled.mcap")
    )
    assert [str(message.header) for message in before] == [str(m.header) for m in after]
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(cloud_sample(one).points, cloud_sample(other).points)
        assert {"label", "instance", "confidence"} <= {field.name for field in other.fields}
