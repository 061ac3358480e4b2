"""What the odometry says, as messages; ``make`` is that of ``ros.convert``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from equi_nodes.geometry.rotations import hat, inverse, quaternion
from equi_nodes.ros.clouds import cloud_message
from equi_nodes.ros.convert import Make, header, stamp_ns
from equi_nodes.ros.sensors import transform_of, xyz
from equi_nodes.samples import OdometrySample, Status

RATE_VARIANCE = 1e-6  # (rad/s)^2, of the gyro's noise in one sample; its bias has a variance too


def odometry(
    sample: OdometrySample, frames: tuple[str, str], T_b_base: np.ndarray, make: Make
) -> Any:
    """Build a ``nav_msgs/Odometry`` of the base: pose in the first frame, twist in the second.

    Args:
        sample: state of the body.
        frames: the odometry's frame and that of the base.
        T_b_base: (4, 4) maps points of the base into the body.
        make: builds messages.
    """
    linear, angular, pose_covariance, twist_covariance = base_state(sample, T_b_base)
    twist = make(
        "geometry_msgs/msg/Twist",
        linear=_vector(linear, make),
        angular=_vector(angular, make),
    )
    return make(
        "nav_msgs/msg/Odometry",
        header=header(sample.stamp_ns, frames[0], make),
        child_frame_id=frames[1],
        pose=make(
            "geometry_msgs/msg/PoseWithCovariance",
            pose=pose(sample.T_w_b @ T_b_base, make),
            covariance=pose_covariance.ravel(),
        ),
        twist=make(
            "geometry_msgs/msg/TwistWithCovariance",
            twist=twist,
            covariance=twist_covariance.ravel(),
        ),
    )


def odometry_sample(msg: Any) -> OdometrySample:
    """Read a ``nav_msgs/Odometry`` whose child is the body.

    It tells neither biases nor how far it can be trusted beyond being published: what is not told
    is NaN, and the status is that of good odometry.
    """
    T_w_b = transform_of(msg.pose.pose.position, msg.pose.pose.orientation)
    covariance = np.full((15, 15), np.nan)
    stated = np.array(msg.pose.covariance).reshape(6, 6)
    order = [3, 4, 5, 0, 1, 2]  # a message has the position first
    covariance[:6, :6] = stated[np.ix_(order, order)]
    return OdometrySample(
        stamp_ns=stamp_ns(msg.header.stamp),
        status=Status.TRACKING,
        reason="",
        T_w_b=T_w_b,
        velocity=T_w_b[:3, :3] @ xyz(msg.twist.twist.linear),
        angular_velocity=xyz(msg.twist.twist.angular),
        gyro_bias=np.full(3, np.nan),
        accel_bias=np.full(3, np.nan),
        covariance=covariance,
    )


def base_state(
    sample: OdometrySample, T_b_base: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return velocity and rate of the base in its own axes, and the covariances of its message.

    Returns:
        linear (3,) m/s and angular (3,) rad/s in the base; pose covariance (6, 6) in the order x,
        y, z, rotation about the fixed axes; twist covariance (6, 6) in the base's axes.
    """
    R_w_b, R_b_base, lever = sample.T_w_b[:3, :3], T_b_base[:3, :3], T_b_base[:3, 3]
    velocity = R_w_b.T @ sample.velocity
    linear = R_b_base.T @ (velocity + np.cross(sample.angular_velocity, lever))
    pose_by = np.zeros((6, 15))
    pose_by[:3, 0:3], pose_by[:3, 3:6] = -hat(R_w_b @ lever), np.eye(3)
    pose_by[3:, 0:3] = np.eye(3)
    twist_by = np.zeros((6, 15))
    twist_by[:3, 0:3] = R_b_base.T @ R_w_b.T @ hat(sample.velocity)
    twist_by[:3, 6:9] = R_b_base.T @ R_w_b.T
    twist_by[:3, 9:12] = R_b_base.T @ hat(lever)
    twist_by[3:, 9:12] = -R_b_base.T
    noise = np.zeros((6, 6))
    noise[3:, 3:] = RATE_VARIANCE * np.eye(3)
    return (
        linear,
        R_b_base.T @ sample.angular_velocity,
        _carried(pose_by, sample.covariance),
        _carried(twist_by, sample.covariance) + noise,
    )


