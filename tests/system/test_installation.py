"""What `make setup` promises: nothing to source, everything found, also by child processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BARE = {"PATH": os.defpath, "HOME": os.environ.get("HOME", "/")}
needs_own_ros = pytest.mark.skipif(
    "ROS_DISTRO" in os.environ, reason="beside a system's ROS the workspace must be sourced"
)


def run(program: str, **environment: str) -> str:
    """What a Python program prints in a shell where nothing was sourced."""
    command = [sys.executable, "-c", program]
    shown = subprocess.run(command, env=BARE | environment, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.strip()


@needs_own_ros
def test_messages_import_with_nothing_sourced():
    program = "from equi_msgs.msg import TrackArray; from tf2_msgs.msg import TFMessage; "
    assert run(program + "print(TrackArray().tracks, TFMessage().transforms)") == "[] []"


@needs_own_ros
def test_the_mark_of_another_environment_does_no_harm():
    assert run("import rclpy; print('ok')", _ROS_WHEELS_BOOTSTRAP_COMPLETE="1") == "ok"


@needs_own_ros
def test_ament_index_finds_launch_and_config():
    program = "from ament_index_python import get_package_share_directory as share; "
    folder = Path(run(program + "print(share('equi_nodes'))"))
    assert list((folder / "config" / "graphs").glob("*.yaml"))
    assert list((folder / "launch").glob("*.launch.py"))
    assert Path(run(program + "print(share('equi_msgs'))"), "msg", "TrackArray.msg").exists()


def test_doctor_finds_ros_well(tmp_path):
    figures = tmp_path / "doctor.json"
    command = [sys.executable, "-m", "equi_nodes.cli.main", "doctor", "--json", str(figures)]
    subprocess.run(command, capture_output=True, timeout=60)
    status = {row["name"]: row["status"] for row in json.loads(figures.read_text())["checks"]}
    needed = ("rclpy", "middleware", "equi_msgs", "tf2_msgs")
    assert [status[name] for name in needed] == ["ok"] * len(needed)
