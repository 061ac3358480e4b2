"""Settings of the mapping node."""

from __future__ import annotations

from dataclasses import dataclass

from equi_nodes.config.parameter import parameter


@dataclass(frozen=True)
class OccupancyMapperConfig:
    """What a user may set about mapping with range sensors and odometry."""

    source: str = parameter(
        "points", "What is mapped: a PointCloud2 on points, or a LaserScan on scan.",
        choices=("points", "scan"),
    )  # fmt: skip
    fixed_frame: str = parameter("odom", "Frame of the odometry, the people and the map.")
    base_frame: str = parameter(
        "base_link", "Frame of the robot that the odometry tells of, on the ground."
    )
    resolution: float = parameter(0.05, "Side of a cell.", unit="m", low=0.01, high=1.0)
    window: float = parameter(
        0.0, "Side of a map that moves along with the robot; 0 keeps all, and grows.",
        unit="m", low=0.0, high=200.0,
    )  # fmt: skip
    largest: float = parameter(
        200.0, "Side that a growing map does not exceed.", unit="m", low=40.0, high=400.0
    )
    min_height: float = parameter(
        0.1, "What rises less above the ground is driven over.", unit="m", low=0.0, high=2.0
    )
    max_height: float = parameter(
        1.2, "What begins higher is driven beneath.", unit="m", low=0.05, high=10.0
    )
    floor_slope: float = parameter(
        0.01, "So much the floor may rise in each metre of distance.", low=0.0, high=0.5
    )
    max_range: float = parameter(15.0, "How far a ray counts.", unit="m", low=1.0, high=60.0)
    open_range: float = parameter(
        3.0, "How far a scan's ray that came back with nothing says that space is free.",
        unit="m", low=0.0, high=60.0,
    )  # fmt: skip
    robot_radius: float = parameter(
        0.22, "What is nearer to the middle of the base is the robot itself, on free ground.",
        unit="m", low=0.0, high=5.0,
    )  # fmt: skip
    hit: float = parameter(
        0.62, "Probability of an obstacle where one sweep sees one.", low=0.51, high=0.99
    )
    miss: float = parameter(
        0.4, "Probability of an obstacle where one sweep sees none.", low=0.01, high=0.49
    )
    lowest: float = parameter(0.05, "A cell is never surer to be free.", low=0.001, high=0.2)
    highest: float = parameter(
        0.97, "A cell is never surer to be an obstacle.", low=0.8, high=0.999
    )
    people_radius: float = parameter(
        0.5, "So far around people nothing is added to the map; 0 keeps people in it.",
        unit="m", low=0.0, high=2.0,
    )  # fmt: skip
    people_timeout: float = parameter(
        0.5, "Tracks that are older than a sweep by this are not used.",
        unit="s", low=0.05, high=5.0,
    )  # fmt: skip
    publish_rate: float = parameter(
        2.0, "How often the map is published at most, and only if it changed.",
        unit="Hz", low=0.1, high=20.0,
    )  # fmt: skip
    patience: float = parameter(
        0.3, "How long a sweep waits for the odometry of its time.", unit="s", low=0.05, high=2.0
    )
    max_speed: float = parameter(
        2.0, "An odometry that is faster has jumped, and a new map begins.",
        unit="m/s", low=0.1, high=50.0,
    )  # fmt: skip
    max_yaw_rate: float = parameter(3.0, "The same for turning.", unit="rad/s", low=0.1, high=20.0)
    max_drift: float = parameter(
        0.3, "Mapping pauses while the odometry's error grows by more within a second.",
        unit="m", low=0.01, high=10.0,
    )  # fmt: skip
