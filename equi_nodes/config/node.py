"""Settings that every node has, whatever it computes."""

from __future__ import annotations

from dataclasses import dataclass

from equi_nodes.config.parameter import parameter


@dataclass(frozen=True)
class NodeConfig:
    """What a user may set about the running of any node of this package."""

    autostart: bool = parameter(
        True, "Configure and activate at start; false waits for a lifecycle manager."
    )
    input_timeout: float = parameter(
        1.0,
        "An input that is silent for longer, and for five of its periods, is an ERROR.",
        unit="s",
        low=0.1,
        high=60.0,
        read_only=False,
    )
    max_age: float = parameter(
        0.5,
        "A result older than this is not published.",
        unit="s",
        low=0.01,
        high=10.0,
        read_only=False,
    )
    diagnostics_period: float = parameter(
        1.0, "Time between two messages on /diagnostics.", unit="s", low=0.1, high=10.0
    )
    log_period: float = parameter(
        5.0,
        "A message that repeats is logged at most this often.",
        unit="s",
        low=0.0,
        high=60.0,
        read_only=False,
    )
    retry_period: float = parameter(
        5.0,
        "After a failed start of the model, the time until the next try.",
        unit="s",
        low=0.1,
        high=600.0,
    )
