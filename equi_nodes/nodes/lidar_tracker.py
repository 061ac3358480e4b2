"""Finds the people around a robot in the sweeps of a LiDAR and follows them."""

from __future__ import annotations

from equi_msgs.msg import TrackArray
from nav_msgs.msg import Odometry
from sensor_msgs.msg import PointCloud2
from tf2_msgs.msg import TFMessage
from visualization_msgs.msg import MarkerArray

from equi_nodes.config.lidar_tracker import LidarTrackerConfig
from equi_nodes.pipelines.track import LidarTracker, TrackResult
from equi_nodes.ros import qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.clouds import cloud_problem, cloud_sample
from equi_nodes.ros.convert import track_array
from equi_nodes.ros.diagnostics import WARN, Report
from equi_nodes.ros.gate import Content
from equi_nodes.ros.guard import Guard
from equi_nodes.ros.markers import delete_all
from equi_nodes.ros.messages import make
from equi_nodes.ros.planning import pose_problem
from equi_nodes.ros.posed_clouds import CloudPoser
from equi_nodes.ros.run import run
from equi_nodes.ros.track_markers import crop_cloud, track_markers
from equi_nodes.samples import CloudSample, PosedCloud


class LidarTrackerNode(PipelineNode):
    """Sweeps and the robot's pose in; tracks, their points and their markers out."""

    config_class = LidarTrackerConfig

    def open_topics(self) -> None:
        """Subscribe to sweeps and poses, advertise tracks, crops and markers."""
        config, self._newest = self.config, None
        self._poser = CloudPoser(config.patience)
        guard = Guard("", cloud_problem)
        self.add_input("points", PointCloud2, qos.SENSOR, guard, self._sample, self._take_sweep)
        if config.pose_source == "odometry":
            guard = Guard(config.fixed_frame, lambda msg: pose_problem(msg.pose.pose))
            self.add_input(
                "odometry", Odometry, qos.IMU, guard, lambda msg: msg, self._take_odometry
            )
        self.tracks = self.add_output("tracks", TrackArray, qos.RESULT)
        self.crops = self.add_output("crops", PointCloud2, qos.RESULT)
        self.markers = self.add_output("markers", MarkerArray, qos.RESULT)
        self.add_report("tracking", self._tracking_report)
        listened = [("/tf_static", qos.STATIC_TRANSFORMS, self._poser.tree.add)]
        if config.pose_source == "tf":
            listened.append(("/tf", qos.IMU, self._take_transforms))
        self._transforms = [
            self.create_subscription(TFMessage, topic, take, profile)
            for topic, profile, take in listened
        ]

    def load(self) -> LidarTracker:
        """Build the tracker."""
        return LidarTracker.from_config(self.config)

    def content(self, result: TrackResult) -> Content:
        """Return what must be sound in tracks."""
        tracks = result.tracks
        return Content(
            stamp_ns=result.stamp_ns,
            frame_id=result.frame_id,
            numbers=(tracks.positions, tracks.velocities, tracks.sizes, tracks.existence),
            covariances=(tracks.covariances, tracks.velocity_covariances),
        )

    def publish(self, result: TrackResult) -> None:
        """Publish the tracks, and their points and markers if someone looks."""
        self._newest = result
        self.tracks.publish(track_array(result.tracks, make))
        if self.crops.has_readers:
            self.crops.publish(crop_cloud(result, make))
        if self.markers.has_readers:
            self.markers.publish(track_markers(result.tracks))

    def clear(self) -> None:
        """Forget the poses and sweeps of the time before a restart, and erase the markers."""
        self._poser.clear()
        self.markers.publish(delete_all())

    def clean_up(self) -> None:
        """Give back the topics that the base does not know of."""
        if hasattr(self, "_transforms"):
            for subscription in self._transforms:
                self.destroy_subscription(subscription)
            del self._transforms
        super().clean_up()

    def _sample(self, msg: PointCloud2) -> CloudSample:
        return cloud_sample(msg, self.config.time_unit)

    def _take_sweep(self, cloud: CloudSample) -> None:
        self._track(self._poser.cloud(cloud))

    def _take_odometry(self, msg: Odometry) -> None:
        self._track(self._poser.odometry(msg))

    def _take_transforms(self, msg: TFMessage) -> None:
        if self.is_taking:
            frames = self.config.fixed_frame, self.config.base_frame
            self._track(self._poser.transforms(msg, *frames))

    def _track(self, sweeps: list[PosedCloud]) -> None:
        for posed in sweeps:
            self.submit(posed)

    def _tracking_report(self) -> Report:
        """Return what was found in the newest sweep, and how many sweeps had no pose."""
        newest, poser = self._newest, self._poser
        report = Report(values={"sweeps_without_pose": poser.lost})
        if newest:
            report.values |= {"people": len(newest.tracks.ids)} | newest.figures
        problem, poser.problem = poser.problem, ""
        if problem:
            report.raise_to(WARN, f"sweeps cannot be used: {problem}")
        return report


def main() -> None:
    """Run the node."""
    run(lambda: LidarTrackerNode("lidar_tracker"))


if __name__ == "__main__":
    main()
