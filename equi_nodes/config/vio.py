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
        3.0,
        "Factor on the densities of the IMU's noise, as data sheets state them too small.",
        low=0.1,
        high=1000.0,
    )
    adaptive_noise: bool = parameter(
        True, "Raise the IMU's noise to what its samples show, as on a vibrating robot."
    )
    image_noise_scale: float = parameter(
        2.0,
        "Factor on the standard deviation of the image points in the update, as the errors of a "
        "followed feature last over frames; the gate takes each point as it is.",
        low=0.1,
        high=20.0,
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
    still_pixels: float = parameter(
        3.0, "Most motion of a feature that stands.", unit="px", low=0.1, high=20.0
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
    converged_velocity: float = parameter(
        0.3, "Spread of the velocity below which the start is over.", unit="m/s", low=0.01
    )
    reset_after: float = parameter(
        1.5, "Time that all tracks disagree after which the filter starts anew.", unit="s", low=0.5
    )


@dataclass(frozen=True)
class InitialiserConfig:
    """What a user may set about finding where to start with one camera."""

    min_window: float = parameter(
        2.0, "Shortest time from which a start is tried.", unit="s", low=0.5, high=10.0
    )
    max_window: float = parameter(
        3.0, "Time that is looked at; older frames are forgotten.", unit="s", low=0.5, high=10.0
    )
    frame_spacing: float = parameter(
        0.2, "Time between the frames that are used.", unit="s", low=0.01, high=1.0
    )
    interval: float = parameter(0.2, "Time between two tries.", unit="s", low=0.0, high=5.0)
    min_parallax: float = parameter(
        10.0,
        "Median motion of the features that is needed, beside the rotation.",
        unit="px",
        low=1.0,
    )
    max_landmarks: int = parameter(100, "Features used, those longest seen.", low=15, high=1000)
    iterations: int = parameter(30, "Steps of the refinement at most.", low=1, high=100)
    max_scale_spread: float = parameter(
        0.03, "Standard deviation of the scale above which it waits.", low=0.001, high=1.0
    )
    max_residual: float = parameter(
        2.5, "Root mean square residual above which a start is refused, in standard deviations.",
        low=1.0, high=20.0,
    )  # fmt: skip
    inflation: float = parameter(
        1.5, "Factor on the standard deviations that a start is given.", low=1.0, high=20.0
    )
    prior_gyro_bias: float = parameter(
        0.1, "Spread of the gyro bias before.", unit="rad/s", low=0.001, high=1.0
    )
    prior_accel_bias: float = parameter(
        0.1, "Spread of the accelerometer bias before.", unit="m/s^2", low=0.001, high=2.0
    )
    still_spread: float = parameter(
        0.01, "Spread of the velocity of a body that stands.", unit="m/s", low=1e-4, high=0.5
    )


@dataclass(frozen=True)
class WheelConfig:
    """What a user may set about the wheels of a robot that cannot move sideways.

    Noise is given as densities, so that wheels of any rate tell as much.
    """

    delay: float = parameter(
        0.0, "Age of what the wheels say at its stamp: half of the time that they average over.",
        unit="s", low=0.0, high=0.5,
    )  # fmt: skip
    speed_noise: float = parameter(
        0.01, "Noise of the speed.", unit="m/s/sqrt(Hz)", low=1e-4, high=1.0
    )
    speed_share: float = parameter(
        0.02, "Noise of the speed that grows with it, as a share.", unit="1/sqrt(Hz)",
        low=0.0, high=1.0,
    )  # fmt: skip
    slide_noise: float = parameter(
        0.03, "Speed sideways that is none by the wheels.", unit="m/s/sqrt(Hz)", low=1e-4, high=1.0
    )
    bounce_noise: float = parameter(
        0.02, "Speed up and down that is none by the wheels.", unit="m/s/sqrt(Hz)",
        low=1e-4, high=1.0,
    )  # fmt: skip
    yaw_noise: float = parameter(
        0.02, "Noise of the yaw rate; 0 does not use it.", unit="rad/s/sqrt(Hz)", low=0.0, high=1.0
    )
    yaw_share: float = parameter(
        0.1, "Noise of the yaw rate that grows with it, as a share.", unit="1/sqrt(Hz)",
        low=0.0, high=1.0,
    )  # fmt: skip
    prior_scale: float = parameter(
        0.02, "Spread of the wheels' size at the start, as a share; 0 fixes it.", low=0.0, high=0.5
    )
    scale_walk: float = parameter(
        0.001, "Change of the wheels' size, as a share; floors differ.", unit="1/sqrt(s)",
        low=0.0, high=0.1,
    )  # fmt: skip
    still_speed: float = parameter(
        0.005, "Most speed of wheels that stand.", unit="m/s", low=0.0, high=0.1
    )
    still_turn: float = parameter(
        0.01, "Most yaw rate of wheels that stand.", unit="rad/s", low=0.0, high=0.1
    )


@dataclass(frozen=True)
class VioConfig:
    """What a user may set about the odometry node: its inputs, frames and outputs."""

    calibration: str = parameter(
        "",
        "Kalibr camera chain with the IMU (a file) or EuRoC recording (a folder); empty takes "
        "camera_info and tf_static.",
    )
    imu_calibration: str = parameter(
        "", "Kalibr imu.yaml or EuRoC sensor.yaml with the IMU's noise; empty takes usual values."
    )
    stereo: bool = parameter(True, "Use the right camera; false never subscribes to it.")
    rectified: bool = parameter(
        False, "The images are rectified: of camera_info the matrix P holds and no distortion."
    )
    transport: str = parameter(
        "raw", "Type of the image topics: Image or CompressedImage.", choices=("raw", "compressed")
    )
    image_bits: int = parameter(
        16, "Significant bits of 16-bit images; the highest eight are used.", low=8, high=16
    )
    pair_tolerance: float = parameter(
        0.005, "Stamps of a left and a right image differ at most by this.", unit="s",
        low=0.0, high=0.1,
    )  # fmt: skip
    pair_patience: float = parameter(
        0.03, "How long a left image waits for its right one.", unit="s",
        low=0.0, high=1.0,
    )  # fmt: skip
    imu_frame: str = parameter(
        "", "Frame of the IMU; empty takes that of its messages, which needs a calibration file."
    )
    odom_frame: str = parameter("odom", "Frame that the odometry is given in; it never jumps.")
    base_frame: str = parameter(
        "",
        "Frame that the odometry is given of, joined to the IMU's by tf_static; empty: the IMU's.",
    )
    map_frame: str = parameter("map", "Frame of the map, with slam.")
    publish_tf: bool = parameter(False, "Publish odom -> base, and map -> odom with slam, on tf.")
    invert_tf: bool = parameter(
        False, "Publish base -> odom instead, where the base has another parent already."
    )
    rate: str = parameter(
        "image", "Odometry at the rate of the images or of the IMU.", choices=("image", "imu")
    )
    path_length: int = parameter(1000, "Newest poses in the path.", low=2, high=100_000)
    slam: bool = parameter(False, "Keep a map and correct the drift by it as map -> odom.")
    wheels: bool = parameter(
        False,
        "Use the speed of the wheels too, in the twist of nav_msgs/Odometry.",
    )
    wheel_frame: str = parameter(
        "",
        "Frame that the wheels' twist is in (child_frame_id), between the driven wheels, x ahead,"
        " joined to the IMU's by tf_static; empty: base_frame.",
    )


@dataclass(frozen=True)
class TrackerConfig:
    """What a user may set about following features through the images.

    Pixels marked 'of 720 lines' are scaled by the image's shorter side over 720.
    """

    max_tracks: int = parameter(200, "Features followed at once.", low=20, high=1000)
    refill_share: float = parameter(
        0.1, "Share of free places from which new features are searched.", low=0.0, high=1.0
    )
    corner_quality: float = parameter(
        1e-3, "Least eigenvalue of a corner's structure tensor, grey levels 0..1.", low=0.0
    )
    window: int = parameter(
        15, "Side of the patch that optical flow compares.", unit="px", low=7, high=63
    )
    levels: int = parameter(3, "Halvings of the image in optical flow.", low=0, high=6)
    return_distance: float = parameter(
        1.0,
        "Flow back to the image before must end this near its start; 0 leaves the check out.",
        unit="px",
        low=0.0,
    )
    epipolar_distance: float = parameter(
        3.0,
        "Largest distance of a right point from its epipolar line, of 720 lines.",
        unit="px",
        low=0.1,
    )
    refinds: int = parameter(
        40, "Left-only features searched again in the right image, a frame.", low=0, high=1000
    )
    equalise: bool = parameter(False, "Give the right image the brightness of the left one.")
    ransac_distance: float = parameter(
        6.0,
        "Features farther from the common motion are outliers, of 720 lines.",
        unit="px",
        low=0.1,
    )
    ransac_rounds: int = parameter(100, "Hypotheses drawn a frame.", low=10, high=1000)
    still_distance: float = parameter(
        3.0, "Features that moved less since the body last moved are still.", unit="px", low=0.1
    )
    still_time: float = parameter(
        0.4, "Time over which features must not move to count as still.", unit="s", low=0.0
    )
    pixel_noise: float = parameter(
        0.7, "Standard deviation of image points.", unit="px", low=0.05, high=10
    )
    seed: int = parameter(0, "Seed of the hypotheses.", low=0)


@dataclass(frozen=True)
class SlamConfig:
    """What a user may set about the map, which corrects slow drift beside the filter."""

    keyframe_interval: float = parameter(
        0.25, "Shortest time between two keyframes.", unit="s", low=0.05, high=10.0
    )
    keyframe_distance: float = parameter(
        0.15, "Motion after which a keyframe is made.", unit="m", low=0.01, high=10.0
    )
    keyframe_shared: float = parameter(
        0.7, "Share of common features below which a keyframe is made.", low=0.0, high=1.0
    )
    max_keyframes: int = parameter(
        400, "Keyframes kept; the most crowded are forgotten first.", low=20, high=5000
    )
    adjusted: int = parameter(8, "Newest keyframes that are adjusted together.", low=3, high=50)
    anchors: int = parameter(
        6, "Older keyframes of the same place that hold the adjusted ones.", low=0, high=50
    )
    iterations: int = parameter(6, "Steps of one adjustment at most.", low=1, high=100)
    close_loops: bool = parameter(True, "Recognise places seen before.")
    loop_age: float = parameter(
        5.0, "A place seen longer ago is looked for as a loop.", unit="s", low=1.0, high=1000.0
    )
    loop_inliers: int = parameter(
        15, "Points that must agree on where a loop closes.", low=6, high=500
    )
    loop_drift: float = parameter(
        0.1, "Most drift a loop may show: per metre and per second.", low=0.001, high=1.0
    )
    loop_significance: float = parameter(
        0.999,
        "Probability with which a place seen again must show drift, or nothing is corrected.",
        low=0.5,
        high=0.999999,
    )
    latency: int = parameter(
        12, "Frames after a keyframe at which its result counts, finished or waited for; no other"
        " keyframe is made until then.",
        low=1, high=100,
    )  # fmt: skip
    correction_time: float = parameter(
        1.0, "Time constant with which a correction comes in.", unit="s", low=0.01, high=60.0
    )


PARTS = {
    "filter": FilterConfig,
    "tracker": TrackerConfig,
    "initialiser": InitialiserConfig,
    "mapping": SlamConfig,
    "wheel": WheelConfig,
}  # by the prefix that their parameters have in the node
