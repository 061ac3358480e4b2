"""The settings of all nodes of the closed loop, as its graph has them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from equi_nodes.config import vio
from equi_nodes.config.e2_planner import E2PlannerConfig
from equi_nodes.config.eqmotion import EqMotionConfig
from equi_nodes.config.graph import read_graph
from equi_nodes.config.lidar_tracker import LidarTrackerConfig
from equi_nodes.config.load import load, read_parameter_file
from equi_nodes.config.occupancy_mapper import OccupancyMapperConfig
from equi_nodes.config.path_follower import PathFollowerConfig
from equi_nodes.errors import EquiError

TRUE_PARTS = ("odometry", "tracks")  # for which the truth may stand in
PATIENT_S = 60.0  # for a plan: what it finds must not depend on how fast the machine is


@dataclass(frozen=True)
class StackSettings:
    """The settings of the pipelines.

    Attributes:
        odometry: of the parts of the odometry, by name.
        wheels: it uses the wheels too.
        tracker, predictor, mapper, planner, follower: of the other nodes.
        true_parts: of ``TRUE_PARTS``, where the truth stands in for a pipeline.
    """

    odometry: dict[str, Any] = field(default_factory=dict)
    wheels: bool = True
    tracker: LidarTrackerConfig = LidarTrackerConfig()
    predictor: EqMotionConfig = EqMotionConfig()
    mapper: OccupancyMapperConfig = OccupancyMapperConfig()
    planner: E2PlannerConfig = E2PlannerConfig()
    follower: PathFollowerConfig = PathFollowerConfig()
    true_parts: tuple[str, ...] = ()

    @classmethod
    def of_graph(cls, name: str = "demo", true_parts: tuple[str, ...] = ()) -> StackSettings:
        """Return the settings of a graph, with what makes a run the same on every machine.

        Raises:
            EquiError: there is no such graph, or the truth cannot stand in for a part.
        """
        for part in true_parts:
            if part not in TRUE_PARTS:
                raise EquiError(
                    f"There is no truth of '{part}': choose of {', '.join(TRUE_PARTS)}."
                )
        files = {node.name: node.parameter_file for node in read_graph(name).nodes}
        values = {node: read_parameter_file(path) for node, path in files.items()}
        values = defaultdict(dict, values)  # nodes that the graph lacks have their defaults
        planner = load(E2PlannerConfig, values["e2_planner"])
        return cls(
            odometry=_odometry(values["vio"]),
            wheels=load(vio.VioConfig, values["vio"]).wheels,
            tracker=load(LidarTrackerConfig, values["lidar_tracker"]),
            predictor=replace(load(EqMotionConfig, values["eqmotion"]), threads=1),
            mapper=load(OccupancyMapperConfig, values["occupancy_mapper"]),
            planner=replace(planner, threads=1, time_limit=PATIENT_S),
            follower=load(PathFollowerConfig, values["path_follower"]),
            true_parts=tuple(true_parts),
        )


def _odometry(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the odometry's parts; the map is left out."""
    parts = {name: kind for name, kind in vio.PARTS.items() if name != "mapping"}
    return {name: load(kind, values.get(name, {})) for name, kind in parts.items()}
