"""Settings of the simulation node."""

from __future__ import annotations

from dataclasses import dataclass

from equi_nodes.config.parameter import parameter


@dataclass(frozen=True)
class SimConfig:
    """What a user may set about the simulated world and how its time runs."""

    scenario: str = parameter("office", "Which world; a wrong name is answered with all of them.")
    seed: int = parameter(0, "Another building, other people and other noise for each.", low=0)
    real_time_factor: float = parameter(
        1.0,
        "How fast simulated time runs if the machine keeps up; 0: as fast as it can.",
        low=0.0,
        high=100.0,
        read_only=False,
    )
    lock_step: bool = parameter(
        False, "After each step wait for the answers of the other nodes, however slow they are."
    )
    lock_step_topics: str = parameter(
        "odom:0.08 tracks:0.08 predictions:0.08 cmd_vel:0.0",
        "Topics that are waited for if somebody publishes them, with the seconds that their newest "
        "stamp may lie behind the sensors, or 0 for what answers the clock before they speak; a "
        "message without a stamp has the time it came at.",
    )
    lock_step_limit: float = parameter(
        2.0,
        "What is missing for longer is not waited for until it comes again.",
        unit="s",
        low=0.01,
        high=60.0,
    )
    command_timeout: float = parameter(
        0.5, "A velocity command that came longer ago does not count.",
        unit="s", low=0.05, high=10.0,
    )  # fmt: skip
    faults: str = parameter("", "Path of a schedule of faults, as in config/faults.")
    mission: bool = parameter(True, "Send the scenario's goals to the planner, one after another.")
    viewer: bool = parameter(False, "Show the world in a window.")
