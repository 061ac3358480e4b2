"""Nodes as processes of their own: started, listened to, and ended for certain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import psutil

from equi_nodes.config.graph import NodeStart
from equi_nodes.config.paths import share_dir
from equi_nodes.ros.end_with_parent import request

PATIENCE_S = 1.5  # from the request to end until the process is killed
LOOK_S = 0.02  # between two looks whether processes have ended
FAST_DDS_2 = ("humble", "iron", "jazzy")  # distributions whose Fast DDS has the older variable


class NodeProcess:
    """One process; its output goes line by line to a listener.

    Attributes:
        name: what the listener is told with each line.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        on_line: Callable[[str, str], None],
        *,
        on_end: Callable[[NodeProcess], None] = lambda process: None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start the process in a group of its own.

        Args:
            name: of the node.
            command: program and arguments.
            on_line: takes the name and each line of output, in a thread of its own.
            on_end: takes this object when the process has ended, in the same thread.
            environment: variables set in addition to those of this process.
        """
        self.name = name
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C goes to us alone, and we end what we started
            env=os.environ | request() | {"PYTHONUNBUFFERED": "1"} | dict(environment or {}),
        )
        self._reader = threading.Thread(target=self._read, args=(on_line, on_end), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Return the exit code, None while the process runs."""
        return self._process.poll()

    def send(self, number: int) -> None:
        """Send a signal if the process still runs."""
        if self.code is None:
            os.killpg(self.pid, number)

    def wait(self, timeout_s: float) -> int:
        """Wait for the end, kill the process when it takes longer, and return the exit code."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
        code = self._process.wait()
        self._reader.join(1.0)
        return code

    def stop(self, number: int = signal.SIGINT, timeout_s: float = PATIENCE_S) -> int:
        """Ask the process to end, kill it if it does not, and return the exit code."""
        self.send(number)
        return self.wait(timeout_s)

    @property
    def cpu_s(self) -> float:
        """Return the processor seconds used so far by it and what it started; 0 after its end."""
        return sum(sum(process.cpu_times()[:2]) for process in self._family())

    @property
    def rss_mb(self) -> float:
        """Return the memory that it and what it started hold, MiB; 0 after its end."""
        return sum(process.memory_info().rss for process in self._family()) / 2**20

    def _family(self) -> list[psutil.Process]:
        """Return the process and those it started."""
        try:
            node = psutil.Process(self.pid)
            family = [node, *node.children(recursive=True)]
            return [process for process in family if process.status() != psutil.STATUS_ZOMBIE]
        except psutil.NoSuchProcess:
            return []

    def _read(
        self, on_line: Callable[[str, str], None], on_end: Callable[[NodeProcess], None]
    ) -> None:
        with self._process.stdout as output:
            for line in output:
                on_line(self.name, line.rstrip("\n"))
        self._process.wait()
        on_end(self)


def node_command(node: NodeStart, namespace: str = "", log_level: str = "info") -> list[str]:
    """Return the command that runs one node of a graph with this interpreter."""
    module = f"equi_nodes.nodes.{node.executable}"
    return [sys.executable, "-m", module, *node.ros_arguments(namespace, log_level)]


def stop_all(processes: Sequence[NodeProcess]) -> None:
    """Ask all processes to end at once, and kill those that do not in time, all at once too."""
    for process in processes:
        process.send(signal.SIGINT)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and any(process.code is None for process in processes):
        time.sleep(LOOK_S)
    for process in processes:
        process.send(signal.SIGKILL)
    for process in processes:
        process.wait(PATIENCE_S)


def dds_environment(profile: str) -> dict[str, str]:
    """Return the variables that make Fast DDS use the shipped profile.

    Args:
        profile: ``auto`` for the shipped one unless the user has set one, ``none`` for none.
    """
    is_old = os.environ.get("ROS_DISTRO") in FAST_DDS_2
    variable = f"FAST{'RTPS' if is_old else 'DDS'}_DEFAULT_PROFILES_FILE"
    if profile == "none" or variable in os.environ:
        return {}
    return {variable: str(share_dir() / "config" / "dds" / "fastdds.xml")}
