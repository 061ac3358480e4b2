"""What `equi doctor` looks at, one function a row."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from equi_nodes.runtime.card import matches_card

PACKAGE = Path(__file__).resolve().parents[1]
SETUP_FIX = "make setup"
SOURCE_FIX = "make setup; beside a system's ROS also . ros_ws/install/setup.bash"
WEIGHTS_FIX = "git checkout -- equi_nodes/weights"
FREE_DISK_GB = 1.0
FREE_SHARED_MEMORY_MB = 64
ROUND_TRIP_LIMIT_S = 5.0


@dataclass(frozen=True)
class Check:
    """One row: what was looked at, ``ok``, ``warn`` or ``fail``, what was found, and the fix."""

    name: str
    status: str
    found: str
    fix: str = ""


def check_python() -> Check:
    """The interpreter: 3.10 to 3.13."""
    found = f"{platform.python_version()}, {sys.executable}"
    if (3, 10) <= sys.version_info[:2] <= (3, 13):
        return Check("python", "ok", found)
    return Check("python", "fail", found, "make clean setup PYTHON=python3.11")


def check_system() -> Check:
    """The operating system and what it runs on."""
    name = platform.system()
    if hasattr(platform, "freedesktop_os_release") and Path("/etc/os-release").exists():
        name = platform.freedesktop_os_release().get("PRETTY_NAME", name)
    found = f"{name}, {platform.machine()}, {os.cpu_count()} processors"
    if platform.system() == "Linux":
        return Check("system", "ok", found)
    return Check("system", "warn", found, "use Linux: the nodes are tested on nothing else")


def check_disk() -> Check:
    """Free space where the package lies."""
    free_gb = shutil.disk_usage(PACKAGE).free / 1e9
    status = "ok" if free_gb >= FREE_DISK_GB else "warn"
    fix = "" if status == "ok" else f"free at least {FREE_DISK_GB:.0f} GB for recordings"
    return Check("disk", status, f"{free_gb:.0f} GB free", fix)


def check_numpy() -> Check:
    """numpy: 1.26 or newer."""
    import numpy

    if tuple(map(int, numpy.__version__.split(".")[:2])) >= (1, 26):
        return Check("numpy", "ok", numpy.__version__)
    return Check("numpy", "fail", numpy.__version__, SETUP_FIX)


def check_torch() -> Check:
    """torch: 2.4 or newer."""
    import torch

    if tuple(map(int, torch.__version__.split(".")[:2])) >= (2, 4):
        return Check("torch", "ok", torch.__version__)
    return Check("torch", "fail", torch.__version__, SETUP_FIX)


def check_cuda() -> Check:
    """Whether torch uses the graphics card that the machine has, if it has one."""
    import torch

    if torch.cuda.is_available():
        return Check("cuda", "ok", f"{torch.version.cuda}, {torch.cuda.get_device_name()}")
    if not _has_nvidia_card():
        return Check("cuda", "ok", "no NVIDIA card; the networks run on the processor")
    if torch.version.cuda is None:
        fix = "pip install --force-reinstall torch (a CUDA build) in .venv"
        return Check("cuda", "warn", "an NVIDIA card, but a torch without CUDA", fix)
    return Check("cuda", "warn", "an NVIDIA card that torch cannot use", "update its driver")


def check_onnxruntime() -> Check:
    """ONNX Runtime and its providers."""
    import onnxruntime

    names = onnxruntime.get_available_providers()
    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in names)
    return Check("onnxruntime", "ok", f"{onnxruntime.__version__}: {providers}")


def check_tensorrt() -> Check:
    """TensorRT, which only `backend: tensorrt` needs."""
    for name in ("tensorrt", "tensorrt_rtx"):
        if find_spec(name):
            return Check("tensorrt", "ok", f"{name} {import_module(name).__version__}")
    if _has_nvidia_card():
        return Check("tensorrt", "warn", "not installed", "pip install tensorrt-rtx in .venv")
    return Check("tensorrt", "ok", "not installed; only backend: tensorrt needs it")


def check_opencv() -> Check:
    """OpenCV, for the odometry's images."""
    import cv2

    return Check("opencv", "ok", cv2.__version__)


def check_gtsam() -> Check:
    """GTSAM, which only the map of the odometry needs."""
    if find_spec("gtsam"):
        return Check("gtsam", "ok", _version("gtsam"))
    return Check("gtsam", "ok", "not installed; only slam: true of the odometry needs it")


def check_rclpy() -> Check:
    """The ROS client library, from the system or from PyPI."""
    import rclpy

    origin = os.environ.get("ROS_DISTRO", "PyPI")
    return Check("rclpy", "ok", f"{_version(rclpy.__name__)} from {origin}")


def check_rmw() -> Check:
    """The middleware: a message must come round through it."""
    import rclpy

    took_s = _round_trip()
    domain = os.environ.get("ROS_DOMAIN_ID", "0")
    found = f"{rclpy.get_rmw_implementation_identifier()}, domain {domain}"
    if took_s is not None:
        return Check("middleware", "ok", f"{found}, message round in {1e3 * took_s:.1f} ms")
    fix = "unset RMW_IMPLEMENTATION and FASTRTPS_DEFAULT_PROFILES_FILE, allow multicast on lo"
    return Check("middleware", "fail", f"{found}, but no message came round", fix)


