"""Visual-inertial odometry: one camera or two, and an IMU."""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
from nav_msgs.msg import Odometry
from sensor_msgs.msg import CompressedImage, Image, Imu
from tf2_msgs.msg import TFMessage

from equi_nodes.config.vio import PARTS, VioConfig
from equi_nodes.datasets.calibration import camera_of_info, read_calibration, read_imu_noise
from equi_nodes.errors import EquiError
from equi_nodes.pipelines.dead_reckoning import DeadReckoning
from equi_nodes.ros import odometry as to_message
from equi_nodes.ros import qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.ros.frames import FramePipeline, FrameResult
from equi_nodes.ros.gate import Content, Gate
from equi_nodes.ros.guard import Guard
from equi_nodes.ros.health import odometry_report
from equi_nodes.ros.images import compressed_problem, image_problem
from equi_nodes.ros.messages import make
from equi_nodes.ros.odometry_views import OdometryViews
from equi_nodes.ros.rig import RigListener
from equi_nodes.ros.run import run
from equi_nodes.ros.sensors import imu_problem, imu_sample, wheel_problem, wheel_sample
from equi_nodes.ros.sync import FrameMatcher
from equi_nodes.samples import OdometrySample, Status

SWITCH_S = 0.0005  # the worker gives way to the IMU's callback so soon
USABLE = (Status.TRACKING, Status.DEGRADED)  # of others nothing is published


