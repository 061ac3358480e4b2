"""Settings of the planning node."""

from __future__ import annotations

from dataclasses import dataclass

from equi_nodes.config.parameter import parameter


@dataclass(frozen=True)
class E2PlannerConfig:
    """What a user may set about planning on occupancy grids."""

    backend: str = parameter(
        "auto",
        "What runs the network; auto takes the fastest at hand.",
        choices=("auto", "torch", "onnx", "tensorrt"),
    )
    weights: str = parameter("", "Path of a .safetensors file; empty takes the shipped weights.")
    threads: int = parameter(2, "Processor threads that inference may use.", low=1, high=64)
    robot_radius: float = parameter(
        0.22, "Cells nearer to an obstacle are not entered.", unit="m", low=0.0, high=5.0
    )
    inflation_radius: float = parameter(
        0.55, "Cells nearer to an obstacle cost more.", unit="m", low=0.0, high=10.0
    )
    cost_scaling: float = parameter(
        3.0, "How fast that cost falls with the distance.", unit="1/m", low=0.1, high=100.0
    )
    cost_weight: float = parameter(
        2.0, "A step beside an obstacle costs so many times its length more.", low=0.0, high=50.0
    )
    occupied_threshold: int = parameter(
        65, "Cells from this per cent on are obstacles.", unit="%", low=1, high=100
    )
    free_threshold: int = parameter(
        25, "Cells above this per cent, and below that of obstacles, are unknown.",
        unit="%", low=0, high=99,
    )  # fmt: skip
    allow_unknown: bool = parameter(True, "Plan through space that was not seen.")
    goal_reach: float = parameter(
        0.0, "A goal that lies outside the map by less is planned for, through unknown space.",
        unit="m", low=0.0, high=200.0,
    )  # fmt: skip
    node_spacing: float = parameter(
        1.0, "Distance of the nodes of the graph that is searched.", unit="m", low=0.2, high=10.0
    )
    max_nodes: int = parameter(
        2048, "The graph has at most so many nodes; they are spaced wider in larger maps.",
        low=64, high=16384,
    )  # fmt: skip
    unknown_cost: float = parameter(
        1.5, "A metre through unknown space counts as so many, since it may lead nowhere.",
        low=1.0, high=10.0,
    )  # fmt: skip
    trust: float = parameter(
        0.4, "How much the network's word counts against the hope that all unknown space is free.",
        low=0.0, high=1.0,
    )  # fmt: skip
    detour_margin: float = parameter(
        0.08, "A way other than the shortest of all that may be open is taken if it is expected to "
        "save this share.",
        low=0.0, high=0.9,
    )  # fmt: skip
    switch_margin: float = parameter(
        0.03, "A new plan replaces the previous one if it is better by this share.",
        low=0.0, high=1.0,
    )  # fmt: skip
    time_limit: float = parameter(
        1.0, "Planning that takes longer ends with what plain A* finds, or with TIMEOUT.",
        unit="s", low=0.05, high=60.0,
    )  # fmt: skip
    speed: float = parameter(
        0.5, "How fast the robot drives, to know when it will meet people.",
        unit="m/s", low=0.05, high=10.0,
    )  # fmt: skip
    meeting_weight: float = parameter(
        20.0, "Driving where a person will be costs so many times its length more.",
        low=0.0, high=1000.0,
    )  # fmt: skip
    meeting_distance: float = parameter(
        0.8, "Nearer to a person than this counts as a meeting.", unit="m", low=0.1, high=5.0
    )
    tolerance: float = parameter(
        0.5, "How far from a blocked goal a path may end, where a goal does not say.",
        unit="m", low=0.0, high=10.0,
    )  # fmt: skip
    replan_rate: float = parameter(
        1.0, "How often the path to the goal of the topic is planned anew; 0: only when it must.",
        unit="Hz", low=0.0, high=20.0,
    )  # fmt: skip
    only_when_asked: bool = parameter(
        False, "Plan to the goal of the topic each time it is told, and at no other time."
    )
    base_frame: str = parameter(
        "", "Frame of the robot, to have its pose from TF; empty takes the odometry."
    )
    odometry_timeout: float = parameter(
        1.0, "A pose that came longer ago does not say where the robot is.",
        unit="s", low=0.05, high=60.0,
    )  # fmt: skip
    people_timeout: float = parameter(
        1.0, "Predictions that came longer ago are not used.", unit="s", low=0.05, high=60.0
    )
