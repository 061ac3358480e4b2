"""Promises of the pace of simulated time, of commands to it, and of what it waits for."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from equi_nodes.errors import EquiError
from equi_nodes.samples import VelocityCommand

pytest.importorskip("rclpy", reason="rclpy is not installed")

from equi_nodes.ros.commands import Commands  # noqa: E402
from equi_nodes.ros.lock_step import ages_of  # noqa: E402
from equi_nodes.ros.real_time import RealTime  # noqa: E402

STEP_NS = 50_000_000


def ran(wanted: float, steps: int, halt: threading.Event) -> tuple[float, RealTime]:
    pace, started = RealTime(), time.monotonic()
    for step in range(steps + 1):
        pace.wait(step * STEP_NS, wanted, halt)
    return time.monotonic() - started, pace


def test_steps_are_held_back_to_the_wanted_factor():
    seconds, pace = ran(5.0, 20, threading.Event())
    assert seconds >= 0.19
    assert 0.5 < pace.factor <= 5.3


def test_no_factor_and_a_halt_wait_for_nothing():
    halt = threading.Event()
    assert ran(0.0, 1000, halt)[0] < 1.0
    halt.set()
    assert ran(0.01, 3, halt)[0] < 1.0


def twist(speed: float, yaw_rate: float) -> SimpleNamespace:
    return SimpleNamespace(linear=SimpleNamespace(x=speed), angular=SimpleNamespace(z=yaw_rate))


def test_the_newest_command_counts_for_a_while_of_simulated_time():
    commands = Commands(timeout_s=0.5)
    assert commands.current(1_000_000_000) == VelocityCommand()
    commands.take(twist(0.1, 0.0))
    commands.take(twist(0.4, -0.2))
    assert commands.current(1_500_000_000) == VelocityCommand(0.4, -0.2)
    assert commands.current(1_500_000_001) == VelocityCommand()
    assert commands.received == 2


@pytest.mark.parametrize("wrong", [(float("nan"), 0.0), (0.1, float("inf"))])
def test_a_command_that_is_no_number_stops_the_robot(wrong):
    commands = Commands(timeout_s=0.5)
    commands.take(twist(0.4, 0.0))
    commands.take(twist(*wrong))
    assert commands.current(0) == VelocityCommand()


def test_topics_are_read_with_their_ages():
    assert ages_of("odom:0.08 a/b:0.5") == {"odom": 0.08, "a/b": 0.5}
    assert ages_of("") == {}
    with pytest.raises(EquiError, match="no list of topics with ages"):
        ages_of("odom tracks:0.1")
