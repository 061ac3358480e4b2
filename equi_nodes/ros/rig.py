"""The calibrated sensors of a node: from a file, or from camera_info and tf_static."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo
from tf2_msgs.msg import TFMessage

from equi_nodes.errors import EquiError
from equi_nodes.ros import qos
from equi_nodes.ros.sensors import StaticTransforms

PATIENCE_S = 1.0  # that asking for the calibration waits for messages


class RigListener:
    """Hears what the drivers say of their calibration."""

    def __init__(self, node: Node, sides: tuple[str, ...]) -> None:
        """Subscribe to ``~/input/<side>/camera_info`` of each side and to ``tf_static``."""
        self._node, self._sides = node, sides
        self._infos: dict[str, CameraInfo] = {}
        self._tree = StaticTransforms()
        self._news = threading.Condition()
        self._is_closed = False
        self._subscriptions = [
            node.create_subscription(
                CameraInfo, f"~/input/{side}/camera_info", self._on_info(side), qos.SENSOR
            )
            for side in sides
        ]
        self._subscriptions.append(
            node.create_subscription(TFMessage, "/tf_static", self._on_tf, qos.STATIC_TRANSFORMS)
        )

    def close(self) -> None:
        """Unsubscribe; who waits for a message is told that none will come."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        with self._news:
            self._is_closed = True
            self._news.notify_all()

    def cameras(self, imu_frame: str, build: Callable[[Any, np.ndarray], Any]) -> tuple:
        """Return what ``build(info, T_b_c)`` makes of each side's camera.

        Raises:
            EquiError: a message or a transform is still missing after a second; says which.
        """
        if not imu_frame:
            raise EquiError(
                "Without a calibration file imu_frame must be set, to find the cameras in tf_static"
            )
        with self._news:
            self._wait_until(lambda: not self._missing(imu_frame))
            if missing := self._missing(imu_frame):
                raise EquiError(f"The calibration is not complete: {missing}")
            infos = [self._infos[side] for side in self._sides]
            poses = [self._tree.find(imu_frame, info.header.frame_id) for info in infos]
        return tuple(build(info, T_b_c) for info, T_b_c in zip(infos, poses))

    def transform(self, target: str, source: str) -> np.ndarray:
        """Return T_target_source (4, 4).

        Raises:
            EquiError: tf_static does not join the two within a second, or one has no name.
        """
        if not (target and source):
            raise EquiError(
                "imu_frame and base_frame (or wheel_frame) must be set, to be found in tf_static"
            )
        with self._news:
            self._wait_until(lambda: self._tree.find(target, source) is not None)
            T = self._tree.find(target, source)
        if T is None:
            raise EquiError(f"tf_static does not join {target} and {source}")
        return T

    def _wait_until(self, is_complete: Callable[[], bool]) -> None:
        self._news.wait_for(lambda: self._is_closed or is_complete(), PATIENCE_S)

    def _missing(self, imu_frame: str) -> str:
        """Say what is missing, empty if nothing is."""
        for side in self._sides:
            if side not in self._infos:
                return f"no message on input/{side}/camera_info"
            frame = self._infos[side].header.frame_id
            if self._tree.find(imu_frame, frame) is None:
                return f"tf_static does not join {imu_frame} and {frame}"
        return ""

    def _on_info(self, side: str) -> Callable[[CameraInfo], None]:
        def take(info: CameraInfo) -> None:
            with self._news:
                self._infos[side] = info
                self._news.notify_all()

        return take

    def _on_tf(self, msg: TFMessage) -> None:
        with self._news:
            self._tree.add(msg)
            self._news.notify_all()
