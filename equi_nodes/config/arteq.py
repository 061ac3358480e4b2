"""Settings of the node that fits bodies to the points of people."""

from __future__ import annotations

from dataclasses import dataclass

from equi_nodes.config.parameter import parameter


@dataclass(frozen=True)
class ArtEqConfig:
    """What a user may set about fitting bodies to points."""

    backend: str = parameter(
        "auto", "What runs the network; auto takes the fastest at hand.",
        choices=("auto", "torch", "onnx", "tensorrt"),
    )  # fmt: skip
    weights: str = parameter("", "Path of a .safetensors file; empty takes the shipped weights.")
    body: str = parameter(
        "", "Path of a body model as an .npz file; empty takes the shipped open body."
    )
    points: int = parameter(
        512, "Points of a person that are used; of more an even selection.", low=96, high=4096
    )
    min_points: int = parameter(24, "Points that a person must have.", low=8, high=1000)
    max_people: int = parameter(
        8, "People fitted in one cloud, those with most points first.", low=1, high=64
    )
    iterations: int = parameter(
        6, "Steps that bring the network's body to the points; 0 leaves it where it is.",
        low=0, high=50,
    )  # fmt: skip
    max_residual: float = parameter(
        0.03, "A body farther from the points is not accepted.", unit="m", low=0.005, high=0.2
    )
    min_explained: float = parameter(
        0.8, "Share of the points that must lie on an accepted body.", low=0.0, high=1.0
    )
    min_coverage: float = parameter(
        0.5, "Share of the body's seen side that points must lie on.", low=0.0, high=1.0
    )
    is_smoothed: bool = parameter(True, "Follow each person over time by the id of the points.")
    max_gap: float = parameter(
        1.0, "Somebody unseen for longer is new.", unit="s", low=0.1, high=10.0
    )
    threads: int = parameter(2, "Processor threads that inference may use.", low=1, high=64)
