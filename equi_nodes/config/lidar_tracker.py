"""Settings of the node that tracks people in point clouds."""

from __future__ import annotations

from dataclasses import dataclass

from equi_nodes.config.parameter import parameter


@dataclass(frozen=True)
class LidarTrackerConfig:
    """What a user may set about tracking people in point clouds."""

    pose_source: str = parameter(
        "odometry", "What tells where the robot is: the topic odometry, or /tf.",
        choices=("odometry", "tf"),
    )  # fmt: skip
    fixed_frame: str = parameter(
        "odom", "Frame of the odometry and of the tracks, fixed in the world."
    )
    base_frame: str = parameter(
        "base_link", "Frame of the robot that /tf joins to the fixed frame, where /tf is used."
    )
    min_range: float = parameter(
        0.3, "Points nearer to the sensor are the robot itself.", unit="m", low=0.0, high=5.0
    )
    max_range: float = parameter(
        20.0, "Points farther from the sensor are not used.", unit="m", low=2.0, high=100.0
    )
    min_height: float = parameter(
        0.15, "What is lower above the ground belongs to it.", unit="m", low=0.02, high=0.5
    )
    max_height: float = parameter(
        2.05, "What is higher is no part of a person.", unit="m", low=1.0, high=5.0
    )
    min_points: int = parameter(5, "Points that a person must have.", low=1, high=1000)
    time_unit: str = parameter(
        "auto", "Unit of the times of the points, where it is not told by their type and size.",
        choices=("auto", "s", "us", "ns"),
    )  # fmt: skip
    acceleration: float = parameter(
        0.5, "How suddenly people change their velocity.", unit="m/s^2/sqrt(Hz)",
        low=0.05, high=10.0,
    )  # fmt: skip
    confirmation: int = parameter(
        3, "Sweeps that somebody must be seen in before he is told of.", low=1, high=50
    )
    existence: float = parameter(
        0.5, "Probability of being a person from which on somebody is told of.",
        low=0.05, high=0.99,
    )  # fmt: skip
    coast: float = parameter(
        2.0, "How long somebody who is hidden is followed by his last velocity.",
        unit="s", low=0.0, high=10.0,
    )  # fmt: skip
    patience: float = parameter(
        0.3, "How long a sweep waits for the odometry of its time.", unit="s", low=0.05, high=2.0
    )
