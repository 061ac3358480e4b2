"""Where a body was at any time of the last seconds, and its points where they were measured."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

import numpy as np

from equi_nodes.geometry.rotations import exp_so3, log_so3, rigid
from equi_nodes.samples import CloudSample, PosedCloud

SECOND_NS = 1_000_000_000
KNOTS = 9  # poses along a sweep; between two of them every point moves along a line


class PoseTrail:
    """Timed poses of one body, later and later, of which the newest seconds are kept.

    Attributes:
        stamps_ns: of the poses, oldest first.
        poses: (4, 4) transforms, one a stamp.
    """

    def __init__(self, seconds: float = 10.0, ahead: float = 0.0) -> None:
        """Keep ``seconds``; the last motion goes on for as many seconds as ``ahead`` says."""
        self._span_ns, self._ahead_ns = round(seconds * SECOND_NS), round(ahead * SECOND_NS)
        self.clear()

    def __len__(self) -> int:
        return len(self.stamps_ns)

    def clear(self) -> None:
        """Forget all poses."""
        self.stamps_ns: list[int] = []
        self.poses: list[np.ndarray] = []

    def add(self, stamp_ns: int, T: np.ndarray) -> bool:
        """Add a pose (4, 4) and return True; one that is no later than the newest is left out."""
        if self.stamps_ns and stamp_ns <= self.stamps_ns[-1]:
            return False
        self.stamps_ns.append(stamp_ns)
        self.poses.append(T)
        old = bisect_left(self.stamps_ns, stamp_ns - self._span_ns)
        del self.stamps_ns[:old], self.poses[:old]
        return True

    def covers(self, first_ns: int, last_ns: int) -> bool:
        """Return whether the poses of a span of time are known."""
        if not self.stamps_ns:
            return False
        return self.stamps_ns[0] <= first_ns and last_ns <= self.stamps_ns[-1] + self._ahead_ns

    def at(self, stamp_ns: int) -> np.ndarray:
        """Return the pose (4, 4) at a time that is covered; rotations on the shortest way."""
        after = min(bisect_right(self.stamps_ns, stamp_ns), len(self.stamps_ns) - 1)
        before = max(after - 1, 0)
        T, following = self.poses[before], self.poses[after]
        span = self.stamps_ns[after] - self.stamps_ns[before]
        share = (stamp_ns - self.stamps_ns[before]) / span if span else 0.0
        turn = exp_so3(share * log_so3(T[:3, :3].T @ following[:3, :3]))
        shift = share * (following[:3, 3] - T[:3, 3])
        return rigid(T[:3, :3] @ turn, T[:3, 3] + shift)

    def posed(self, cloud: CloudSample, T_body_sensor: np.ndarray, frame_id: str) -> PosedCloud:
        """Return a sweep, whose time is covered, with the poses of its sensor."""
        first, last = span(cloud)
        count = KNOTS if last > first else 1
        stamps = np.linspace(first - cloud.stamp_ns, last - cloud.stamp_ns, count)
        poses = [self.at(cloud.stamp_ns + round(step)) @ T_body_sensor for step in stamps]
        return PosedCloud(cloud, frame_id, stamps / SECOND_NS, np.stack(poses))


def span(cloud: CloudSample) -> tuple[int, int]:
    """Return the times of the first and the last point of a sweep, nanoseconds."""
    if cloud.times is None or not len(cloud.times):
        return cloud.stamp_ns, cloud.stamp_ns
    first, last = float(cloud.times.min()), float(cloud.times.max())
    return cloud.stamp_ns + round(first * SECOND_NS), cloud.stamp_ns + round(last * SECOND_NS)


def laid_out(sweep: PosedCloud) -> np.ndarray:
    """Return the points (N, 3) float64 of a sweep in the fixed frame, each by its time's pose."""
    at, poses, points = sweep.times, sweep.poses, sweep.cloud.points
    if len(at) == 1 or sweep.cloud.times is None:
        return points @ poses[0, :3, :3].T + poses[0, :3, 3]
    place = (sweep.cloud.times - at[0]) * ((len(at) - 1) / (at[-1] - at[0]))
    place = np.clip(place, 0.0, len(at) - 1)
    before = np.minimum(place.astype(np.int64), len(at) - 2)
    share = (place - before)[:, None]
    homogeneous = np.column_stack([points, np.ones(len(points))])
    # Each knot moves all of its points at once: gathering a pose a point would be slower.
    out = np.empty((len(points), 3))
    for knot in range(len(at) - 1):
        rows = before == knot
        both = homogeneous[rows] @ poses[knot : knot + 2, :3].transpose(0, 2, 1)
        out[rows] = both[0] + share[rows] * (both[1] - both[0])
    return out
