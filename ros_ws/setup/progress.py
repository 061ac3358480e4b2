"""Run one long command with a line of progress, and say in one sentence why it failed."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path

SPINNER = "|/-\\"
HEARTBEAT_S = 15.0

# What a log shows, and what a user should read instead; the first match counts.
CAUSES = (
    (r"No space left on device|Errno 28",
     "The disk is full: free at least 3 GB and run the same command again."),
    (r"Temporary failure in name resolution|NewConnectionError|Network is unreachable"
     r"|Failed to establish a new connection|Name or service not known|NameResolutionError"
     r"|ConnectTimeoutError|ProxyError|Connection refused",
     "The Python package index cannot be reached: check the network (or PIP_INDEX_URL) and run "
     "the same command again."),
    (r"No CMAKE_CXX_COMPILER|No CMAKE_C_COMPILER|is not able to compile a simple test program",
     "No working C++ compiler: install one (Debian, Ubuntu: sudo apt install g++) and run the "
     "same command again."),
    (r"Could NOT find Python3.*Development|Python\.h: No such file",
     "Python's headers are missing: install them (Debian, Ubuntu: sudo apt install python3-dev) "
     "and run the same command again."),
)  # fmt: skip


class SetupError(Exception):
    """One sentence for the user: what is missing and what to do."""


def run(label: str, command: list, log: Path, folder: Path | None = None) -> None:
    """Run ``command`` with its output in ``log``, showing ``label``, seconds and the last line.

    Raises:
        SetupError: the command failed.
    """
    start = log.stat().st_size if log.exists() else 0
    with log.open("a") as sink:
        process = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace",
        )  # fmt: skip
        with Ticker(label) as ticker:
            for line in process.stdout:
                sink.write(line)
                if not line.startswith("WARNING"):
                    ticker.last_line = line.strip() or ticker.last_line
            failed = process.wait() != 0
            ticker.verdict = "failed" if failed else "done"
    if failed:
        raise SetupError(explain(log.read_text(errors="replace")[start:], log))


def explain(text: str, log: Path) -> str:
    """Return the sentence for the failure that ``text``, a command's output, tells of."""
    for pattern, sentence in CAUSES:
        if re.search(pattern, text):
            return sentence
    missing = re.search(r"No matching distribution found for (\S+)", text)
    if missing:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        return (
            f"The package index has no {missing[1]} for Python {version} on this machine: try "
            f"another Python, for example make setup PYTHON=python3.11."
        )
    tail = "\n".join(text.strip().splitlines()[-12:])
    return f"{tail}\nThe step failed for the reason above; all of its output is in {log}."


class Ticker:
    """Shows that a command lives: a spinner on a terminal, a line now and then elsewhere."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.last_line = ""
        self.verdict = "stopped"
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> Ticker:
        self._began = time.monotonic()
        if not sys.stdout.isatty():
            print(f"{self.label} ...", flush=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        clear = "\r\033[K" if sys.stdout.isatty() else ""
        print(f"{clear}{self.label}: {self.verdict} after {self._elapsed():.0f} s", flush=True)

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _show(self) -> None:
        terminal = sys.stdout.isatty()
        turn = 0
        while not self._done.wait(0.2 if terminal else HEARTBEAT_S):
            status = f"{self.label} {self._elapsed():.0f} s  {self.last_line}"
            if terminal:
                turn += 1
                print(f"\r\033[K{SPINNER[turn % 4]} {status[:90]}", end="", flush=True)
            else:
                print(f"  {status[:120]}", flush=True)
