"""Maps the space around a robot from a LiDAR or a laser scanner, without the people in it."""

from __future__ import annotations

from functools import partial

from equi_msgs.msg import TrackArray
from nav_msgs.msg import OccupancyGrid, Odometry
from sensor_msgs.msg import LaserScan, PointCloud2
from tf2_msgs.msg import TFMessage

from equi_nodes.config.occupancy_mapper import OccupancyMapperConfig
from equi_nodes.ros import planning, qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.clouds import cloud_problem, cloud_sample
from equi_nodes.ros.convert import track_sample
from equi_nodes.ros.diagnostics import WARN, Report
from equi_nodes.ros.gate import Content
from equi_nodes.ros.guard import Guard, limit_length
from equi_nodes.ros.messages import make
from equi_nodes.ros.odometry import odometry_sample
from equi_nodes.ros.pipeline import Pipeline
from equi_nodes.ros.posed_clouds import CloudPoser
from equi_nodes.ros.run import run
from equi_nodes.ros.scans import scan_problem, scan_sample
from equi_nodes.samples import CloudSample, MapSample, PosedCloud, SweepSample, TrackSample

MOST_TRACKS = 10_000  # a message of more is not read at all


class OccupancyMapperNode(PipelineNode):
    """Sweeps, odometry and tracks of people in, an occupancy grid out."""

    config_class = OccupancyMapperConfig

    def open_topics(self) -> None:
        """Subscribe to all that mapping reads, advertise the map."""
        config, self._newest, self._people = self.config, None, None
        self._poser = CloudPoser(config.patience)
        if config.source == "points":
            guard, take = Guard("", cloud_problem), self._take_sweep
            self.add_input("points", PointCloud2, qos.SENSOR, guard, cloud_sample, take)
        else:
            guard, sample = (
                Guard("", scan_problem),
                partial(scan_sample, open_range=config.open_range),
            )
            self.add_input("scan", LaserScan, qos.SENSOR, guard, sample, self._take_sweep)
        guard = Guard(config.fixed_frame, lambda msg: planning.pose_problem(msg.pose.pose))
        self.add_input("odometry", Odometry, qos.IMU, guard, lambda msg: msg, self._take_odometry)
        guard = Guard(config.fixed_frame, limit_length("tracks", MOST_TRACKS))
        self.add_input(
            "tracks", TrackArray, qos.SENSOR, guard, track_sample, self._take_tracks,
            is_optional=True,
        )  # fmt: skip
        self.map = self.add_output("map", OccupancyGrid, qos.LATCHED)
        self.add_report("mapping", self._mapping_report)
        self._transforms = self.create_subscription(
            TFMessage, "/tf_static", self._poser.tree.add, qos.STATIC_TRANSFORMS
        )

    def load(self) -> Pipeline:
        """Build the mapper; what it compiles takes a while."""
        from equi_nodes.pipelines.map import Mapper

        self._mapper = Mapper.from_config(self.config)
        return self._mapper

    def content(self, result: MapSample) -> Content:
        """Return what must be sound in a map."""
        numbers = (result.grid.origin,) if result.grid else ()
        return Content(result.stamp_ns, result.frame_id, numbers)

    def publish(self, result: MapSample) -> None:
        """Publish the map if it is due."""
        self._newest = result
        if result.grid:
            self.map.publish(planning.grid_message(result.grid, make))

    def clear(self) -> None:
        """Forget the poses and sweeps of the time before a restart."""
        self._poser.clear()
        self._people = None

    def clean_up(self) -> None:
        """Give back the topic that the base does not know of."""
        if hasattr(self, "_transforms"):
            self.destroy_subscription(self._transforms)
            del self._transforms
        super().clean_up()

    def _take_odometry(self, msg: Odometry) -> None:
        self._mapper.add_odometry(odometry_sample(msg))
        self._map_all(self._poser.odometry(msg))

    def _take_sweep(self, cloud: CloudSample) -> None:
        self._map_all(self._poser.cloud(cloud))

    def _take_tracks(self, sample: TrackSample) -> None:
        self._people = sample

    def _map_all(self, sweeps: list[PosedCloud]) -> None:
        """Have sweeps mapped; one that its sensor's place on the robot is not known of is lost.

        The people are those known by now: whether the tracks of this very sweep overtake its
        mapping would be a matter of speed.
        """
        if sweeps and self._people:
            self._mapper.add_tracks(self._people)
        for posed in sweeps:
            base, sensor = self.config.base_frame, posed.cloud.frame_id
            T_base_sensor = self._poser.tree.find(base, sensor)
            if T_base_sensor is None:
                text = f"tf_static does not join {base} (parameter base_frame) and {sensor}"
                self._poser.problem = text
                continue
            self.submit(SweepSample(posed, T_base_sensor))

    def _mapping_report(self) -> Report:
        """Return whether the newest sweep was mapped, and how many never could be."""
        newest, poser = self._newest, self._poser
        report = Report(values={"sweeps_without_pose": poser.lost})
        if newest:
            report.values |= {"is_mapped": newest.is_mapped} | newest.figures
        problem, poser.problem = poser.problem, ""
        if problem:
            report.raise_to(WARN, f"sweeps cannot be mapped: {problem}")
        return report


def main() -> None:
    """Run the node."""
    run(lambda: OccupancyMapperNode("occupancy_mapper"))


if __name__ == "__main__":
    main()
