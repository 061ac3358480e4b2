"""`equi eval apen` and `equi train apen` run from end to end, on next to nothing."""

from __future__ import annotations

import json

import pytest

from equi_nodes.cli import parts_eval
from equi_nodes.cli.main import main
from equi_nodes.datasets.part_batches import LABELS
from equi_nodes.training import apen

pytest.importorskip("open3d", reason="open3d is not installed")


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(apen, "STEPS", 1)
    monkeypatch.setattr(apen, "BATCH", 1)
    monkeypatch.setattr(apen, "VALIDATED", 1)
    monkeypatch.setattr(apen, "POINTS", dict.fromkeys(LABELS, 150))
    monkeypatch.setattr(parts_eval, "ROOMS", 1)
    monkeypatch.setattr(parts_eval, "SCANS", 1)


def test_rooms_are_scored_beside_both_baselines(tmp_path):
    out = tmp_path / "figures.json"
    where = ["--folder", str(tmp_path), "--json", str(out), "--length", "1"]
    assert main(["eval", "apen", "--task", "rooms", *where]) == 0
    found = json.loads(out.read_text())
    assert set(found["baselines"]) == {"pointnet", "dgcnn"}
    for rows in (found["ours"], *found["baselines"].values()):
        assert set(rows) == {"room 0"}
        assert 0 <= rows["room 0"]["miou"] <= 1 and 0 <= rows["room 0"]["changed"] <= 1


def test_training_writes_weights_with_the_names_of_their_labels(tmp_path):
    options = ["--task", "objects", "--epochs", "1", "--threads", "1", "--out", str(tmp_path)]
    assert main(["train", "apen", *options]) == 0
    card = json.loads((tmp_path / "apen.json").read_text())
    assert card["labels"] == list(LABELS["objects"])
    assert (tmp_path / "apen.safetensors").is_file()


@pytest.mark.parametrize(
    "words", [["eval", "apen", "--task", "grid"], ["train", "apen", "--task", "springs"]]
)
def test_a_task_of_another_model_gets_one_sentence(words, tmp_path, capsys):
    extra = ["--out", str(tmp_path)] if words[0] == "train" else []
    assert main([*words, *extra]) == 1
    said = capsys.readouterr()
    assert "apen" in said.out + said.err
