"""Odometry at the rate of the IMU: the newest estimate carried on by the samples since."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

import numpy as np

from equi_nodes.geometry.rotations import exp_so3, hat, rigid
from equi_nodes.samples import OdometrySample

LONGEST = 1.0  # s without a new estimate, then nothing is said any more
BUFFER = 2000  # IMU samples kept, so many come between two estimates at most
GRAVITY = np.array([0.0, 0.0, -9.80665])


class DeadReckoning:
    """Integrates IMU samples from the newest estimate on.

    It shares nothing with the filter, so it never waits for it: ``correct`` may be called from
    another thread than ``propagate``.
    """

    def __init__(self, gravity: float = -GRAVITY[2]) -> None:
        """Start without an estimate; gravity in m/s^2."""
        self._gravity = np.array([0.0, 0.0, -gravity])
        self._imu: deque[tuple[int, np.ndarray, np.ndarray]] = deque(maxlen=BUFFER)
        self._base: OdometrySample | None = None
        self._state: OdometrySample | None = None
        self._from: OdometrySample | None = None

    def correct(self, sample: OdometrySample) -> None:
        """Take an estimate that is newer than all before."""
        self._base = sample

    def clear(self) -> None:
        """Forget the estimate and all samples."""
        self._imu.clear()
        self._base = self._state = self._from = None

    def propagate(
        self, stamp_ns: int, gyro: np.ndarray, accel: np.ndarray
    ) -> OdometrySample | None:
        """Take one IMU sample; return the state at its time, None if it cannot be told."""
        self._imu.append((stamp_ns, gyro, accel))
        base = self._base
        if base is None or not 0 < stamp_ns - base.stamp_ns <= LONGEST * 1e9:
            return None
        if base is not self._from:
            self._from = self._state = base
            pending = [item for item in self._imu if item[0] > base.stamp_ns]
        else:
            pending = [self._imu[-1]]
        for item in pending:
            self._state = _advance(self._state, *item, self._gravity)
        return self._state


def _advance(
    state: OdometrySample, stamp_ns: int, gyro: np.ndarray, accel: np.ndarray, gravity: np.ndarray
) -> OdometrySample:
    """Return the state one IMU sample later; its uncertainty grows by what the biases may do."""
    dt = (stamp_ns - state.stamp_ns) * 1e-9
    R, rate = state.T_w_b[:3, :3], gyro - state.gyro_bias
    turned = R @ exp_so3(rate * dt)
    force = 0.5 * (R + turned) @ (accel - state.accel_bias)
    motion = force + gravity
    position = state.T_w_b[:3, 3] + state.velocity * dt + 0.5 * motion * dt * dt
    F = np.eye(15)
    F[0:3, 9:12] = -R * dt
    F[3:6, 6:9] = np.eye(3) * dt
    F[6:9, 0:3] = -hat(force) * dt
    F[6:9, 12:15] = -R * dt
    covariance = F @ state.covariance @ F.T
    return replace(
        state,
        stamp_ns=stamp_ns,
        T_w_b=rigid(turned, position),
        velocity=state.velocity + motion * dt,
        angular_velocity=rate,
        covariance=0.5 * (covariance + covariance.T),
    )
