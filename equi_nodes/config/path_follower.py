"""Settings of the example that drives a simulated robot along its paths."""

from __future__ import annotations

from dataclasses import dataclass

from equi_nodes.config.parameter import parameter


@dataclass(frozen=True)
class PathFollowerConfig:
    """What a user may set about following paths among people."""

    fixed_frame: str = parameter("odom", "Frame of the odometry, paths, people and the map.")
    rate: float = parameter(20.0, "Commands a second.", unit="Hz", low=5.0, high=100.0)
    speed: float = parameter(0.7, "Speed on a free straight way.", unit="m/s", low=0.05, high=3.0)
    acceleration: float = parameter(1.0, "Most change of it.", unit="m/s^2", low=0.1, high=5.0)
    yaw_rate: float = parameter(1.2, "Fastest turn.", unit="rad/s", low=0.1, high=5.0)
    yaw_acceleration: float = parameter(
        2.5, "Most change of it.", unit="rad/s^2", low=0.1, high=20.0
    )
    lookahead_time: float = parameter(
        0.9, "So far ahead on the path, at the present speed, the robot heads for.",
        unit="s", low=0.1, high=5.0,
    )  # fmt: skip
    lookahead_min: float = parameter(
        0.3, "It heads for no nearer point.", unit="m", low=0.1, high=2.0
    )
    lookahead_max: float = parameter(
        0.9, "It heads for no farther point.", unit="m", low=0.2, high=5.0
    )
    corner_tolerance: float = parameter(
        0.04, "The way to that point is never farther from the path.",
        unit="m", low=0.005, high=1.0,
    )  # fmt: skip
    side_acceleration: float = parameter(
        0.5, "Most acceleration sideways in a curve.", unit="m/s^2", low=0.05, high=5.0
    )
    turn_in_place: float = parameter(
        0.8, "A path that leads away by more is turned to on the spot.",
        unit="rad", low=0.2, high=3.0,
    )  # fmt: skip
    goal_tolerance: float = parameter(
        0.12, "The robot stops so near to the end.", unit="m", low=0.02, high=1.0
    )
    yaw_tolerance: float = parameter(
        0.15, "It turns on the spot until its heading there is as near to the path's.",
        unit="rad", low=0.02, high=3.2,
    )  # fmt: skip
    robot_radius: float = parameter(0.22, "Of the robot.", unit="m", low=0.05, high=2.0)
    occupied_threshold: int = parameter(
        65, "Cells of the map from this per cent on are obstacles.", unit="%", low=1, high=100
    )
    near_obstacle: float = parameter(
        0.45, "With less space around its middle the robot slows down.",
        unit="m", low=0.05, high=3.0,
    )  # fmt: skip
    slow_speed: float = parameter(
        0.3, "Speed where there is hardly space.", unit="m/s", low=0.02, high=1.0
    )
    person_radius: float = parameter(0.25, "Of a person.", unit="m", low=0.1, high=1.0)
    people_margin: float = parameter(
        0.2, "Space that is kept to people.", unit="m", low=0.0, high=2.0
    )
    risk: float = parameter(
        0.2, "The robot gives way where people come too near with this probability.",
        low=0.01, high=1.0,
    )  # fmt: skip
    reaction_time: float = parameter(
        0.35, "Until a command shows in the motion.", unit="s", low=0.0, high=2.0
    )
    back_off_speed: float = parameter(
        0.2, "With which the robot backs off from who walks into it, over free floor; 0: never.",
        unit="m/s", low=0.0, high=0.5,
    )  # fmt: skip
    odometry_timeout: float = parameter(
        0.4, "Without odometry for longer the robot stops at once.", unit="s", low=0.05, high=5.0
    )
    plan_timeout: float = parameter(
        3.0, "A path that is older is not followed.", unit="s", low=0.1, high=60.0
    )
    people_timeout: float = parameter(
        1.0, "Predictions that are older are not used, but tracks.", unit="s", low=0.1, high=10.0
    )
    points_timeout: float = parameter(
        0.5, "Where points came, the robot stops once they are older.",
        unit="s", low=0.1, high=5.0,
    )  # fmt: skip
    base_frame: str = parameter(
        "base_link", "Frame on the floor under the robot's middle, for the points."
    )
    time_unit: str = parameter(
        "auto", "Unit of the times of the points, where it is not told by their type and size.",
        choices=("auto", "s", "us", "ns"),
    )  # fmt: skip
