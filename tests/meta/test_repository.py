"""What is in the repository: no leftovers, no machine's own paths, one version, linted."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from meta.sources import PACKAGE, ROOT

import equi_nodes

LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE_PATH = re.compile(r"(?<![\w.~])/(home|Users|root|work|tmp/[a-z])/?\w*")
WEIGHTS_BUDGET_MB = 25


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Content of every text file that git knows or would add."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a checkout: git does not say which files belong to it")
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = {}
    for name in listed.stdout.splitlines():
        try:
            found[name] = (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue
    return found


def test_no_leftovers(texts):
    assert not [name for name, text in texts.items() if LEFTOVER.search(text)]


def test_no_machine_paths(texts):
    wrong = {name: match[0] for name, text in texts.items() if (match := MACHINE_PATH.search(text))}
    wrong.pop("tests/meta/test_repository.py", None)
    assert not wrong


def test_linter_is_content():
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", "."]
    linted = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert linted.returncode == 0, linted.stdout


def test_one_version():
    manifests = [ROOT / "package.xml", ROOT / "ros_ws" / "src" / "equi_msgs" / "package.xml"]
    versions = {ElementTree.parse(path).findtext("version") for path in manifests}
    setup = re.search(r'^VERSION = "(.*)"', (ROOT / "setup.py").read_text(), re.M)
    assert versions == {setup[1]} == {equi_nodes.__version__}
    assert f"[{equi_nodes.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_commands_exist():
    scripts = re.findall(r'"\w+ = ([\w.]+):(\w+)"', (ROOT / "setup.py").read_text())
    assert scripts
    for module, function in scripts:
        path = ROOT / (module.replace(".", "/") + ".py")
        names = [n.name for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)]
        assert function in names, f"{module} has no {function}"


def test_weights_are_small_and_have_cards():
    weights = sorted((PACKAGE / "weights").glob("*.safetensors"))
    assert sum(path.stat().st_size for path in weights) <= WEIGHTS_BUDGET_MB * 1e6
    assert all(path.with_suffix(".json").exists() for path in weights)