def pose(T: np.ndarray, make: Make) -> Any:
    """Build a ``geometry_msgs/Pose`` of a transform (4, 4)."""
    x, y, z = T[:3, 3].tolist()
    return make(
        "geometry_msgs/msg/Pose",
        position=make("geometry_msgs/msg/Point", x=x, y=y, z=z),
        orientation=_quaternion(T, make),
    )


def path(poses: Sequence[tuple[int, np.ndarray]], frame: str, make: Make) -> Any:
    """Build a ``nav_msgs/Path`` of stamps in nanoseconds and poses (4, 4), oldest first."""
    stamped = [
        make("geometry_msgs/msg/PoseStamped", header=header(stamp, frame, make), pose=pose(T, make))
        for stamp, T in poses
    ]
    newest = poses[-1][0] if poses else 0
    return make("nav_msgs/msg/Path", header=header(newest, frame, make), poses=stamped)


def landmark_cloud(sample: OdometrySample, frame: str, make: Make) -> Any:
    """Build a ``sensor_msgs/PointCloud2`` of the landmarks, x, y, z in float32 metres."""
    return cloud_message(sample.stamp_ns, frame, sample.landmarks, make)


def transforms(stamp: int, items: Sequence[tuple[str, str, np.ndarray]], make: Make) -> Any:
    """Build a ``tf2_msgs/TFMessage`` of (parent, child, T_parent_child)."""
    built = []
    for parent, child, T in items:
        x, y, z = T[:3, 3].tolist()
        transform = make(
            "geometry_msgs/msg/Transform",
            translation=make("geometry_msgs/msg/Vector3", x=x, y=y, z=z),
            rotation=_quaternion(T, make),
        )
        built.append(
            make(
                "geometry_msgs/msg/TransformStamped",
                header=header(stamp, parent, make),
                child_frame_id=child,
                transform=transform,
            )
        )
    return make("tf2_msgs/msg/TFMessage", transforms=built)


def picture(stamp: int, frame: str, pixels: np.ndarray, make: Make) -> Any:
    """Build a ``sensor_msgs/Image`` of (H, W) mono8 or (H, W, 3) bgr8 pixels."""
    height, width = pixels.shape[:2]
    encoding = "mono8" if pixels.ndim == 2 else "bgr8"
    return make(
        "sensor_msgs/msg/Image",
        header=header(stamp, frame, make),
        height=height,
        width=width,
        encoding=encoding,
        is_bigendian=0,
        step=pixels[0].size,
        data=make.array("B", pixels.reshape(-1)),
    )


def tree(
    sample: OdometrySample, frames: tuple[str, str, str], T_b_base: np.ndarray, invert: bool
) -> list[tuple[str, str, np.ndarray]]:
    """Return the transforms (parent, child, T_parent_child) that the odometry knows.

    Args:
        sample: state of the body.
        frames: of the map, the odometry and the base.
        T_b_base: (4, 4) maps points of the base into the body.
        invert: give base -> odometry, where the base has another parent already.
    """
    in_map, odom, base = frames
    T_odom_base = sample.T_w_b @ T_b_base
    items = [(base, odom, inverse(T_odom_base)) if invert else (odom, base, T_odom_base)]
    if sample.T_map_w is not None and not invert:
        items.append((in_map, odom, sample.T_map_w))
    return items


def _carried(by: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    carried = by @ covariance @ by.T
    return 0.5 * (carried + carried.T)


def _vector(values: np.ndarray, make: Make) -> Any:
    x, y, z = values.tolist()
    return make("geometry_msgs/msg/Vector3", x=x, y=y, z=z)


def _quaternion(T: np.ndarray, make: Make) -> Any:
    x, y, z, w = quaternion(T[:3, :3]).tolist()
    return make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w)
