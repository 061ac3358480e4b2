"""What flows between the parts of the odometry. Frames: world w (z up), body b = IMU, camera c."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from equi_nodes.geometry.camera import Camera


@dataclass(frozen=True)
class ImuNoise:
    """Noise of the IMU as densities: per sqrt(Hz) of white noise and of the biases' walk.

    Attributes:
        gyro: rad/s/sqrt(Hz).
        accel: m/s^2/sqrt(Hz).
        gyro_walk: rad/s^2/sqrt(Hz).
        accel_walk: m/s^3/sqrt(Hz).
    """

    gyro: float = 1.7e-4
    accel: float = 2.0e-3
    gyro_walk: float = 2.0e-5
    accel_walk: float = 3.0e-3


@dataclass(frozen=True)
class Rig:
    """The sensors of one robot: one camera, or a left and a right one, and an IMU.

    Attributes:
        cameras: left and right, or one.
        imu_noise: of the body's IMU.
        T_b_base: (4, 4) where the wheels carry the body: x ahead, z up, between the driven wheels.
            The odometry then begins with the base, not the IMU, in the origin.
    """

    cameras: tuple[Camera, ...]
    imu_noise: ImuNoise = ImuNoise()
    T_b_base: np.ndarray | None = None


@dataclass(frozen=True)
class Prediction:
    """What the filter expects of the coming frame, from which optical flow starts.

    Attributes:
        T_w_b_before: (4, 4) pose at the frame before.
        T_w_b_now: (4, 4) pose expected at the coming frame.
        distance: metres to landmarks of unknown distance.
        distance_by_id: metres from the left camera of the frame before, where known.
    """

    T_w_b_before: np.ndarray
    T_w_b_now: np.ndarray
    distance: float = 3.0
    distance_by_id: dict[int, float] = field(default_factory=dict)
