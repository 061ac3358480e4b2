"""`equi demo --crowd` runs from nothing to a report, through a live node."""

from __future__ import annotations

import json

from equi_nodes.cli.main import main


def test_the_demo_ends_with_a_report_and_its_figures(weights, tmp_path, capsys):
    folder, figures = tmp_path / "demo", tmp_path / "demo.json"
    options = ["--crowd", "--seconds", "10", "--out", str(folder), "--weights", str(weights)]
    assert main(["demo", *options, "--json", str(figures)]) == 0
    assert "report.html" in capsys.readouterr().out.replace("\n", "")
    read = json.loads(figures.read_text())
    assert read["success"] and read["drops"] == 0 and read["frames"] == 100
    assert 0.0 < read["minutes"] < 3.0
    node = read["nodes"]["eqmotion"]
    assert 5.0 < node["rate_hz"] < 15.0
    assert 0.0 < node["latency_ms"]["p50"] <= node["latency_ms"]["p99"]
    assert node["cpu"] > 0.0 and node["rss_mb"] > 50.0
    assert {path.name for path in folder.iterdir()} >= {
        "crowd.mcap", "report.html", "metrics.json", "predictions.csv", "figures", "node.log",
    }  # fmt: skip


def test_a_demo_too_short_to_score_is_refused(tmp_path, capsys):
    assert main(["demo", "--crowd", "--seconds", "2", "--out", str(tmp_path)]) == 1
    assert "--seconds must be 8 to 600" in capsys.readouterr().err
