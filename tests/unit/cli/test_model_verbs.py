"""`equi eval`, `train` and `bench` on small networks, and their answers to bad input."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from equi_nodes.cli.main import main
from equi_nodes.models.eqmotion import Architecture, EqMotion
from equi_nodes.runtime.weights import save_model


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch) -> None:
    """Keep what is exported out of the user's cache."""
    monkeypatch.setenv("EQUI_CACHE", str(tmp_path_factory.getbasetemp() / "verbs_cache"))


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "eqmotion.safetensors"
    save_model(
        path, "eqmotion", EqMotion(Architecture(channels=8, width=16, layers=1, modes=3)), {}
    )
    return str(path)


def tracks_file(folder, steps: int = 25):
    rows = [f"{10 * k} {i} {0.5 * k} {2.0 * i}" for k in range(steps) for i in range(3)]
    path = folder / "tracks.txt"
    path.write_text("\n".join(rows))
    return path


def refused(capsys, *arguments: str) -> str:
    """Return the one sentence that bad input gets."""
    assert main(list(arguments)) == 1
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0 and "Traceback" not in said
    return said


def test_any_tracks_file_is_scored_beside_constant_velocity(tmp_path, weights: str) -> None:
    figures = tmp_path / "figures.json"
    tracks = str(tracks_file(tmp_path))
    common = ["--step", "0.4", "--weights", weights, "--json", str(figures)]
    assert main(["eval", "eqmotion", "--tracks", tracks, *common]) == 0
    read = json.loads(figures.read_text())
    assert set(read["ours"]) >= {"ade_best20", "fde_best20", "ade_top1", "fde_top1"}
    assert read["windows"] == 3 * 6
    assert read["constant_velocity"]["fde"] == pytest.approx(0, abs=1e-4)


def test_tracks_with_letters_are_refused_with_their_line(tmp_path, weights: str, capsys) -> None:
    path = tracks_file(tmp_path)
    path.write_text(path.read_text() + "\nframe one x y\n")
    assert "line 76" in refused(
        capsys, "eval", "eqmotion", "--tracks", str(path), "--step", "0.4", "--weights", weights
    )


def test_tracks_without_a_step_or_too_short_are_refused(tmp_path, weights: str, capsys) -> None:
    path = str(tracks_file(tmp_path, steps=10))
    assert "--step" in refused(capsys, "eval", "eqmotion", "--tracks", path)
    common = ["--step", "0.4", "--weights", weights]
    assert "20 steps in a row" in refused(capsys, "eval", "eqmotion", "--tracks", path, *common)


def test_missing_weights_are_named(tmp_path, capsys) -> None:
    tracks = ["--tracks", str(tracks_file(tmp_path)), "--step", "0.4"]
    missing = str(tmp_path / "none.safetensors")
    said = refused(capsys, "eval", "eqmotion", *tracks, "--weights", missing)
    assert "none.safetensors" in said


@pytest.mark.parametrize("change", ["chirality=True", "chiral", "neighbours=many", "radius=[1]"])
def test_a_change_that_is_none_is_refused_with_the_options(tmp_path, change: str, capsys) -> None:
    said = refused(capsys, "train", "eqmotion", "--out", str(tmp_path / "run"), "--set", change)
    assert change in said and "neighbours" in said


def test_an_unknown_scene_is_refused_with_the_names(tmp_path, capsys, recordings) -> None:
    recordings("eth_ucy")
    out = ["--out", str(tmp_path / "run")]
    assert "zara1" in refused(capsys, "train", "eqmotion", "--held-out", "zara9", *out)


def test_symmetry_of_the_whole_pipeline_is_measured(tmp_path, weights: str) -> None:
    figures = tmp_path / "figures.json"
    assert (
        main(["eval", "eqmotion", "--symmetry", "--weights", weights, "--json", str(figures)]) == 0
    )
    read = json.loads(figures.read_text())
    assert all(error < 1e-4 for row in read.values() for error in row.values())


def test_bench_has_a_row_for_each_backend_beside_the_reference(tmp_path, weights: str) -> None:
    figures = tmp_path / "figures.json"
    sizes = ["--sizes", "1", "3", "--weights", weights, "--json", str(figures)]
    assert main(["bench", "eqmotion", *sizes]) == 0
    rows = json.loads(figures.read_text())["rows"]
    assert {"reference", "torch", "onnx"} <= {row["backend"] for row in rows}
    assert all(np.isfinite(row["p99_ms"]) and row["size"] in (1, 3) for row in rows)
