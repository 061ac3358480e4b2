"""Rooms import downwards only, and ROS stays in the rooms made for it."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from meta.sources import Source, package_sources

BASE = {"config", "errors", "samples"}
METHODS = {"vio", "planning", "tracking", "mapping", "fitting"}
ESTIMATION = METHODS | {"geometry", "equivariant", "models", "body", "runtime"}
MAY_IMPORT = {
    "geometry": set(),
    "equivariant": {"geometry"},
    "models": {"equivariant", "geometry"},
    "body": {"geometry"},
    "vio": {"geometry"},
    "planning": {"geometry"},
    "tracking": {"geometry"},
    "mapping": {"geometry"},
    "fitting": {"geometry", "body"},
    "runtime": {"models", "geometry"},
    "pipelines": ESTIMATION,
    "config": set(),
    "datasets": {"geometry", "body", "sim", "planning"},
    "sim": {"geometry", "body"},
    "training": {"models", "datasets", "evaluation", "pipelines", "planning", "sim"},
    "evaluation": METHODS | {"pipelines", "datasets", "geometry", "sim", "body"},
    "ros": {"runtime", "geometry"},
    "nodes": {"ros", "pipelines", "datasets", "sim"},
    "errors": set(),
    "samples": set(),
    "__init__": set(),
}
ROS_ROOMS = {"ros", "nodes"}
SOURCES = package_sources()
RULED = [source for source in SOURCES if source.room != "cli"]  # the verbs may import all


def imports(source: Source) -> list[tuple[str, bool]]:
    """Dotted name of every import, and whether it is inside a function."""
    local = {id(child) for function in source.functions() for child in ast.walk(function)}
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, id(node) in local) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{source.name}: relative import"
            package = node.module == "equi_nodes"
            names = [f"equi_nodes.{a.name}" for a in node.names] if package else [node.module]
            found += [(name, id(node) in local) for name in names]
    return found


def is_ros(name: str) -> bool:
    """Whether an import is the ROS client library or a message package."""
    top = name.partition(".")[0]
    return top == "rclpy" or top.endswith(("_msgs", "_interfaces"))


@pytest.mark.parametrize("source", RULED, ids=lambda source: source.name)
def test_rooms_import_downwards(source):
    allowed = MAY_IMPORT[source.room] | BASE | {source.room, "__version__"}
    names = [name.split(".") for name, _ in imports(source)]
    rooms = {parts[1] for parts in names if parts[0] == "equi_nodes" and len(parts) > 1}
    assert rooms <= allowed


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_ros_is_imported_in_its_rooms_only(source):
    if source.room in ROS_ROOMS:
        return
    wrong = [
        n for n, local in imports(source) if is_ros(n) and not (local and source.room == "cli")
    ]
    assert not wrong


def test_every_room_has_a_rule():
    rooms = {source.room for source in SOURCES}
    assert rooms <= {*MAY_IMPORT, "cli"}


@pytest.mark.parametrize("module", ["equi_nodes", "equi_nodes.cli.main"])
def test_import_is_instant(module):
    """Neither the package nor the command line pulls in what takes a second to import."""
    program = (
        f"import sys, {module}; print(*{{'torch', 'rclpy', 'numpy', 'rich'}} & {{*sys.modules}})"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (shown.returncode, shown.stdout.strip()) == (0, "")


def test_the_parser_sees_local_and_global_imports(tmp_path):
    file = tmp_path / "example.py"
    file.write_text("import rclpy\ndef f():\n    from std_msgs.msg import Empty\n")
    assert imports(Source(file)) == [("rclpy", False), ("std_msgs.msg", True)]
