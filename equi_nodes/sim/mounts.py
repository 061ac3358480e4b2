"""Where the sensors sit on the robot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equi_nodes.geometry.camera import Camera
from equi_nodes.geometry.rotations import inverse, rigid
from equi_nodes.sim.scenario import Sensors

IMU_PLACE = np.array([0.0, 0.0, 0.12])  # m, of the base
CAMERA_PLACE = np.array([0.18, 0.0, 0.44])  # m, between both
LIDAR_PLACE = np.array([0.0, 0.0, 0.62])  # m
R_B_C = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # z looks along x


@dataclass(frozen=True, eq=False)
class Mounts:
    """The calibration of all sensors.

    Attributes:
        cameras: left and right, each with ``T_b_c`` on the IMU, as the odometry wants them; none
            without pictures.
        imu_noise: densities gyro, accel, gyro_walk and accel_walk, SI units.
        T_base_imu, T_base_lidar: (4, 4) places on the base.
        T_base_cameras: (4, 4) each.
    """

    cameras: tuple[Camera, ...]
    imu_noise: dict[str, float]
    T_base_imu: np.ndarray
    T_base_lidar: np.ndarray

    @property
    def T_base_cameras(self) -> tuple[np.ndarray, ...]:
        """Return the places of the cameras on the base."""
        return tuple(self.T_base_imu @ camera.T_b_c for camera in self.cameras)


def make_mounts(sensors: Sensors) -> Mounts:
    """Return where sensors like these sit."""
    T_base_imu = rigid(np.eye(3), IMU_PLACE)
    width, height = sensors.picture
    focal = 0.5 * width / np.tan(sensors.field_of_view / 2)
    intrinsics = (focal, focal, (width - 1) / 2, (height - 1) / 2)
    places = [CAMERA_PLACE + [0, side * sensors.baseline, 0] for side in (0.5, -0.5)]
    cameras = tuple(
        Camera("pinhole", width, height, intrinsics, (), inverse(T_base_imu) @ rigid(R_B_C, place))
        for place in places
        if width
    )
    lidar = rigid(np.eye(3), LIDAR_PLACE)
    return Mounts(cameras, dict(sensors.imu_noise), T_base_imu, lidar)
