"""What shows how an odometry is made, built and published only while someone looks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np
from nav_msgs.msg import Path
from sensor_msgs.msg import Image, PointCloud2

from equi_nodes.ros import odometry as to_message
from equi_nodes.ros import qos
from equi_nodes.ros.base_node import PipelineNode
from equi_nodes.ros.messages import make
from equi_nodes.samples import OdometrySample


class OdometryViews:
    """The path, the landmarks and the tracked features of a node."""

    def __init__(self, node: PipelineNode, odom_frame: str, length: int) -> None:
        """Advertise the views; the path keeps the newest ``length`` poses."""
        self._frame = odom_frame
        self._path = node.add_output("path", Path, qos.RESULT)
        self._landmarks = node.add_output("landmarks", PointCloud2, qos.RESULT)
        self._tracks = node.add_output("tracks", Image, qos.RESULT)
        self._poses: deque[tuple[int, np.ndarray]] = deque(maxlen=length)

    def clear(self) -> None:
        """Forget the path."""
        self._poses.clear()

    def show(
        self,
        sample: OdometrySample,
        T_b_base: np.ndarray,
        draw: Callable[[], np.ndarray],
        camera_frame: str,
    ) -> None:
        """Publish what there are readers for.

        Args:
            sample: the newest state.
            T_b_base: (4, 4) maps points of the base, whose path is shown, into the body.
            draw: returns the picture (H, W, 3) bgr8 of the tracks.
            camera_frame: that the picture is in.
        """
        self._poses.append((sample.stamp_ns, sample.T_w_b @ T_b_base))
        if self._path.has_readers:
            self._path.publish(to_message.path(list(self._poses), self._frame, make))
        if self._landmarks.has_readers:
            self._landmarks.publish(to_message.landmark_cloud(sample, self._frame, make))
        if self._tracks.has_readers:
            picture = to_message.picture(sample.stamp_ns, camera_frame, draw(), make)
            self._tracks.publish(picture)
