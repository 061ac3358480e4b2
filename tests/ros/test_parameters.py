"""Promises of the parameters: described, checked with a reason, and unchanged by a refusal."""

from __future__ import annotations

import math

import numpy as np
import pytest

GOOD = {"mood": ("calm", "wild"), "gain": (0.0, 0.5, 2.0), "max_age": (0.01, 10.0)}
BAD = [
    ("gain", 2.5, "range"),
    ("gain", math.nan, "range"),
    ("gain", "much", "type"),
    ("mood", "angry", "it must be one of calm, wild"),
    ("delay", 1.0, "read-only"),
    ("gian", 1.0, "undeclared"),
]


@pytest.fixture
def peer(start, peer_of, echo_command):
    start(echo_command)
    peer = peer_of("echo")
    peer.until_state("active")
    return peer


def test_refusals_have_a_reason_and_change_nothing(peer):
    for name, value, reason in BAD:
        before = peer.parameter(name) if name != "gian" else None
        taken, said = peer.set_parameter(name, value)
        assert not taken
        assert reason in said, said
        if name != "gian":
            assert peer.parameter(name) == before


def test_valid_values_are_taken_at_run_time(peer):
    generator = np.random.default_rng(5)
    for _ in range(100):
        name = str(generator.choice(list(GOOD)))
        value = GOOD[name][generator.integers(len(GOOD[name]))]
        assert peer.set_parameter(name, value) == (True, "")
        assert peer.parameter(name) == value
    assert peer.set_parameter("max_age", 5.0)[0]
    peer.until_predicts()


def test_tools_see_unit_range_and_meaning(peer):
    descriptor = peer.describe("delay")
    assert descriptor.description == "How long a step takes. [s]"
    assert descriptor.read_only
    assert descriptor.floating_point_range[0].to_value == 60.0
    assert peer.describe("mood").additional_constraints == "one of calm, wild"


def test_an_unknown_name_warns_with_the_nearest(start, peer_of, echo_command):
    node = start(echo_command, gian=1.5, delay=0)
    peer_of("echo").until_state("active")
    assert "Unknown parameter 'gian' is ignored. Did you mean 'gain'?" in node.text
    assert "WARN" in next(line for line in node.lines if "gian" in line)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("gain", 7.5, "parameter 'gain' = 7.5 is refused: it must be 0.0 to 2.0 m"),
        ("gain", ".nan", "parameter 'gain' = nan is refused: it must be a finite number"),
        ("gain", "loud", "parameter 'gain' = 'loud' is refused: it must be a float, not a str"),
        ("mood", "angry", "parameter 'mood' = 'angry' is refused: it must be one of calm, wild"),
    ],
)
def test_a_refused_value_at_start_ends_with_one_sentence(start, echo_command, name, value, reason):
    node = start(echo_command, **{name: value})
    assert node.wait(20.0) == 1
    assert reason in node.text
    assert "Traceback" not in node.text
