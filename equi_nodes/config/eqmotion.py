"""Settings of the motion prediction node."""

from __future__ import annotations

from dataclasses import dataclass

from equi_nodes.config.parameter import parameter


@dataclass(frozen=True)
class EqMotionConfig:
    """What a user may set about predicting the motion of tracked agents."""

    backend: str = parameter(
        "auto",
        "What runs the network; auto takes the fastest at hand.",
        choices=("auto", "torch", "onnx", "tensorrt"),
    )
    weights: str = parameter("", "Path of a .safetensors file; empty takes the shipped weights.")
    time_step: float = parameter(
        0.4,
        "Time between two predicted steps; histories are resampled to it.",
        unit="s",
        low=0.1,
        high=1.0,
    )
    fixed_frame: str = parameter(
        "",
        "Frame the tracks must be in, fixed in the world; empty takes that of the first message.",
    )
    min_observations: int = parameter(
        2, "Observed steps that a track needs before it is predicted.", low=1, high=8
    )
    max_gap: float = parameter(
        1.1, "A track unseen for longer starts a new history.", unit="s", low=0.1, high=10.0
    )
    max_speed: float = parameter(
        12.0,
        "A track that moves faster has jumped: its history starts anew.",
        unit="m/s",
        low=1.0,
        high=100.0,
    )
    max_agents: int = parameter(
        512, "Agents predicted at most, the longest observed first.", low=1, high=2048
    )
    modes: int = parameter(
        20, "Futures published per agent, the most probable first.", low=1, high=20
    )
    threads: int = parameter(2, "Processor threads that inference may use.", low=1, high=64)
