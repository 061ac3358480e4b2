"""`equi demo` in lock-step: the same seed twice gives the same drive, message by message."""

from __future__ import annotations

import subprocess
import sys

import pytest
from rosbags.highlevel import AnyReader

pytest.importorskip("rclpy", reason="rclpy is not installed")

from equi_nodes.ros.lock_step import stamp_of  # noqa: E402

DEMO = [sys.executable, "-c", "from equi_nodes.cli.main import main; raise SystemExit(main())"]
TOPICS = ("ground_truth/odometry", "odom", "tracks", "map")


def said(folder):
    """Drive for some seconds; return the bytes of each topic's messages by their stamps."""
    options = ["demo", "--minutes", "0.35", "--out", str(folder)]
    subprocess.run([*DEMO, *options], capture_output=True, timeout=58.0, check=True)
    found = {topic: {} for topic in TOPICS}
    with AnyReader([folder / "bag"]) as bag:
        for connection, _, data in bag.messages():
            topic = connection.topic.strip("/")
            if topic in found:
                found[topic][stamp_of(data)] = bytes(data)
    return found


def test_a_second_drive_with_the_same_seed_is_the_same(tmp_path):
    first, second = said(tmp_path / "first"), said(tmp_path / "second")
    end = min(max(drive["map"]) for drive in (first, second))
    assert end - min(first["odom"]) > 1_000_000_000
    for topic in TOPICS:
        before, after = (
            {stamp: message for stamp, message in drive[topic].items() if stamp < end}
            for drive in (first, second)
        )
        assert before == after, topic
