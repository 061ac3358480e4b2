"""The command line: instant help, figures on disk, exit codes, errors as one sentence."""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from types import ModuleType

import pytest

from equi_nodes.cli import main as cli
from equi_nodes.errors import EquiError


@pytest.fixture
def verb(monkeypatch):
    """Makes the verb `doctor` do what the test gives as ``run``."""

    def install(run):
        module = ModuleType("equi_nodes.cli.doctor")
        module.HELP, module.EXAMPLE, module.run = "one line", "equi doctor", run
        module.configure = lambda parser: parser.add_argument("--size", type=int, default=1)
        monkeypatch.setattr(cli, "import_module", lambda name: module)

    return install


def raiser(error: BaseException):
    """A ``run`` that fails with ``error``."""

    def run(arguments: argparse.Namespace) -> dict:
        raise error

    return run


def test_figures_are_written(verb, tmp_path):
    verb(lambda arguments: {"size": arguments.size})
    path = tmp_path / "new" / "figures.json"
    assert cli.main(["doctor", "--size", "3", "--json", str(path)]) == 0
    assert json.loads(path.read_text()) == {"size": 3}


def test_a_failed_check_is_exit_code_1(verb):
    verb(lambda arguments: {"ok": False})
    assert cli.main(["doctor"]) == 1


def test_user_error_is_one_sentence(verb, capsys):
    verb(raiser(EquiError("The bag is empty.")))
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().err == "equi: The bag is empty.\n"


def test_interrupt_ends_quietly(verb, capsys):
    verb(raiser(KeyboardInterrupt()))
    assert cli.main(["doctor"]) == 130
    assert capsys.readouterr().err == ""


def test_a_missing_package_points_to_doctor(verb, capsys):
    verb(raiser(ModuleNotFoundError("No module named 'torch'", name="torch.nn")))
    assert cli.main(["doctor"]) == 1
    assert capsys.readouterr().err == (
        "equi: The package torch is not installed: equi doctor names the fix.\n"
    )


def test_a_defect_of_our_own_keeps_its_traceback(verb):
    verb(raiser(ModuleNotFoundError("No module named 'equi_nodes.x'", name="equi_nodes.x")))
    with pytest.raises(ModuleNotFoundError):
        cli.main(["doctor"])


@pytest.mark.parametrize(
    "arguments", [["dctor"], ["--fast"], ["doctor", "--fast"], ["doctor", "--size", "x"]]
)
def test_bad_usage_is_one_sentence(verb, capsys, arguments):
    verb(lambda arguments: {})
    assert cli.main(arguments) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("equi: ")
    assert shown.count("\n") == 1


def test_unwritable_figures_are_one_sentence(verb, tmp_path, capsys):
    verb(lambda arguments: {})
    assert cli.main(["doctor", "--json", str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_without_a_verb_all_are_listed(capsys):
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    assert all(verb in shown for verb in cli.VERBS)


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_explains_itself(name, capsys):
    module = import_module(f"equi_nodes.cli.{name}")
    assert module.HELP == cli.VERBS[name]
    assert module.EXAMPLE.startswith(f"equi {name}")
    with pytest.raises(SystemExit) as ended:
        cli.main([name, "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert f"example: {module.EXAMPLE}" in shown
    assert "--json FILE" in shown
