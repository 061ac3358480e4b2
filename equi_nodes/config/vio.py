"""Settings of the visual-inertial odometry."""

from __future__ import annotations

from dataclasses import dataclass

from equi_nodes.config.parameter import parameter


@dataclass(frozen=True)
class FilterConfig:
    """What a user may set about the filter. Prior spreads are standard deviations; 0 fixes a value.

    The densities of the IMU's noise and the cameras' calibration come with the rig.
    """

    error: str = parameter(
        "invariant",
        "Error state: invariant carries position and velocity errors along with the rotation "
        "error, additive adds them.",
        choices=("invariant", "additive"),
    )
    gravity: float = parameter(9.80665, "Gravity at the site.", unit="m/s^2", low=9.7, high=9.9)
    imu_noise_scale: float = parameter(
        1.0, "Factor on the densities of the IMU's noise.", low=0.1, high=1000.0
    )
    adaptive_noise: bool = parameter(
        True, "Raise the IMU's noise to what its samples show, as on a vibrating robot."
    )
    image_noise_scale: float = parameter(
        1.0, "Factor on the standard deviation of the image points.", low=0.1, high=20.0
    )
    trail: int = parameter(20, "Past poses kept in the state.", low=5, high=60)
    trail_sparse: int = parameter(
        3, "Oldest places of the trail that are renewed every 2, 4, 8 ... frames.", low=0, high=8
    )
    tracks_per_frame: int = parameter(20, "Tracks used in one frame at most.", low=1, high=200)
    min_track: int = parameter(4, "Points that a track needs before it is used.", low=2, high=20)
    gate_probability: float = parameter(
        0.95, "Share of good tracks that the chi-square gate lets through.", low=0.5, high=0.9999
    )
    gate_noise_scale: float = parameter(
        2.0, "Factor on the image noise inside the gate alone.", low=1.0, high=10.0
    )
    seed: int = parameter(0, "Seed of the order in which tracks are taken.", low=0)
    prior_tilt: float = parameter(
        0.15, "Spread of roll and pitch at the start.", unit="rad", low=0.001, high=1.0
    )
    prior_velocity: float = parameter(
        1.4, "Spread of the velocity at the start.", unit="m/s", low=0.001, high=50.0
    )
    prior_gyro_bias: float = parameter(
        0.1, "Spread of the gyro bias at the start.", unit="rad/s", low=0.0, high=1.0
    )
    prior_accel_bias: float = parameter(
        0.1, "Spread of the accelerometer bias at the start.", unit="m/s^2", low=0.0, high=2.0
    )
    prior_accel_scale: float = parameter(
        0.0, "Spread of the accelerometer's scale at the start.", low=0.0, high=0.2
    )
    prior_time_offset: float = parameter(
        0.005, "Spread of the time offset camera to IMU.", unit="s", low=0.0, high=0.2
    )
    prior_extrinsic_rotation: float = parameter(
        0.0, "Spread of each camera's rotation on the body.", unit="rad", low=0.0, high=0.2
    )
    prior_extrinsic_translation: float = parameter(
        0.0, "Spread of each camera's position on the body.", unit="m", low=0.0, high=0.5
    )
    prior_focal: float = parameter(
        0.0, "Spread of each camera's focal length, as a share.", low=0.0, high=0.2
    )
    accel_bias_decay: float = parameter(
        0.0, "Rate at which the accelerometer bias returns to zero.", unit="1/s", low=0.0, high=1.0
    )
    start_window: float = parameter(
        0.3, "IMU before the first frame from which gravity is taken.", unit="s", low=0.02, high=5.0
    )
    still_share: float = parameter(
        0.95, "Share of unmoved features from which an image counts as still.", low=0.5, high=1.0
    )
    still_frames: int = parameter(
        3, "Still frames in a row before the body counts as standing.", low=1, high=100
    )
    still_window: float = parameter(
        0.5, "IMU over which stillness is judged.", unit="s", low=0.1, high=5.0
    )
    still_accel: float = parameter(
        0.15, "Most spread of the accelerometer while still.", unit="m/s^2", low=0.0, high=5.0
    )
    still_gyro: float = parameter(
        0.02, "Most spread of the gyro while still.", unit="rad/s", low=0.0, high=1.0
    )
    still_interval: float = parameter(
        0.25, "Time between two zero-velocity updates.", unit="s", low=0.0, high=5.0
    )
    still_velocity: float = parameter(
        0.005, "Spread of the velocity of a standing body.", unit="m/s", low=1e-4, high=0.5
    )
    max_speed: float = parameter(
        0.0, "Horizontal speed that the body cannot exceed; 0: none.", unit="m/s", low=0.0
    )
    max_imu_gap: float = parameter(
        1.2, "Longest gap of the IMU that is bridged.", unit="s", low=0.02, high=5.0
    )
    gap_accel: float = parameter(
        2.0, "Acceleration to expect in a gap of the IMU.", unit="m/s^2", low=0.1, high=50.0
    )
    gap_gyro: float = parameter(
        0.5, "Rate of rotation to expect in a gap of the IMU.", unit="rad/s", low=0.01, high=20.0
    )
    degraded_after: float = parameter(
        0.3, "Time without an accepted update after which it is degraded.", unit="s", low=0.05
    )
    lost_after: float = parameter(
        5.0, "Time without an accepted update after which it is lost.", unit="s", low=0.5
    )
    reset_after: float = parameter(
        1.5, "Time that all tracks disagree after which the filter starts anew.", unit="s", low=0.5
    )