def check_messages(package: str) -> Check:
    """Whether a message package imports."""
    import_module(f"{package}.msg")
    return Check(package, "ok", _version(package))


def check_large_messages() -> Check:
    """Room for clouds in shared memory, and the Fast DDS profile if one is named."""
    profile = os.environ.get("FASTRTPS_DEFAULT_PROFILES_FILE", "")
    if profile and not Path(profile).is_file():
        fix = f"export FASTRTPS_DEFAULT_PROFILES_FILE={_shipped_profile()}"
        return Check("dds profile", "warn", f"{profile} does not exist", fix)
    shared = Path("/dev/shm")
    free_mb = shutil.disk_usage(shared).free / 1e6 if shared.is_dir() else 0.0
    if free_mb < FREE_SHARED_MEMORY_MB:
        fix = "enlarge /dev/shm, in a container with --shm-size=512m"
        if any(shared.glob("fastdds_*")):
            fix += "; or end all nodes and remove /dev/shm/fastdds_*, which killed ones left"
        return Check("dds profile", "warn", f"{free_mb:.0f} MB of shared memory free", fix)
    return Check(
        "dds profile", "ok", profile or "default; config/dds/fastdds.xml suits large clouds"
    )


def check_weights(folder: Path = PACKAGE / "weights") -> Check:
    """Whether the shipped weights are there and are those that their cards tell of."""
    cards = sorted(folder.glob("*.json"))
    if not cards:
        return Check("weights", "fail", f"none in {folder}", WEIGHTS_FIX)
    damaged = [card.stem for card in cards if not _weights_match(card)]
    if damaged:
        return Check("weights", "fail", f"missing or damaged: {', '.join(damaged)}", WEIGHTS_FIX)
    return Check("weights", "ok", ", ".join(card.stem for card in cards))


def guarded(name: str, check: Callable[[], Check], fix: str) -> Check:
    """Run one check; whatever it raises, as a damaged package may, becomes a failed row."""
    try:
        return check()
    except Exception as error:  # noqa: BLE001
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        return Check(name, "fail", reason, fix)


def all_checks() -> list[Check]:
    """Look at everything; a row that breaks hides no other."""
    return [guarded(name, check, fix) for name, (check, fix) in CHECKS.items()]


CHECKS: dict[str, tuple[Callable[[], Check], str]] = {
    "python": (check_python, SETUP_FIX),
    "system": (check_system, SETUP_FIX),
    "disk": (check_disk, SETUP_FIX),
    "rclpy": (check_rclpy, SOURCE_FIX),
    "middleware": (check_rmw, SOURCE_FIX),
    "equi_msgs": (partial(check_messages, "equi_msgs"), SOURCE_FIX),
    "tf2_msgs": (partial(check_messages, "tf2_msgs"), SOURCE_FIX),
    "dds profile": (check_large_messages, SETUP_FIX),
    "numpy": (check_numpy, SETUP_FIX),
    "torch": (check_torch, SETUP_FIX),
    "cuda": (check_cuda, SETUP_FIX),
    "onnxruntime": (check_onnxruntime, SETUP_FIX),
    "tensorrt": (check_tensorrt, "pip install --force-reinstall tensorrt-rtx in .venv"),
    "opencv": (check_opencv, SETUP_FIX),
    "gtsam": (check_gtsam, "pip install --force-reinstall gtsam in .venv"),
    "weights": (check_weights, WEIGHTS_FIX),
}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "of unknown version"


def _has_nvidia_card() -> bool:
    return Path("/dev/nvidia0").exists() or Path("/dev/nvhost-gpu").exists()


def _shipped_profile() -> Path:
    from equi_nodes.config.paths import share_dir

    return share_dir() / "config" / "dds" / "fastdds.xml"


def _weights_match(card: Path) -> bool:
    weights = card.with_suffix(".safetensors")
    return weights.is_file() and matches_card(weights)


def _round_trip() -> float | None:
    """Seconds until a message from this process came back through the middleware, if one did."""
    import rclpy

    context = rclpy.Context()
    rclpy.init(context=context)
    try:
        node = rclpy.create_node("equi_doctor", context=context)
        try:
            return _publish_until_heard(node)
        finally:
            node.destroy_node()
    finally:
        rclpy.shutdown(context=context)


def _publish_until_heard(node: Any) -> float | None:
    from rclpy.executors import SingleThreadedExecutor
    from std_msgs.msg import Empty

    arrived = []
    publisher = node.create_publisher(Empty, "~/round_trip", 1)
    node.create_subscription(Empty, "~/round_trip", arrived.append, 1)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    began = time.monotonic()
    while not arrived and time.monotonic() < began + ROUND_TRIP_LIMIT_S:
        publisher.publish(Empty())
        executor.spin_once(timeout_sec=0.1)
    executor.shutdown()
    return time.monotonic() - began if arrived else None