class VioNode(PipelineNode):
    """Images and IMU in, odometry out; the IMU never waits for the images."""

    config_class = VioConfig
    parts = PARTS

    @property
    def _wheel_frame(self) -> str:
        return self.config.wheel_frame or self.config.base_frame

    def open_topics(self) -> None:
        """Subscribe to the sensors, advertise the odometry and what shows how it is made."""
        config = self.config
        sides = ("left", "right") if config.stereo else ("left",)
        self._rig_listener = RigListener(self, sides)
        self._matcher = FrameMatcher(
            is_stereo=config.stereo,
            tolerance_ns=round(config.pair_tolerance * 1e9),
            patience_ns=round(config.pair_patience * 1e9),
        )
        self._newest: OdometrySample | None = None
        self._reckoning = DeadReckoning(self.part("filter").gravity)
        self._imu_frame, self._T_b_base, self._fast = config.imu_frame, np.eye(4), Gate()
        self._imu_guard = Guard(config.imu_frame, imu_problem)
        self.add_input("imu", Imu, qos.IMU, self._imu_guard, imu_sample, self._take_imu)
        if config.wheels:
            guard = Guard("", wheel_problem(self._wheel_frame))
            self.add_input(
                "wheel_odometry", Odometry, qos.IMU, guard, wheel_sample,
                lambda sample: self._pipeline.add_wheels(sample), is_optional=True,
            )  # fmt: skip
        is_raw = config.transport == "raw"
        check, kind = (image_problem, Image) if is_raw else (compressed_problem, CompressedImage)
        self._image_guards = {side: Guard("", check) for side in sides}
        for side, guard in self._image_guards.items():
            take = partial(self._take_image, getattr(self._matcher, side))
            self.add_input(f"{side}/image", kind, qos.SENSOR, guard, lambda msg: msg, take)
        self.odometry = self.add_output("odometry", Odometry, qos.RESULT)
        self._views = OdometryViews(self, config.odom_frame, config.path_length)
        self.tf = self.create_lifecycle_publisher(TFMessage, "/tf", qos.RESULT)
        self.add_report("odometry", lambda: odometry_report(self._newest, self._matcher))

    def load(self) -> FramePipeline:
        """Read the calibration and build the odometry; what it compiles takes a while."""
        from equi_nodes.pipelines.odometry import Odometry, OdometryParts, make_rig

        config, offset = self.config, 0.0
        if config.calibration:
            cameras, offset = read_calibration(config.calibration)
            if len(cameras) < 1 + config.stereo:
                raise EquiError(f"{config.calibration} has one camera: set stereo to false")
        else:
            build = partial(camera_of_info, is_rectified=config.rectified)
            cameras = self._rig_listener.cameras(config.imu_frame, build)
        if config.base_frame and config.base_frame != config.imu_frame:
            self._T_b_base = self._rig_listener.transform(config.imu_frame, config.base_frame)
        to_wheels = config.imu_frame, self._wheel_frame
        T_b_wheels = self._rig_listener.transform(*to_wheels) if config.wheels else None
        noise = read_imu_noise(config.imu_calibration) if config.imu_calibration else None
        rig = make_rig(cameras[: 1 + config.stereo], noise, T_b_wheels)
        parts = {name: self.part(name) for name in self.parts if name != "mapping" or config.slam}
        self._pipeline = Odometry(rig, OdometryParts(**parts), offset)
        return FramePipeline(self._pipeline, rig.cameras, config.odom_frame, config.image_bits)

    def content(self, result: FrameResult) -> Content:
        """Return what must be sound in the state."""
        return self._content(result.sample, result.stamp_ns)

    def publish(self, result: FrameResult) -> None:
        """Publish the state of a frame, and what shows how it was made if someone looks."""
        sample = result.sample
        self._newest = sample or self._newest
        if sample is None or sample.status not in USABLE:
            return
        if self.config.rate == "imu":
            self._reckoning.correct(sample)
        else:
            self._say(sample)
        draw = partial(self._pipeline.draw_tracks, result.frame)
        self._views.show(sample, self._T_b_base, draw, self._image_guards["left"].frame)

    def clear(self) -> None:
        """Forget what waits of the time before a restart."""
        self._forget_inputs()
        self._views.clear()
        self._newest = None

    def deactivate(self) -> None:
        """Take no data, and forget what waits: it is old when data is taken again."""
        super().deactivate()
        self._forget_inputs()

    def clean_up(self) -> None:
        """Give back the topics that the base does not know of."""
        if hasattr(self, "_rig_listener"):
            self._rig_listener.close()
            self.destroy_lifecycle_publisher(self.tf)
            del self._rig_listener
        super().clean_up()
        self._pipeline = None  # ends the map's process

    def _forget_inputs(self) -> None:
        self._matcher.clear()
        self._reckoning.clear()

    def _take_imu(self, sample: tuple[int, np.ndarray, np.ndarray]) -> None:
        self._imu_frame = self._imu_guard.frame
        self._pipeline.add_imu(*sample)
        if self.config.rate == "imu":
            state = self._reckoning.propagate(*sample)
            if state and self._fast.passes(self._content(state, state.stamp_ns), self.restarts):
                self._say(state)
            elif state:
                self.log.error("fast", f"odometry not published: {self._fast.last_refusal}")
        for match in self._matcher.imu(sample[0]):
            self.submit(match)

    def _take_image(self, side: object, msg: Image | CompressedImage) -> None:
        for match in side(stamp_ns(msg.header.stamp), msg):
            self.submit(match)

    def _say(self, sample: OdometrySample) -> None:
        """Publish the odometry, and the same as transforms if they are asked for."""
        config = self.config
        frames = (config.odom_frame, config.base_frame or self._imu_frame)
        self.odometry.publish(to_message.odometry(sample, frames, self._T_b_base, make))
        if config.publish_tf:
            items = to_message.tree(
                sample, (config.map_frame, *frames), self._T_b_base, config.invert_tf
            )
            self.tf.publish(to_message.transforms(sample.stamp_ns, items, make))

    def _content(self, sample: OdometrySample | None, stamp: int) -> Content:
        if sample is None:
            return Content(stamp, self.config.odom_frame)
        numbers = (sample.T_w_b, sample.velocity, sample.angular_velocity)
        covariance = (sample.covariance,)
        return Content(stamp, self.config.odom_frame, numbers, covariance)


def main() -> None:
    """Run the node."""
    sys.setswitchinterval(SWITCH_S)
    run(lambda: VioNode("vio"))


if __name__ == "__main__":
    main()
