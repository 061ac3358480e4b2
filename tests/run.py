"""Run all tests: those that need ROS each in a process and a DDS domain of its own.

Ends with one line, ``N passed, N failed, N skipped``. Arguments limit what is run:
``python tests/run.py tests/unit tests/ros/test_faults.py``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
OWN_PROCESS = ("ros", "system")
FILE_LIMIT_S = 120
SESSION_LIMIT_S = 1500
FIRST_DOMAIN = 20  # Linux keeps the ports of domains 0 to 101 free for DDS
DOMAINS = 80
NO_TESTS = 5  # pytest's exit code where nothing was collected


@dataclass
class Outcome:
    """What came of a pytest process, or of all of them."""

    counts: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    skips: Counter = field(default_factory=Counter)

    def add(self, other: Outcome) -> None:
        """Take in the outcome of one more process."""
        self.counts += other.counts
        self.failures += other.failures
        self.skips += other.skips


def main(arguments: list[str]) -> int:
    """Run the chosen tests, report, and return the exit code."""
    chosen = [Path(name).resolve() for name in arguments] or [TESTS]
    began = time.monotonic()
    total = Outcome()
    jobs = plan(chosen)
    for number, (label, paths, limit_s) in enumerate(jobs):
        print(f"[{number + 1}/{len(jobs)}] {label}", flush=True)
        total.add(run(paths, limit_s, FIRST_DOMAIN + (os.getpid() + number) % DOMAINS))
    report(total, time.monotonic() - began)
    return 1 if total.counts["failed"] or not total.counts["passed"] else 0


def plan(chosen: list[Path]) -> list[tuple[str, list[Path], float]]:
    """The processes to start: one for all plain tests, one for each file that uses ROS."""
    files = sorted({file for path in chosen for file in test_files(path)})
    own = [file for file in files if file.relative_to(TESTS).parts[0] in OWN_PROCESS]
    plain = [file for file in files if file not in own]
    jobs = [("plain tests", plain, SESSION_LIMIT_S)] if plain else []
    return jobs + [(str(file.relative_to(ROOT)), [file], FILE_LIMIT_S) for file in own]


def test_files(path: Path) -> list[Path]:
    """The test files under a folder, or the file itself."""
    return sorted(path.rglob("test_*.py")) if path.is_dir() else [path]


def run(paths: list[Path], limit_s: float, domain: int) -> Outcome:
    """Run one pytest process within ``limit_s`` seconds and read what it found."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.xml"
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", f"--junitxml={result}"]
        environment = os.environ | {"ROS_DOMAIN_ID": str(domain)}
        process = subprocess.Popen(
            [*command, *map(str, paths)], cwd=ROOT, env=environment, start_new_session=True
        )
        ended = wait(process, limit_s)
        if result.exists():
            return read(result)
    if process.returncode == NO_TESTS:
        return Outcome()
    reason = "ended without a result" if ended else f"still running after {limit_s:.0f} s"
    names = ", ".join(str(path.relative_to(ROOT)) for path in paths[:3])
    return Outcome(Counter(failed=1), [f"{names}: {reason}"])


def wait(process: subprocess.Popen, limit_s: float) -> bool:
    """Wait for a process; at the limit, or on Ctrl-C, kill it with all that it started."""
    try:
        process.wait(limit_s)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        kill_group(process)


def kill_group(process: subprocess.Popen) -> None:
    """Kill whatever a test left behind."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    process.wait()


def read(result: Path) -> Outcome:
    """Read a JUnit file: how many passed, which failed, why others were skipped."""
    outcome = Outcome()
    for case in ElementTree.parse(result).iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcome.counts["failed"] += 1
            outcome.failures.append(f"{case.get('classname')}.{case.get('name')}")
        elif skipped is not None:
            outcome.counts["skipped"] += 1
            outcome.skips[skipped.get("message", "no reason given")] += 1
        else:
            outcome.counts["passed"] += 1
    return outcome


def report(total: Outcome, seconds: float) -> None:
    """Print what failed, what was skipped and why, and the closing line."""
    for reason, count in total.skips.items():
        print(f"skipped {count}: {reason}")
    for name in total.failures:
        print(f"failed: {name}")
    print(f"tests took {seconds:.0f} s")
    counts = total.counts
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
