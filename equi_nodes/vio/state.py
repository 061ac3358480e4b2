"""What the filter estimates: the body now, its sensors, and the trail of past poses.

The error state of the body comes first (``ROTATION`` to ``TIME_OFFSET``), then the scale of the
wheels where there are any, then seven numbers a camera where the calibration is refined (rotation,
position, focal length), then rotation and position of each pose of the trail, oldest first.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

ROTATION = slice(0, 3)
POSITION = slice(3, 6)
VELOCITY = slice(6, 9)
GYRO_BIAS = slice(9, 12)
ACCEL_BIAS = slice(12, 15)
ACCEL_SCALE = slice(15, 18)
TIME_OFFSET = slice(18, 19)
BODY = 19  # size of the error of the body and its IMU
WHEEL_SCALE = BODY  # column of the scale of the wheels, where there are any
CAMERA = 7  # size of the error of one camera's calibration
POSE = 6  # size of the error of one pose


@dataclass(frozen=True)
class InitialState:
    """Where a filter starts.

    Attributes:
        stamp_ns: of the state, by the clock of the cameras.
        T_w_b: (4, 4) pose; the world's z axis is up.
        velocity: (3,) of the body in the world, m/s.
        gyro_bias: (3,) rad/s.
        accel_bias: (3,) m/s^2.
        covariance: (15, 15) of orientation (rotation vector in the world), position, velocity,
            gyro bias and accelerometer bias; each error is the plain difference.
    """

    stamp_ns: int
    T_w_b: np.ndarray
    velocity: np.ndarray
    gyro_bias: np.ndarray
    accel_bias: np.ndarray
    covariance: np.ndarray


@dataclass(frozen=True)
class Waiting:
    """Why there is no initial state yet, in words."""

    reason: str


@dataclass
class State:
    """The estimate and the covariance of its error.

    Attributes:
        time_ns: of the body's state, by the IMU's clock.
        rotation: (3, 3) body to world.
        position, velocity: (3,) in the world, metres and m/s.
        gyro_bias: (3,) rad/s.
        accel_bias: (3,) m/s^2.
        accel_scale: (3,) factor on the accelerometer's axes.
        time_offset: seconds to add to a camera stamp to have the IMU's time of it.
        camera_rotations: (C, 3, 3) camera to body.
        camera_positions: (C, 3) in the body, metres.
        focal_scales: (C,) true focal length over that of the calibration.
        trail_rotations: (K, 3, 3) of the trail's poses, oldest first.
        trail_positions: (K, 3) metres.
        covariance: (n, n) of the invariant error, see ``update``.
        wheel_scale: true speed over that of the wheels, None before any were heard.
    """

    time_ns: int
    rotation: np.ndarray
    position: np.ndarray
    velocity: np.ndarray
    gyro_bias: np.ndarray
    accel_bias: np.ndarray
    accel_scale: np.ndarray
    time_offset: float
    camera_rotations: np.ndarray
    camera_positions: np.ndarray
    focal_scales: np.ndarray
    covariance: np.ndarray
    trail_rotations: np.ndarray = field(default_factory=lambda: np.zeros((0, 3, 3)))
    trail_positions: np.ndarray = field(default_factory=lambda: np.zeros((0, 3)))
    wheel_scale: float | None = None

    @property
    def own(self) -> int:
        """Return the size of the error of the body, its IMU and its wheels."""
        return BODY + (self.wheel_scale is not None)

    def body(self) -> State:
        """Return the body's part alone, which may be changed without changing this one."""
        return replace(
            self,
            covariance=self.covariance[:BODY, :BODY].copy(),
            trail_rotations=np.zeros((0, 3, 3)),
            trail_positions=np.zeros((0, 3)),
            wheel_scale=None,
        )
