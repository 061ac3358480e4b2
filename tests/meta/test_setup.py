"""The set-up's own rules: what it repeats, what it refuses, what it says."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from meta.sources import ROOT

sys.path.insert(0, str(ROOT / "ros_ws" / "setup"))
import install  # noqa: E402
import progress  # noqa: E402


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with one input file, whose environment is not set up."""
    monkeypatch.setattr(install, "ROOT", tmp_path)
    monkeypatch.setattr(install, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(install, "STAMPS", tmp_path / ".venv" / ".setup")
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "a.msg").write_text("int64 id")
    (tmp_path / ".venv").mkdir()
    return tmp_path


def test_a_step_is_done_once_and_again_after_a_change(checkout):
    done = []
    steps = [install.Step("messages", "build", ("input",), done.append)]
    install.install(install.pending_steps(steps))
    install.install(install.pending_steps(steps))
    assert done == ["[1/1] build"]
    (checkout / "input" / "b.msg").write_text("int64 id")
    install.install(install.pending_steps(steps))
    assert len(done) == 2


def test_a_failed_step_is_not_stamped(checkout):
    def fail(label: str) -> None:
        raise install.SetupError("no")

    steps = [install.Step("messages", "build", ("input",), fail)]
    with pytest.raises(install.SetupError):
        install.install(install.pending_steps(steps))
    assert len(install.pending_steps(steps)) == 1


@pytest.mark.parametrize("version", [(3, 9), (3, 14)])
def test_other_pythons_are_refused_by_name(monkeypatch, version):
    info = SimpleNamespace(major=version[0], minor=version[1])
    stub = SimpleNamespace(version_info=type("V", (tuple,), vars(info))(version))
    monkeypatch.setattr(install, "sys", stub)
    with pytest.raises(install.SetupError, match=rf"Python 3\.{version[1]} is not supported"):
        install.check_python()


def test_a_missing_compiler_is_named(monkeypatch):
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    with pytest.raises(install.SetupError, match=r"No C\+\+ compiler found"):
        install.check_machine()


def test_a_full_disk_is_named(monkeypatch):
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: SimpleNamespace(free=1e9))
    with pytest.raises(install.SetupError, match=r"1\.0 GB are free"):
        install.check_machine()


def test_an_environment_of_the_other_kind_is_refused(checkout):
    settings = checkout / ".venv" / "pyvenv.cfg"
    settings.write_text("include-system-site-packages = false\n")
    install.check_kind(beside_ros=False)
    with pytest.raises(install.SetupError, match="make clean"):
        install.check_kind(beside_ros=True)


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError: [Errno -2] Name or service not known", "cannot be reached"),
        ("CMake Error: No CMAKE_CXX_COMPILER could be found.", r"No working C\+\+ compiler"),
        ("ERROR: No matching distribution found for torch==2.13.0", "has no torch==2.13.0"),
        ("something unheard of", "all of its output"),
    ],
)
def test_failures_are_explained(output, sentence, tmp_path):
    with pytest.raises(progress.SetupError, match=sentence):
        raise progress.SetupError(progress.explain(output, tmp_path / "setup.log"))


def test_a_command_that_fails_is_explained_from_its_own_output(tmp_path):
    log = tmp_path / "setup.log"
    log.write_text("No space left on device\n")
    command = [sys.executable, "-c", "import sys; sys.exit('Network is unreachable')"]
    with pytest.raises(progress.SetupError, match="cannot be reached"):
        progress.run("step", command, log)


def test_every_requirement_is_pinned():
    pins = [line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()]
    wheels = (ROOT / "ros_ws" / "setup" / "ros_wheels.txt").read_text().splitlines()
    names = [line.partition("[")[0] for line in wheels if line and not line.startswith("#")]
    assert {name.replace("_", "-") for name in names} <= set(pins)
