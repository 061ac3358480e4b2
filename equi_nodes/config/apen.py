"""Settings of the node that finds the parts of clouds."""

from __future__ import annotations

from dataclasses import dataclass

from equi_nodes.config.parameter import parameter


@dataclass(frozen=True)
class ApenConfig:
    """What a user may set about finding parts in clouds."""

    backend: str = parameter(
        "auto", "What runs the network; auto takes the fastest at hand.",
        choices=("auto", "torch", "onnx", "tensorrt"),
    )  # fmt: skip
    weights: str = parameter(
        "", "Path of a .safetensors file, with its card beside it; empty takes the shipped weights."
    )
    points: int = parameter(
        2048, "Points that the network sees; a cloud of more is thinned.", low=128, high=8192
    )
    voxel: float = parameter(
        0.03, "The finest grid that a cloud is thinned by.", unit="m", low=0.001, high=1.0
    )
    radius: float = parameter(
        10.0, "Points farther from the middle of the cloud get no label.",
        unit="m", low=0.5, high=100.0,
    )  # fmt: skip
    min_points: int = parameter(64, "Points that must be left after thinning.", low=8, high=1000)
    threads: int = parameter(2, "Processor threads that inference may use.", low=1, high=64)
