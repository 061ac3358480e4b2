"""Sweeps wait until the odometry of their time has come, and get the poses of their sensor."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from equi_nodes.geometry.pose_trail import SECOND_NS, PoseTrail, span
from equi_nodes.ros.convert import stamp_ns
from equi_nodes.ros.sensors import StaticTransforms, transform_of
from equi_nodes.samples import CloudSample, PosedCloud

AHEAD_S = 0.06  # the last motion may go on so long: sensors do not stamp alike
WAITING = 10  # sweeps that wait at most


class CloudPoser:
    """Brings sweeps, odometry and the fixed transforms between them together.

    Attributes:
        tree: the fixed transforms; who listens to ``/tf_static`` adds them.
        problem: why the last sweep that was given up could not be posed, empty while none was.
        lost: sweeps that were given up.
    """

    def __init__(self, patience: float) -> None:
        """Give a sweep up that is ``patience`` seconds older than the newest one."""
        self.tree, self._patience_ns = StaticTransforms(), round(patience * SECOND_NS)
        self._trail = PoseTrail(ahead=AHEAD_S)
        self.lost = 0
        self.clear()

    def clear(self) -> None:
        """Forget poses and sweeps, but no fixed transform."""
        self._trail.clear()
        self._frames = ("", "")
        self._waiting: deque[CloudSample] = deque(maxlen=WAITING)
        self.problem = ""

    def odometry(self, msg: Any) -> list[PosedCloud]:
        """Take a ``nav_msgs/Odometry``; return the sweeps that waited for it."""
        pose = msg.pose.pose
        self._add(msg, transform_of(pose.position, pose.orientation))
        return self._ready()

    def transforms(self, msg: Any, fixed_frame: str, body_frame: str) -> list[PosedCloud]:
        """Take a ``tf2_msgs/TFMessage``; return the sweeps that waited for the body's pose."""
        for item in msg.transforms:
            if (item.header.frame_id, item.child_frame_id) == (fixed_frame, body_frame):
                self._add(item, transform_of(item.transform.translation, item.transform.rotation))
        return self._ready()

    def _add(self, stamped: Any, T: np.ndarray) -> None:
        self._frames = stamped.header.frame_id, stamped.child_frame_id
        self._trail.add(stamp_ns(stamped.header.stamp), T)

    def cloud(self, cloud: CloudSample) -> list[PosedCloud]:
        """Take a sweep; return it, and those that waited before it, if they can be posed."""
        self._waiting.append(cloud)
        return self._ready()

    def _ready(self) -> list[PosedCloud]:
        posed = []
        while self._waiting:
            cloud = self._waiting[0]
            if problem := self._problem(cloud):
                if cloud.stamp_ns >= self._waiting[-1].stamp_ns - self._patience_ns:
                    break
                self.lost, self.problem = self.lost + 1, problem
            else:
                frame, body = self._frames
                T_body_sensor = self.tree.find(body, cloud.frame_id)
                posed.append(self._trail.posed(cloud, T_body_sensor, frame))
            self._waiting.popleft()
        return posed

    def _problem(self, cloud: CloudSample) -> str:
        """Return why a sweep cannot be posed yet, empty if it can."""
        frame, body = self._frames
        if not frame:
            return "no odometry has come"
        if self.tree.find(body, cloud.frame_id) is None:
            return f"tf_static does not join {body} of the odometry and {cloud.frame_id}"
        if not self._trail.covers(*span(cloud)):
            return "no odometry of the time of the sweep has come"
        return ""
