"""Nodes end with the process that started them, also when that one is killed."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest

pytest.importorskip("rclpy")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's alone")
STARTER = """
import sys, time
from equi_nodes.ros.process import NodeProcess
command = [sys.executable, "-c", sys.argv[1]]
node = NodeProcess("node", command, lambda name, line: print(line, flush=True))
print(node.pid, flush=True)
time.sleep(60.0)
"""
NODE = """
import time
time.sleep({before})
from equi_nodes.ros.end_with_parent import obey
obey()
print("obeys", flush=True)
time.sleep(60.0)
"""
END_S = 20.0


@LINUX
@pytest.mark.parametrize("before", [0.0, 2.0])
def test_a_node_ends_when_its_starter_is_killed(before):
    """The starter is killed after the node has asked the kernel (0 s), or before it has (2 s)."""
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, NODE.format(before=before)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    node = psutil.Process(int(starter.stdout.readline()))
    if not before:
        assert starter.stdout.readline() == "obeys\n"
    starter.kill()
    starter.wait()
    deadline = time.monotonic() + END_S
    while node.is_running() and node.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@LINUX
def test_a_node_that_nobody_asks_does_not_end_with_its_parent(monkeypatch):
    monkeypatch.delenv("EQUI_PARENT", raising=False)
    command = "from equi_nodes.ros.end_with_parent import obey; obey(); print('lives')"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "lives\n")
