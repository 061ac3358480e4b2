"""Build the message packages into the virtual environment that holds the ROS wheels.

Run by that environment's interpreter, which then finds the messages with nothing sourced.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROS_WS = Path(__file__).resolve().parents[1]
PREFIX = Path(sys.prefix)

# The wheels' CMake files name the headers of the machine that built them.
BUILDER_PYTHON = re.compile(r"/opt/python/[^/;\"]+/include/python[\d.]+")
BUILDER_NUMPY = re.compile(r"/opt/python/[^;\"]+/site-packages/numpy/_?core/include")

TF2_MSGS_CMAKE = """cmake_minimum_required(VERSION 3.14)
project(tf2_msgs)
find_package(ament_cmake REQUIRED)
find_package(geometry_msgs REQUIRED)
find_package(rosidl_default_generators REQUIRED)
rosidl_generate_interfaces(tf2_msgs msg/TF2Error.msg msg/TFMessage.msg DEPENDENCIES geometry_msgs)
ament_package()
"""
TF2_MSGS_XML = """<package format="3">
  <name>tf2_msgs</name>
  <version>0.0.1</version>
  <description>The transform messages, generated because no wheel has them.</description>
  <maintainer email="equi-nodes@users.noreply.github.com">equi_nodes maintainers</maintainer>
  <license>BSD-3-Clause</license>
  <buildtool_depend>ament_cmake</buildtool_depend>
  <buildtool_depend>rosidl_default_generators</buildtool_depend>
  <depend>geometry_msgs</depend>
  <exec_depend>rosidl_default_runtime</exec_depend>
  <member_of_group>rosidl_interface_packages</member_of_group>
  <export><build_type>ament_cmake</build_type></export>
</package>
"""


def main() -> None:
    """Repair the wheels' header paths, then build and install every message package."""
    repair_header_paths()
    build_folder = ROS_WS / "build" / "wheels"
    build(write_tf2_msgs(build_folder / "tf2_msgs_source"), build_folder / "tf2_msgs")
    build(ROS_WS / "src" / "equi_msgs", build_folder / "equi_msgs")


def repair_header_paths() -> None:
    """Point the wheels' CMake files at this interpreter's own Python and numpy headers."""
    import numpy

    for path in (PREFIX / "share").glob("*/cmake/*.cmake"):
        text = path.read_text()
        repaired = BUILDER_NUMPY.sub(numpy.get_include(), text)
        repaired = BUILDER_PYTHON.sub(sysconfig.get_path("include"), repaired)
        if repaired != text:
            path.write_text(repaired)


def write_tf2_msgs(folder: Path) -> Path:
    """Write the source of ``tf2_msgs`` as rosbags knows it; return the folder."""
    from rosbags.typesys import Stores, get_typestore

    (folder / "msg").mkdir(parents=True, exist_ok=True)
    (folder / "CMakeLists.txt").write_text(TF2_MSGS_CMAKE)
    (folder / "package.xml").write_text(TF2_MSGS_XML)
    store = get_typestore(Stores.ROS2_JAZZY)
    for name in ("TF2Error", "TFMessage"):
        definition, _ = store.generate_msgdef(f"tf2_msgs/msg/{name}", ros_version=2)
        own_part = definition.split("=" * 80)[0]
        (folder / "msg" / f"{name}.msg").write_text(own_part)
    return folder


def build(source: Path, build_folder: Path) -> None:
    """Configure, compile and install one message package into the environment."""
    shutil.rmtree(build_folder, ignore_errors=True)
    environment = os.environ | {
        "AMENT_PREFIX_PATH": str(PREFIX),
        "CMAKE_PREFIX_PATH": str(PREFIX),
        "PATH": f"{PREFIX / 'bin'}{os.pathsep}{os.environ['PATH']}",
    }
    options = {
        "CMAKE_INSTALL_PREFIX": PREFIX,
        "Python3_EXECUTABLE": sys.executable,
        "CMAKE_BUILD_TYPE": "Release",
        "BUILD_TESTING": "OFF",
    }
    defines = [f"-D{name}={value}" for name, value in options.items()]
    configure = ["cmake", "-S", source, "-B", build_folder, "-Wno-dev", *defines]
    jobs = str(os.cpu_count())
    install = ["cmake", "--build", build_folder, "--target", "install", "--parallel", jobs]
    subprocess.run(configure, env=environment, check=True)
    subprocess.run(install, env=environment, check=True)


if __name__ == "__main__":
    main()
