"""`equi demo` ends cleanly: on Ctrl-C, when a node dies, and on a call that makes no sense."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import psutil
import pytest

DEMO = [sys.executable, "-c", "from equi_nodes.cli.main import main; raise SystemExit(main())"]
END_S = 60.0  # a limit against hanging, not a promise


@pytest.fixture
def demo(tmp_path):
    """A demo under way, with its nodes started."""
    process = subprocess.Popen(
        [*DEMO, "demo", "--out", str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 40.0
    while len(nodes_of(process)) < 6 and time.monotonic() < deadline:
        time.sleep(0.2)
    yield process
    for child in nodes_of(process):
        child.kill()
    process.kill()
    process.wait()


def nodes_of(process) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []


def test_ctrl_c_ends_all(demo):
    nodes = nodes_of(demo)
    assert nodes
    started = time.monotonic()
    demo.send_signal(signal.SIGINT)
    while any(node.is_running() and node.status() != psutil.STATUS_ZOMBIE for node in nodes):
        assert time.monotonic() - started < END_S
        time.sleep(0.05)
    output, _ = demo.communicate(timeout=60.0)
    assert "Traceback" not in output


def test_a_node_that_dies_ends_the_demo_with_a_sentence(demo):
    victim = next(n for n in nodes_of(demo) if any("__node:=eqmotion" in a for a in n.cmdline()))
    victim.kill()
    output, _ = demo.communicate(timeout=30.0)
    assert demo.returncode == 1
    assert "Node eqmotion ended with code -9" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--scenario", "moon"], "There is no scenario 'moon'; take one of office"),
        (["--minutes", "0"], "--minutes must be above 0"),
        (["--set", "viio.rate=1"], "No node 'viio' in graph demo"),
        (["--faults", "nowhere.yaml"], "cannot be read"),
    ],
)
def test_a_wrong_call_ends_with_one_sentence(tmp_path, options, sentence):
    command = [*DEMO, "demo", "--out", str(tmp_path), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60.0)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
