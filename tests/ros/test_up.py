"""Promises of `equi up`: it starts a graph, tells who died, and leaves no process behind."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

LIMIT_S = 2.0
UP = [sys.executable, "-c", "from equi_nodes.cli.main import main; raise SystemExit(main())", "up"]


@pytest.fixture
def two_nodes(tmp_path) -> str:
    """Return the path of a graph of two prediction nodes."""
    entry = {"executable": "eqmotion", "parameters": "eqmotion.param.yaml"}
    nodes = {
        name: entry | {"remap": {"~/input/tracks": "tracks", "~/output/predictions": name}}
        for name in ("first", "second")
    }
    path = tmp_path / "pair.yaml"
    path.write_text(yaml.safe_dump({"name": "pair", "description": "Two.", "nodes": nodes}))
    return str(path)


def children(process) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_all_nodes_start_and_end_together(start_plain, peer_of, two_nodes, number):
    up = start_plain([*UP, two_nodes, "--namespace", "robot1", "--set", "first.modes=3"])
    first, second = peer_of("/robot1/first"), peer_of("/robot1/second")
    first.until(lambda: first.statuses, "the first node tells its state")
    second.until(lambda: second.statuses, "the second node tells its state")
    assert first.parameter("modes") == 3
    assert second.parameter("modes") == 20
    nodes = children(up)
    assert len(nodes) == 2
    code, seconds = up.end(number)
    assert code == 0, up.text
    assert seconds < LIMIT_S + 0.5
    assert not any(node.is_running() for node in nodes)
    assert "Traceback" not in up.text


def test_a_node_that_dies_ends_all_and_is_named(start_plain, peer_of, two_nodes):
    up = start_plain([*UP, two_nodes])
    first, second = peer_of("/first"), peer_of("/second")
    first.until(lambda: first.statuses, "the first node tells its state")
    second.until(lambda: second.statuses, "the second node tells its state")
    nodes = children(up)
    victim = next(node for node in nodes if any("__node:=second" in a for a in node.cmdline()))
    victim.kill()
    assert up.wait(10.0) == 1
    assert "Node second ended with code -9" in up.text
    deadline = time.monotonic() + LIMIT_S
    while any(node.is_running() for node in nodes):
        assert time.monotonic() < deadline


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predikt"], "There is no graph 'predikt': choose one of"),
        (["predict", "--set", "eqmotio.modes=3"], "No node 'eqmotio' in graph predict"),
        (["predict", "--set", "modes"], "'modes' is not of the form node.parameter=value"),
        (["predict", "--set", "eqmotion.modes=99"], "Node eqmotion ended with code 1"),
    ],
)
def test_a_wrong_call_ends_with_one_sentence(start_plain, arguments, sentence):
    up = start_plain([*UP, *arguments])
    assert up.wait(20.0) == 1
    assert sentence in up.text
    assert "Traceback" not in up.text


def test_the_profile_for_large_messages_is_shipped():
    from equi_nodes.ros.process import dds_environment

    (path,) = dds_environment("auto").values()
    assert "<segment_size>67108864</segment_size>" in Path(path).read_text()
    assert dds_environment("none") == {}
