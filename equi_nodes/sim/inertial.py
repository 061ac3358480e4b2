"""What the IMU and the wheels of a moving robot say."""

from __future__ import annotations

import numpy as np

from equi_nodes.samples import ImuSample, WheelSample
from equi_nodes.sim.drive import Motion
from equi_nodes.sim.scenario import Sensors

GRAVITY = 9.80665  # m/s^2
SLIPPING = 0.5  # s, how long slip lasts
WHEEL_NOISE = np.array([0.005, 0.01])  # m/s and rad/s, while the wheels turn


class Imu:
    """An IMU with white noise and biases that walk, sitting anywhere on the body, axes as its."""

    def __init__(
        self, sensors: Sensors, place: np.ndarray, rate: float, rng: np.random.Generator
    ) -> None:
        """Draw the first biases.

        Args:
            sensors: its noise.
            place: (3,) on the base, metres.
            rate: samples per second.
            rng: what noise is drawn from.
        """
        noise = sensors.imu_noise
        self._place, self._rng = place, rng
        self._white = np.repeat([noise["gyro"], noise["accel"]], 3) * np.sqrt(rate)
        self._walk = np.repeat([noise["gyro_walk"], noise["accel_walk"]], 3) / np.sqrt(rate)
        spread = np.repeat([sensors.gyro_bias, sensors.accel_bias], 3)
        self._biases = spread * rng.standard_normal(6)

    def read(self, motion: Motion, stamps_ns: np.ndarray) -> tuple[ImuSample, ...]:
        """Return a sample for each row of a motion."""
        rates, forces = felt(motion, self._place)
        draws = self._rng.standard_normal((len(stamps_ns), 2, 6))
        biases = self._biases + np.cumsum(self._walk * draws[:, 0], 0)
        self._biases = biases[-1]
        values = np.hstack([rates, forces]) + biases + self._white * draws[:, 1]
        rows = zip(stamps_ns.tolist(), values)
        return tuple(ImuSample(stamp, row[:3].copy(), row[3:].copy()) for stamp, row in rows)


def felt(motion: Motion, place: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (N, 3) rad/s and (N, 3) specific force in m/s^2 at a place (3,) of the base."""
    rates = motion.body_rates()
    push = np.pad(motion.accel, ((0, 0), (0, 1)), constant_values=GRAVITY)
    force = np.einsum("nji,nj->ni", motion.T_w_b[:, :3, :3], push)
    force += np.cross(motion.body_angular_accels(), place)
    return rates, force + np.cross(rates, np.cross(rates, place))


class Wheels:
    """Wheel odometry with a constant error of scale, slip that comes and goes, and noise."""

    def __init__(self, sensors: Sensors, rng: np.random.Generator) -> None:
        """Draw the constant error."""
        self._slip_spread, self._rng = sensors.wheel_slip, rng
        self._scale = 1.0 + sensors.wheel_scale * rng.standard_normal(2)
        self._slip = np.zeros(2)

    def read(self, rolling: np.ndarray, stamp_ns: int, seconds: float) -> WheelSample:
        """Return what wheels that rolled for a time with a speed and yaw rate (2,) say."""
        share = seconds / SLIPPING
        draws = self._rng.standard_normal((2, 2))
        self._slip += -share * self._slip + self._slip_spread * np.sqrt(2 * share) * draws[0]
        is_turning = np.abs(rolling) > 1e-3
        noise = WHEEL_NOISE * draws[1] * is_turning.any()
        speed, yaw_rate = rolling * (self._scale + self._slip) + noise
        return WheelSample(stamp_ns, float(speed), float(yaw_rate))
