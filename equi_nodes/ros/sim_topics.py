"""The topics of a simulated robot and its world."""

from __future__ import annotations

from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from equi_msgs.msg import TrackArray
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import OccupancyGrid, Odometry
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, Imu, PointCloud2
from tf2_msgs.msg import TFMessage

from equi_nodes.ros import qos
from equi_nodes.ros import simulation as build
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.convert import header, track_array
from equi_nodes.ros.images import camera_info
from equi_nodes.ros.messages import make
from equi_nodes.ros.odometry import transforms
from equi_nodes.ros.planning import grid_message
from equi_nodes.ros.sensors import imu_message
from equi_nodes.samples import GridSample

TRUTH_NS = 100_000_000  # between two messages of where everybody is


class SimTopics:
    """Publishes readings, truth and time; the fixed part of all that as soon as it is known."""

    def __init__(self, node: PipelineNode) -> None:
        """Advertise everything."""
        self._node, self._wheels = node, build.WheelReckoning()
        self._truth_due_ns = 0
        out = node.add_output
        self._odometry = out("ground_truth/odometry", Odometry, qos.RESULT)
        self._people = out("ground_truth/people", TrackArray, qos.RESULT)
        self._record = out("ground_truth/record", DiagnosticStatus, qos.LATCHED)
        self._imu = out("imu", Imu, qos.IMU)
        self._wheel = out("wheel_odometry", Odometry, qos.SENSOR)
        self._points = out("points", PointCloud2, qos.SENSOR)
        self._images = {side: out(f"{side}/image", Image, qos.SENSOR) for side in build.SIDES}
        self._goal = out("goal", PoseStamped, qos.RESULT)
        # These three are needed before the first step, when outputs are still off.
        plain = node.create_publisher
        self._infos = {
            side: plain(CameraInfo, f"~/output/{side}/camera_info", qos.SENSOR)
            for side in build.SIDES
        }
        self._map = plain(OccupancyGrid, "~/output/ground_truth/map", qos.LATCHED)
        self._mounts = plain(TFMessage, "/tf_static", qos.STATIC_TRANSFORMS)
        self._clock = plain(Clock, "/clock", qos.RESULT)

    def close(self) -> None:
        """Stop advertising what the node does not know of."""
        for publisher in (*self._infos.values(), self._map, self._mounts, self._clock):
            self._node.destroy_publisher(publisher)

    def show_fixed(self, stamp: int, rig: Any, building: GridSample) -> None:
        """Publish where the sensors sit, and the building."""
        items = build.mounts(rig.cameras, rig.T_base_imu, rig.T_base_lidar)
        self._mounts.publish(transforms(stamp, items, make))
        self._map.publish(grid_message(building, make))

    def show_cameras(self, stamp: int, rig: Any) -> None:
        """Publish the calibration of the cameras."""
        for (side, publisher), camera in zip(self._infos.items(), rig.cameras):
            publisher.publish(camera_info(camera, stamp, build.camera_frame(side), make))

    def tick(self, stamp: int) -> None:
        """Publish the time."""
        self._clock.publish(Clock(clock=header(stamp, "", make).stamp))

    def show_readings(self, readings: Any, rig: Any, rings: int) -> None:
        """Publish what the sensors gave."""
        for sample in readings.imu:
            reading = (sample.stamp_ns, sample.gyro, sample.accel)
            self._imu.publish(imu_message(reading, build.IMU, make))
        for sample in readings.wheels:
            self._wheel.publish(self._wheels.message(sample, make))
        for frame in readings.frames:
            self.show_cameras(frame.stamp_ns, rig)
            for side, image in build.images(frame, make).items():
                self._images[side].publish(image)
        for sweep in readings.clouds:
            self._points.publish(build.sweep_message(sweep, rings, make))

    def show_truth(self, truth: Any) -> None:
        """Publish where the robot and everybody else truly are."""
        self._odometry.publish(build.true_odometry(truth, make))
        if truth.stamp_ns >= self._truth_due_ns:
            self._truth_due_ns = truth.stamp_ns + TRUTH_NS
            self._people.publish(track_array(truth.people, make))

    def show_record(self, record: dict[str, Any]) -> None:
        """Publish how the run stands."""
        self._record.publish(build.record_message(record, make))

    def show_goal(self, stamp: int, goal: np.ndarray) -> None:
        """Publish a goal (3,): x, y in metres and yaw in rad in ``odom``."""
        self._goal.publish(build.goal_message(stamp, goal, make))
