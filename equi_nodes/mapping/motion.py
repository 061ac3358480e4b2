"""Whether an odometry can be mapped with: is it lost, did it jump, does its error grow fast."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from equi_nodes.geometry.rotations import log_so3
from equi_nodes.samples import OdometrySample, Status

SECOND_NS = 1_000_000_000
USABLE = (Status.TRACKING, Status.DEGRADED)
WINDOW_S = 0.5  # in which a robot that is carried away moves farther than one that drives
LEAPS = (0.2, 0.35)  # m and rad that an odometry may correct itself by
FORGETTING_S = 1.0  # over which the growth of the error is watched

Past = deque[tuple[int, np.ndarray, float]]  # stamp, pose and spread of the position


@dataclass(frozen=True)
class Verdict:
    """What an odometry is worth.

    Attributes:
        problem: why nothing can be mapped with it, empty if it can.
        jump: how it moved as no robot does, empty if it did not: the map before is another place's.
    """

    problem: str = ""
    jump: str = ""


class MotionCheck:
    """Judges each pose by those before it."""

    def __init__(self, max_speed: float, max_yaw_rate: float, max_drift: float) -> None:
        """Take m/s and rad/s that the robot can reach, and m that its error may grow in 1 s."""
        self._fastest, self._max_drift = (max_speed, max_yaw_rate), max_drift
        self.clear()

    def clear(self) -> None:
        """Forget all poses."""
        self._past: Past = deque()

    def judge(self, sample: OdometrySample) -> Verdict:
        """Return what a pose of the base is worth; it is remembered if it is usable."""
        if sample.status not in USABLE:
            return Verdict(f"the odometry is {sample.status.value}: {sample.reason or 'no reason'}")
        if not np.isfinite(sample.T_w_b).all():
            return Verdict("the pose of the odometry is not a finite number")
        past, spread = self._past, _spread(sample.covariance)  # another thread may clear it
        jump = _jump(sample, past, self._fastest)
        if jump:
            past.clear()
        growth = spread - min((item[2] for item in past), default=spread)
        past.append((sample.stamp_ns, sample.T_w_b, spread))
        while past[0][0] < sample.stamp_ns - FORGETTING_S * SECOND_NS:
            past.popleft()
        problem = f"the error of the odometry has grown by {growth:.2f} m within a second"
        return Verdict(problem if growth > self._max_drift else "", jump)


def _jump(sample: OdometrySample, past: Past, fastest: tuple[float, float]) -> str:
    """Say how far a pose is from the last one, or that of half a second ago, if too far."""
    old = [item for item in past if sample.stamp_ns - item[0] >= WINDOW_S * SECOND_NS]
    for stamp, T, _ in [*list(past)[-1:], *old[-1:]]:
        seconds = (sample.stamp_ns - stamp) / SECOND_NS
        moved = np.linalg.norm(sample.T_w_b[:3, 3] - T[:3, 3])
        turned = np.linalg.norm(log_so3(T[:3, :3].T @ sample.T_w_b[:3, :3]))
        limits = [fast * seconds + leap for fast, leap in zip(fastest, LEAPS)]
        if moved > limits[0] or turned > limits[1]:
            degrees = np.degrees(turned)
            return f"the odometry jumped {moved:.2f} m and {degrees:.0f} deg in {seconds:.2f} s"
    return ""


def _spread(covariance: np.ndarray) -> float:
    """Return the standard deviation of the position in metres, 0 where it is not told."""
    variance = np.trace(covariance[3:6, 3:6])
    return float(np.sqrt(variance)) if np.isfinite(variance) and variance > 0 else 0.0
