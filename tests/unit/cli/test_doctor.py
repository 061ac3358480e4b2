"""The doctor: each fault gives its row and its fix, and no row hides another."""

from __future__ import annotations

import argparse
import hashlib
import json

import pytest

from equi_nodes.cli import checks, doctor


@pytest.fixture
def card(tmp_path):
    """Weights with a card that states their hash."""
    weights = tmp_path / "eqmotion.safetensors"
    weights.write_bytes(b"weights")
    card = weights.with_suffix(".json")
    card.write_text(json.dumps({"sha256": hashlib.sha256(b"weights").hexdigest()}))
    return card


def test_weights_that_match_their_card(card):
    assert checks.check_weights(card.parent).status == "ok"


def test_damaged_weights(card):
    card.with_suffix(".safetensors").write_bytes(b"other")
    check = checks.check_weights(card.parent)
    assert (check.status, check.fix) == ("fail", checks.WEIGHTS_FIX)
    assert "eqmotion" in check.found


def test_a_card_without_weights(card):
    card.with_suffix(".safetensors").unlink()
    assert checks.check_weights(card.parent).status == "fail"


def test_no_weights(tmp_path):
    assert checks.check_weights(tmp_path).status == "fail"


def test_a_missing_message_package_names_the_fix():
    name = "never_built_msgs"
    check = checks.guarded(name, lambda: checks.check_messages(name), checks.SOURCE_FIX)
    assert (check.status, check.fix) == ("fail", checks.SOURCE_FIX)
    assert name in check.found


def test_a_profile_that_does_not_exist(monkeypatch, tmp_path):
    monkeypatch.setenv("FASTRTPS_DEFAULT_PROFILES_FILE", str(tmp_path / "none.xml"))
    check = checks.check_large_messages()
    assert check.status == "warn"
    assert "export FASTRTPS_DEFAULT_PROFILES_FILE=" in check.fix


@pytest.mark.parametrize(("gigabytes", "status"), [(0.5, "warn"), (5.0, "ok")])
def test_disk_space(monkeypatch, gigabytes, status):
    usage = argparse.Namespace(free=gigabytes * 1e9)
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: usage)
    assert checks.check_disk().status == status


def test_one_failed_row_fails_the_whole(monkeypatch, capsys):
    rows = [checks.Check("a", "ok", "1.0"), checks.Check("b", "fail", "none", "do [this]")]
    monkeypatch.setattr(doctor, "all_checks", lambda: rows)
    figures = doctor.run(argparse.Namespace(what=None))
    assert figures["ok"] is False
    assert figures["checks"][1] == {
        "name": "b",
        "status": "fail",
        "found": "none",
        "fix": "do [this]",
    }
    shown = capsys.readouterr().out
    assert "do [this]" in shown
    assert "Not ready: b." in shown


def test_a_warning_is_no_failure(monkeypatch):
    monkeypatch.setattr(doctor, "all_checks", lambda: [checks.Check("a", "warn", "old", "update")])
    assert doctor.run(argparse.Namespace(what=None))["ok"] is True


def test_libraries_of_this_environment_pass():
    names = ("python", "numpy", "torch", "onnxruntime")
    assert {checks.guarded(name, *checks.CHECKS[name]).status for name in names} == {"ok"}
