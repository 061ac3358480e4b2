"""`equi demo` drives a robot with all nodes: a short run ends with bag, film, report, figures."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from equi_nodes.config.graph import read_graph
from equi_nodes.datasets.bags import read_messages, summarize

DEMO = [sys.executable, "-c", "from equi_nodes.cli.main import main; raise SystemExit(main())"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the demo for a minute, of which its start takes some; return its folder and figures."""
    folder = tmp_path_factory.mktemp("demo")
    options = ["--minutes", "1", "--out", str(folder), "--json", str(folder / "figures.json")]
    done = subprocess.run([*DEMO, "demo", *options], capture_output=True, text=True, timeout=150.0)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "report.html" in done.stdout
    return folder, json.loads((folder / "figures.json").read_text())


def test_every_node_worked_and_none_lost_its_input(run):
    _, figures = run
    assert figures["end"] in ("out of minutes", "arrived")
    assert set(figures["nodes"]) == {node.name for node in read_graph("demo").nodes}
    for name, node in figures["nodes"].items():
        assert node["rate_hz"] > 0.5, name
        assert node["cpu"] > 0.0 and node["rss_mb"] > 30.0, name
    vio = figures["losses"]["vio"]
    assert vio["imu received"] > 500 and vio["imu lost_by_stamps"] == 0
    assert figures["nodes"]["vio"]["latency_ms"]["p50"] > 0.0
    assert figures["spans"]["cloud to plan"]["latency_ms"]["p50"] > 0.0


def test_the_odometry_is_near_the_truth_and_the_robot_drives(run):
    folder, figures = run
    assert figures["odometry"]["ate_rmse_m"] < 0.1
    assert figures["driven_m"] > 0.3, _why_standing(folder, figures)
    assert figures["goals"]["count"] == 3
    assert 0.0 < figures["minutes"] < 3.0


def _why_standing(folder, figures):
    """Return all that tells why a robot did not drive: where messages got lost, who said what."""
    said = {
        (status.name, status.message, *((item.key, item.value) for item in status.values))
        for item in read_messages(folder / "bag", "/diagnostics")
        for status in item.message.status
        if status.name.endswith(("following", "time"))
    }
    plans = [len(item.message.poses) for item in read_messages(folder / "bag", "/plan")]
    log = (folder / "nodes.log").read_text()
    parts = figures["losses"], figures["causes"], figures["notes"], plans, log, *sorted(said)
    return "\n".join(map(str, parts))


def test_bag_report_and_film_are_there(run):
    folder, _ = run
    names = {path.name for path in folder.iterdir()}
    assert names >= {"bag", "report.html", "metrics.json", "run.npz", "nodes.log", "figures"}
    topics = {topic.name: topic for topic in summarize(folder / "bag").topics}
    for name in ("points", "left/image_raw", "odom", "tracks", "predictions", "map", "plan", "imu"):
        assert topics[f"/{name}"].count > 0, name
    size = sum(path.stat().st_size for path in (folder / "bag").iterdir())
    assert size < 200e6
